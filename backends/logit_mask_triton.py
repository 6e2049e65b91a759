"""Masks over logits on a GPU: a kernel of Triton.

A program masks a block of one row's columns: it reads the block's words, and writes -inf where a bit is 0. Where log Z
is asked for it also reads the logits, once, and leaves two numbers, which are summed up over the blocks of a row:

    whole, left    (n, blocks) float32, float64 for float64 logits: logsumexp over all columns of the block, and over
                   those that stay
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

#: Columns of a program; a multiple of 32.
BLOCK = 4096


@triton.jit
def _logsumexp(x):
    top = tl.max(x, 0)
    is_empty = top == float("-inf")
    base = tl.where(is_empty, 0.0, top)  # -inf less itself is NaN
    mass = tl.sum(tl.exp(x - base), 0)
    return tl.where(is_empty, float("-inf"), base + tl.log(tl.where(is_empty, 1.0, mass)))


@triton.jit
def _mask_block(
    logits,
    masks,
    places,
    whole,
    left,
    stride,
    n_columns,
    n_words,
    BLOCK: tl.constexpr,
    WEIGH: tl.constexpr,
    DOUBLE: tl.constexpr,
):
    i = tl.load(places + tl.program_id(0))
    block = tl.program_id(1)
    columns = block * BLOCK + tl.arange(0, BLOCK)
    is_column = columns < n_columns
    k = columns // 32
    words = tl.load(masks + i * n_words + k, mask=is_column & (k < n_words), other=0)
    allowed = ((words >> (columns % 32)) & 1) != 0
    at = logits + i * stride + columns
    if WEIGH:
        x = tl.load(at, mask=is_column, other=float("-inf"))
        x = x.to(tl.float64) if DOUBLE else x.to(tl.float32)
        kept = tl.where(allowed, x, float("-inf"))
        out = i * tl.num_programs(1) + block
        tl.store(whole + out, _logsumexp(x))
        tl.store(left + out, _logsumexp(kept))
    tl.store(at, tl.full((BLOCK,), float("-inf"), logits.dtype.element_ty), mask=is_column & (allowed == 0))


def mask_logits(logits: torch.Tensor, masks: torch.Tensor, places: torch.Tensor, logz: bool) -> torch.Tensor | None:
    """See `logit_mask.apply_masks`; columns are contiguous, all tensors on one device, places an int64 tensor."""
    n, columns = logits.shape
    blocks = triton.cdiv(columns, BLOCK)
    is_double = logits.dtype == torch.float64
    shape = (2, n, blocks) if logz else (2, 0, 0)
    sums = torch.zeros(shape, dtype=torch.float64 if is_double else torch.float32, device=logits.device)
    if len(places) and columns:
        _mask_block[(len(places), blocks)](
            logits,
            masks,
            places,
            sums[0],
            sums[1],
            logits.stride(0),
            columns,
            masks.shape[1],
            BLOCK=BLOCK,
            WEIGH=logz,
            DOUBLE=is_double,
        )
    if not logz:
        return None
    whole, left = torch.logsumexp(sums.double(), -1)
    return torch.where(left == -torch.inf, left, left - whole).clamp(max=0.0)
