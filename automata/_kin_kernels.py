"""Kin: frames of objects that no single token can tell apart, and one of them that stands for all.

Behind a value it matters whether another member may come, whether an undeclared one may, and whether the object may
end; inside a key which of the keys that it may still become are left, besides. What was seen otherwise, and in which
object, shows only behind the next key's first letters: further than a token goes (see `kin.py`).
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import add_bit, add_key, key_available, may_end, member_available, other_available
from ._shown_kernels import intern_seen, is_like_undeclared, shown_alike, undeclared_payload
from .kernel import kernel


@kernel("int64(int32[::1], int64)")
def twin_state(G, s):
    """The state in the place of s of the first rule that is like its own, call for call."""
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    return s + G[r + R_TWIN] - G[r + R_START] if G[r + R_TWIN] else s


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def asked_of(G, A, r, p):
    """What an object with payload p can go on with: its end, a key, an undeclared key, a bit each."""
    return (may_end(G, A, r, p) * 2 + member_available(G, A, r, p)) * 2 + other_available(G, A, r, p)


@kernel("int64(int32[::1], int32[::1], int64)")
def called_from(G, A, s):
    """The rule that state s, behind a key, leads to; 0 if that is not found.

    Below 0 for objects: their family, and what they can begin with. Tokens tell no more of their beginnings.
    """
    callee = 0
    for _ in range(KIN_STATES):
        rec = G[G_ST] + s * ST
        if G[rec + S_NCALLS]:
            callee = G[G[G_ED] + G[rec + S_CALLS]]
            break
        after = s
        for i in range(0 if G[rec] & DENSE else G[rec + S_NEDGES]):
            code = G[G[G_ED] + G[rec + S_EDGES] + 2 * i + 1]
            if code > 0 and code & TARGET != s:
                after = code & TARGET
        if after == s or G[G[G_ST] + after * ST] & KIN == 0:
            break
        s = after
    r = G[G_RT] + callee * RT
    start = G[r + R_START]
    if callee == 0 or start == 0:
        return callee
    if G[r + R_FAMILY]:
        return -1 - (G[r + R_FAMILY] << 3 | asked_of(G, A, r, G[r + R_PAYLOAD]))
    return G[G[G_ST] + twin_state(G, start) * ST + S_RULE]


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def read_ending(G, A, s, ending):
    """The state behind a key, if state s can go on with its last letters and quote alone; else 0.

    Their bytes go to the two words at A[ending:]; there are six at most. An undeclared key may go on beside the quote.
    """
    A[ending] = 0
    A[ending + 1] = 0
    beside = G[G[G_ST] + s * ST + S_FALLBACK]
    for _ in range(1 if beside else 6):
        rec = G[G_ST] + s * ST
        at = G[G_ED] + G[rec + S_EDGES]
        if G[rec + S_NEDGES] != 1 or G[at] & 255 != G[at] >> 8 or G[at + 1] <= 0 or G[rec + S_FALLBACK] != beside:
            return 0
        A[ending] = (A[ending] << 8 | A[ending + 1] >> 16 & 255) & 0xFFFFFF
        A[ending + 1] = (A[ending + 1] << 8 | G[at] >> 8) & 0xFFFFFF
        s = G[at + 1] & TARGET
        if (G[at + 1] >> FLAG_SHIFT) & ADD:
            return s
    return 0


@kernel("int64(int32[::1], int64, int64, int64)")
def keys_alike(G, r, keys, p):
    """A set of seen keys that does as well as p where one of the keys listed at G[keys:] is read, both as bits."""
    under = 0
    for i in range(keys + 1, keys + 1 + G[keys]):
        under |= 1 << G[i]
    rest = ((1 << G[r + R_NKEYS]) - 1) & ~under
    if p & rest == rest:
        return p
    required = 0 if G[r + R_BOUND] else G[G[G_ED] + G[r + R_REQ]] & rest  # asked only where the object may end
    return p & under | (required if p & required == required else 0)


@kernel("int64(int32[::1], int64, int64, int64)")
def place_alike(G, r, keys, p):
    """A place among the keys that does as well as p where one of the keys listed at G[keys:] is read."""
    n = G[r + R_NKEYS]
    found = n
    for i in range(keys + 1, keys + 1 + G[keys]):
        if p <= G[i] <= G[G[G_ED] + G[r + R_REQ] + p]:
            found = min(found, G[i])
    return found


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def set_alike(G, A, r, keys, p):
    """An interned set of seen keys that does as well as p where one of the keys listed at G[keys:] is read, or -1."""
    n = G[r + R_NKEYS]
    words = (n + 31) >> 5
    if 2 * words + 2 > A[H_CAPSCR] >> 4:
        return p
    req = G[G_ED] + G[r + R_REQ]
    at = A[H_SET] + p
    made = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    under = made + words + 2
    for i in range(words):
        A[under + i] = 0
    for i in range(keys + 1, keys + 1 + G[keys]):
        add_bit(A, under, G[i])
    is_full = True
    has_required = G[r + R_BOUND] == 0
    for i in range(words):
        left = ~(A[at + i] | A[under + i])
        if n - 32 * i < 32:
            left &= (1 << (n - 32 * i)) - 1
        if left:
            is_full = False
        if left & G[req + i]:
            has_required = False
    if is_full:
        return p
    for i in range(words):
        A[made + i] = A[at + i] & A[under + i]
        if has_required:
            A[made + i] |= G[req + i] & ~A[under + i]
    return intern_seen(G, A, r, made)


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def payload_alike(G, A, V, s, p):
    """A payload that does as well as p in state s, inside a key; -1 if a table is full."""
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    keys = G[G_ED] + G[rec + S_AUX]
    if G[keys] == 0 and G[rec] & SHADOW:  # keys are read, but not listed
        return shown_alike(G, A, V, s, p)
    if G[r + R_KIND] == KEYS:
        return shown_alike(G, A, V, s, keys_alike(G, r, keys, p))
    if G[r + R_MIN] > 0 or G[r + R_MAX] >= 0:
        return p
    if G[r + R_KIND] == KEYSEQ:
        return place_alike(G, r, keys, p)
    p = set_alike(G, A, r, keys, p)
    return shown_alike(G, A, V, s, p) if p >= 0 else p


@kernel("int64(int32[::1], int64, int64, int64)")
def look_up_kin(A, key, s, p):
    """The frame that stands for those with the key A[key:], as `state | payload << 32`: (s, p) if it is the first."""
    h = 17
    for i in range(KIN_KEY):
        h = ((h * 31 + int(A[key + i])) * 2654435) & 0x3FFFFFFFFFF
        h ^= h >> 19
    if 4 * A[H_NKIN] >= 3 * KIN_SLOTS:  # others stand for them from now on
        for i in range(A[H_KIN], A[H_KIN] + KI * KIN_SLOTS):
            A[i] = 0
        A[H_NKIN] = 0
    h &= KIN_SLOTS - 1
    at = A[H_KIN] + KI * h
    while A[at] != 0:
        same = True
        for i in range(KIN_KEY):
            if A[at + i] != A[key + i]:
                same = False
        if same:
            return int(A[at + KIN_KEY]) | int(A[at + KIN_KEY + 1]) << 32
        h = (h + 1) & (KIN_SLOTS - 1)
        at = A[H_KIN] + KI * h
    A[H_NKIN] += 1
    for i in range(KIN_KEY):
        A[at + i] = A[key + i]
    A[at + KIN_KEY] = s
    A[at + KIN_KEY + 1] = p
    return s | p << 32


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def write_ending(G, A, s, p, key):
    """Write to A[key + 1:] what tells state s, inside a key, from those that end a key otherwise; the state behind it.

    0 if that is not all that tells them apart. At A[key] stands 1; or 2 or 3 if an undeclared key may go on beside the
    declared one, which may come, or not.
    """
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    behind = read_ending(G, A, s, key + 2)
    if behind == 0:
        return 0
    A[key] = 1
    A[key + 1] = called_from(G, A, behind)
    if G[rec + S_FALLBACK]:
        table = G[G[G_ST] + G[rec + S_FALLBACK] * ST + S_TABLE]
        if table < 0 or G[r + R_KIND] != KEYS or G[r + R_OTHER] != 1:
            return 0
        A[key] = 2 if key_available(G, A, r, p, G[G[G_ST] + behind * ST + S_AUX]) else 3
        A[key + 2] = (table + 1) * 2 + may_end(G, A, r, p)
        A[key + 3] = called_from(G, A, G[G[G_ED] + G[r + R_CLASSES]] & TARGET)
    return behind if A[key + 1] else 0


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def first_kin(G, A, V, s, p):
    """The first frame met that is kin to (s, p), a state flagged KIN, as `state | payload << 32`; -1: no room."""
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    key = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 - KIN_KEY
    behind = s
    after = p
    if G[rec] & KEYCHECK:
        like = is_like_undeclared(G, A, V, s, p)
        if like:
            beside = int(G[rec + S_FALLBACK])
            return beside | int(undeclared_payload(G, s, p)) << 32 if like == 1 else -1
        p = payload_alike(G, A, V, s, p)
        behind = write_ending(G, A, s, p, key) if p >= 0 else 0
        if behind == 0:
            return int(s) | int(p) << 32 if p >= 0 else -1
        after = add_key(G, A, r, p, G[G[G_ST] + behind * ST + S_AUX])
        if after < 0:
            return -1
    else:
        for i in range(KIN_KEY):
            A[key + i] = 0
        if G[rec + S_KIN] & KIN_STATES - 1 != BEHIND_VALUE:
            A[key + 1] = called_from(G, A, s)
            if A[key + 1] == 0:
                return int(s) | int(p) << 32
    A[key] |= (int(G[G[G_ST] + behind * ST + S_KIN]) << 3 | asked_of(G, A, r, after)) << 2
    return look_up_kin(A, key, int(s), int(p))
