"""Logits: masks written over them in place, and the share of the mass that stays.

A batch of logits is one flat array: row i begins at i * stride and has n columns. Column t of a row belongs to bit t of
its mask; columns behind the mask's words are padding, and go too.

Where only masking is asked for, an entry is bits of its size, whatever its float type: one kernel for each size. Shares
are made of float32, in blocks of a power of two, by loops that vectorise: exp(y) is 2^i times a polynomial in the
rest, and sums are pairwise, so a share is right to about 1e-6 of itself.
"""

from __future__ import annotations

import numpy as np

from .kernel import kernel

#: Columns whose exponentials are summed at a time.
BLOCK = 1024
#: Sums of a row that are kept apart up to its end.
LANES = 32


def _mask_rows(x, masks, places, stride, n, nothing):
    """Write `nothing` over what the masks of the rows `places` do not allow: see `mask_part`."""
    for i in places:
        row = x[i * stride : i * stride + n]
        words = masks[i]
        for k in range((n + 31) >> 5):
            word = words[k] if k < len(words) else np.int32(0)
            part = row[32 * k : min(32 * k + 32, n)]
            if word == 0:
                part[:] = nothing
            elif word != -1 and len(part) == 32:
                for j in range(32):
                    part[j] = part[j] if (word >> np.int32(j)) & 1 else nothing
            elif word != -1:
                for j in range(len(part)):
                    part[j] = part[j] if (word >> np.int32(j)) & 1 else nothing


# One for entries of two, of four and of eight bytes, as each kernel has one specialisation.
mask_halves = kernel()(_mask_rows)
mask_words = kernel()(_mask_rows)
mask_doubles = kernel()(_mask_rows)


@kernel()
def mask_and_weigh(x, masks, places, tops, stride, n, blocks, sums, out_logz):
    """Mask the rows `places` of float32 logits; `out_logz[i]` gets the log of the share of row i that stays, nats.

    `tops[i]` is the largest entry of row i. `blocks`, (2, BLOCK) float32, and `sums`, (2, LANES) float64: scratch.
    """
    for i in places:
        row = x[i * stride : i * stride + n]
        out_logz[i] = weigh_row(row, masks[i], tops[i], blocks[0], blocks[1], sums[0], sums[1])


@kernel("float64(float32[::1], int32[::1], float32, float32[::1], float32[::1], float64[::1], float64[::1])")
def weigh_row(row, words, top, e, kept, whole, left):
    """Mask one row; the log of the share that stays, -inf where nothing does. From `e` on: scratch."""
    if top == -np.inf:
        return -np.inf
    whole[:] = 0.0
    left[:] = 0.0
    for b in range(0, len(row), BLOCK):
        part = row[b : b + BLOCK]
        exponentials(part, top, e)
        mask_part(part, words, b >> 5)
        keep(part, e, kept)
        add(e, whole)
        add(kept, left)
    logp = np.log(total(whole))
    mass = total(left)
    if mass > 1e-30:
        return min(np.log(mass) - logp, 0.0)
    top_left = largest(row)  # what stays is so little beside the rest that it has to be scaled by itself
    if top_left == -np.inf:
        return -np.inf
    left[:] = 0.0
    for b in range(0, len(row), BLOCK):
        exponentials(row[b : b + BLOCK], top_left, e)
        add(e, left)
    return np.float64(top_left) - np.float64(top) + np.log(total(left)) - logp


@kernel("float32(float32[::1])")
def largest(row):
    """The largest entry."""
    top = np.float32(-np.inf)
    for t in range(len(row)):
        top = max(top, row[t])
    return top


@kernel("void(float32[::1], float32, float32[::1])")
def exponentials(part, top, e):
    """e[t] = exp(part[t] - top), 0 below 2^-126, and 0 behind the part.

    2^f for |f| <= 1/2 is the Taylor series in f log 2: off by 1.2e-7 at most.
    """
    n = len(part)
    for t in range(n):
        y = (part[t] - top) * np.float32(1.4426950408889634)
        z = y if y > np.float32(-126.0) else np.float32(-126.0)
        i = np.int32(z - np.float32(0.5))
        f = z - np.float32(i)
        p = np.float32(1.5403530e-4)
        p = p * f + np.float32(1.3333558e-3)
        p = p * f + np.float32(9.6181291e-3)
        p = p * f + np.float32(5.5504109e-2)
        p = p * f + np.float32(2.4022651e-1)
        p = p * f + np.float32(6.9314718e-1)
        p = p * f + np.float32(1.0)
        power = np.int32((i + np.int32(127)) << np.int32(23)).view(np.float32)
        e[t] = p * power if y > np.float32(-126.0) else np.float32(0.0)
    e[n:] = np.float32(0.0)


@kernel("void(float32[::1], int32[::1], int64)")
def mask_part(part, words, first):
    """Write -inf over what the words from `first` on do not allow."""
    for k in range((len(part) + 31) >> 5):
        word = words[first + k] if first + k < len(words) else np.int32(0)
        to = part[32 * k : min(32 * k + 32, len(part))]
        if word == 0:
            to[:] = np.float32(-np.inf)
        elif word != -1 and len(to) == 32:
            for j in range(32):
                to[j] = to[j] if (word >> np.int32(j)) & 1 else np.float32(-np.inf)
        elif word != -1:
            for j in range(len(to)):
                to[j] = to[j] if (word >> np.int32(j)) & 1 else np.float32(-np.inf)


@kernel("void(float32[::1], float32[::1], float32[::1])")
def keep(part, e, kept):
    """Copy to `kept` what of `e` stands where the part was not masked, 0 for the rest."""
    for t in range(len(part)):
        kept[t] = e[t] if part[t] > np.float32(-np.inf) else np.float32(0.0)
    kept[len(part) :] = np.float32(0.0)


@kernel("void(float32[::1], float64[::1])")
def add(e, sums):
    """Add a block to `LANES` sums, pairwise; the block is spent."""
    half = BLOCK >> 1
    while half >= LANES:
        for t in range(half):
            e[t] += e[t + half]
        half >>= 1
    for t in range(LANES):
        sums[t] += e[t]


@kernel("float64(float64[::1])")
def total(sums):
    """What the lanes sum up to."""
    mass = 0.0
    for t in range(LANES):
        mass += sums[t]
    return mass
