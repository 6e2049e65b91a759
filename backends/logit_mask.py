"""Masks over a batch of logits, in place, and the share of the mass that they leave.

    on the processor   kernels of numba, on one thread, over the tensor's own memory
    on CUDA            a kernel of Triton (`logit_mask_triton.py`), where Triton is installed
    elsewhere          operations of torch

Not chosen: torch's operations on the processor, which spread every bit to a byte or more first; they take 5 to 50
times as long (benchmarks/apply_mask.py).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMismatch

if TYPE_CHECKING:
    import torch


def apply_masks(
    logits: torch.Tensor,
    rows: torch.Tensor | NDArray[np.int32] | NDArray[np.uint32],
    indices: Sequence[int] | torch.Tensor | None = None,
    *,
    logz: bool = False,
) -> torch.Tensor | None:
    """Write -inf over the logits of tokens that may not follow.

    Parameters
    ----------
    logits : (n, columns) float64, float32, float16 or bfloat16, on any device, without gradient; written in place.
        Columns behind the masks' last word are padding, and get -inf.
    rows : (m, words) int32 or uint32: row i is the mask of row i of the logits, as `fill_masks` fills it. Copied to
        the device of the logits if it is elsewhere. Bits behind the last column are not read.
    indices : the rows to mask; by default all, and then m = n. Rows not named stay as they are.
    logz : whether to return log Z.

    Returns
    -------
    None, or with `logz` an (n,) float64 tensor of log Z (float32 where a device has no float64), nats, on the device of
    the logits: for each row the logsumexp
    over the tokens that its mask allows less the logsumexp over all columns, before masking. So exp(log Z) is the
    share of the model's mass that is kept, at temperature 1; log Z is at most 0, 0 for rows not named, and -inf where
    nothing is kept. It is off by about 1e-6 (float64 logits: 1e-14), and means nothing in a row with NaN or +inf.

    Raises
    ------
    BackendMismatch : the masks have more words than the logits have columns for.
    ValueError : a shape or dtype is another, the logits need a gradient, or an index is out of range.
    """
    import torch

    masks = torch.from_numpy(rows.view(np.int32)) if isinstance(rows, np.ndarray) else rows.view(torch.int32)
    places = None if indices is None else torch.as_tensor(indices, dtype=torch.int64)
    _check(logits, masks, places)
    if logits.stride(1) != 1 or (len(logits) > 1 and logits.stride(0) < logits.shape[1]):
        whole = logits.contiguous()
        share = apply_masks(whole, rows, indices, logz=logz)
        logits.copy_(whole)
        return share
    masks = masks.to(logits.device).contiguous()
    if logits.device.type == "cpu":
        chosen = np.arange(len(logits)) if places is None else places.numpy()
        return _with_kernels(logits, masks.numpy(), chosen, logz)
    places = torch.arange(len(logits), device=logits.device) if places is None else places.to(logits.device)
    if logits.device.type == "cuda" and _has_triton():
        from .logit_mask_triton import mask_logits

        return mask_logits(logits, masks, places, logz)
    return with_operations(logits, masks, places, logz)


def _check(logits: torch.Tensor, masks: torch.Tensor, places: torch.Tensor | None) -> None:
    import torch

    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    if logits.ndim != 2 or logits.dtype not in kinds:
        raise ValueError(f"Expected floating (n, columns) logits, got {logits.dtype} of shape {tuple(logits.shape)}.")
    if logits.requires_grad:
        raise ValueError("Expected logits without gradient: they are written in place. Detach them.")
    if masks.ndim != 2 or (places is None and len(masks) != len(logits)):
        raise ValueError(f"Expected a mask for each of the {len(logits)} rows of logits, got {tuple(masks.shape)}.")
    words, columns = masks.shape[1], logits.shape[1]
    if words > -(-columns // 32):
        raise BackendMismatch(
            f"The masks have {words} words, for up to {32 * words} tokens; the logits have {columns} columns. "
            f"Make the vocabulary with width={columns}."
        )
    n = min(len(logits), len(masks))
    if places is not None and places.device.type == "cpu" and len(places):
        lo, hi = int(places.min()), int(places.max())
        if lo < 0 or hi >= n:
            raise ValueError(f"Expected indices from 0 to {n - 1}, got {lo} to {hi}.")


def _with_kernels(
    logits: torch.Tensor, masks: NDArray[np.int32], places: NDArray[np.int64], logz: bool
) -> torch.Tensor | None:
    """On the processor: numba over the memory of the logits."""
    import torch

    from ..automata import _logit_kernels as kernels

    stride, columns = logits.stride(0), logits.shape[1]
    if logz and logits.dtype == torch.float32:
        share, tops = np.zeros(len(logits)), logits.amax(-1).numpy()
        blocks, sums = np.empty((2, kernels.BLOCK), np.float32), np.empty((2, kernels.LANES))
        kernels.mask_and_weigh(_flat(logits).numpy(), masks, places, tops, stride, columns, blocks, sums, share)
        return torch.from_numpy(share)
    if logz and logits.dtype == torch.float64:
        before = torch.logsumexp(logits, -1)
        _with_kernels(logits, masks, places, False)
        return _share(before, torch.logsumexp(logits, -1), torch.from_numpy(places))
    weighed = _with_kernels(logits.float(), masks, places, True) if logz else None
    mask, nothing = _masking(logits.dtype)
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[logits.itemsize]
    mask(_flat(logits).view(integers).numpy(), masks, places, stride, columns, nothing)
    return weighed


@cache
def _masking(dtype: torch.dtype) -> tuple[Callable[..., None], np.signedinteger[Any]]:
    """The kernel for entries of a type, and the bits of -inf as an integer of their size."""
    import torch

    from ..automata import _logit_kernels as kernels

    bits = torch.tensor([-torch.inf], dtype=dtype)
    if dtype.itemsize == 2:
        return kernels.mask_halves, bits.view(torch.int16).numpy()[0]
    if dtype.itemsize == 4:
        return kernels.mask_words, bits.view(torch.int32).numpy()[0]
    return kernels.mask_doubles, bits.view(torch.int64).numpy()[0]


def _flat(logits: torch.Tensor) -> torch.Tensor:
    """The memory from the first entry to the last, as one row."""
    n, columns = logits.shape
    return logits.as_strided((max(0, n - 1) * logits.stride(0) + columns if n else 0,), (1,))


def with_operations(logits: torch.Tensor, masks: torch.Tensor, places: torch.Tensor, logz: bool) -> torch.Tensor | None:
    """On a device without a kernel of its own: operations of torch."""
    import torch

    before = torch.logsumexp(logits.to(_precise(logits)), -1) if logz else None
    bits = masks.unsqueeze(-1) >> torch.arange(32, dtype=torch.int32, device=logits.device) & 1
    refused = torch.ones(logits.shape, dtype=torch.bool, device=logits.device)
    width = min(logits.shape[1], 32 * masks.shape[1])
    refused[places, :width] = bits[places].flatten(1)[:, :width] == 0
    named = torch.zeros(len(logits), 1, dtype=torch.bool, device=logits.device)
    named[places] = True
    logits.masked_fill_(refused & named, -torch.inf)
    return None if before is None else _share(before, torch.logsumexp(logits.to(before.dtype), -1), places)


def _precise(logits: torch.Tensor) -> torch.dtype:
    import torch

    return torch.float32 if logits.device.type == "mps" else torch.float64


def _share(before: torch.Tensor, after: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """log Z of the rows `places`, 0 for the others."""
    import torch

    share = torch.zeros_like(before)
    share[places] = torch.where(after == -torch.inf, after, after - before).clamp(max=0.0)[places]
    return share


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None
