"""Masks over logits: the kernels and torch's operations against the definition, bit by bit."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_logit_mask import masked

torch = pytest.importorskip("torch", reason="install syntagma[models]")

import syntagma as sg  # noqa: E402
from syntagma.backends.logit_mask import apply_masks, with_operations  # noqa: E402
from syntagma.errors import BackendMismatch  # noqa: E402

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
#: Where Triton's kernel can run in this process: on a GPU, or interpreted.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else None


def by_operations(logits, masks, indices=None, *, logz=False):
    places = torch.arange(len(logits)) if indices is None else torch.tensor(indices, dtype=torch.int64)
    return with_operations(logits, torch.from_numpy(masks), places, logz)


def by_triton(logits, masks, indices=None, *, logz=False):
    from syntagma.backends.logit_mask_triton import mask_logits

    there = logits.to(DEVICE)
    places = torch.arange(len(logits)) if indices is None else torch.tensor(indices, dtype=torch.int64)
    share = mask_logits(there, torch.from_numpy(masks).to(DEVICE), places.to(DEVICE), logz)
    logits.copy_(there)
    return None if share is None else share.cpu()


WAYS = {"kernels": apply_masks, "operations": by_operations}
if DEVICE and find_spec("triton"):
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
    WAYS["triton"] = by_triton


def draw_masks(rng, rows, words):
    """Words of all bits, of none, of few and of half, mixed."""
    kinds = rng.integers(0, 4, (rows, words))
    drawn = rng.integers(-(2**31), 2**31, (rows, words))
    few = drawn & rng.integers(-(2**31), 2**31, (rows, words)) & rng.integers(-(2**31), 2**31, (rows, words))
    return np.select([kinds == 0, kinds == 1, kinds == 2], [0, -1, drawn], few).astype(np.int32)


@pytest.mark.parametrize("way", WAYS)
@given(
    st.integers(0, 2**32),
    st.one_of(st.integers(1, 130), st.integers(1000, 1060), st.just(4100)),
    st.integers(0, 2),
    st.sampled_from(DTYPES),
    st.one_of(st.none(), st.lists(st.integers(0, 2), unique=True)),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_masks_and_shares(way, seed, columns, short, dtype, indices, logz):
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 4, (3, columns))).to(dtype)
    masks = draw_masks(rng, 3, max(0, -(-columns // 32) - short))
    wanted, shares = masked(logits.double().numpy(), masks, indices)
    found = WAYS[way](logits, masks, indices, logz=logz)
    assert logits.double().numpy().tolist() == wanted.tolist()
    if logz:
        np.testing.assert_allclose(found.numpy(), shares, rtol=1e-6, atol=3e-6)
        assert (found <= 0).all()
        assert found.dtype == torch.float64
    else:
        assert found is None


@pytest.mark.skipif(not find_spec("triton"), reason="triton is not installed")
@pytest.mark.skipif(DEVICE is not None, reason="the kernel runs in this process already")
def test_triton_interpreted():
    words = ["-q", "-p", "no:cacheprovider", "-k", "triton and not interpreted and not compiles", __file__]
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout


@pytest.mark.skipif(not find_spec("triton"), reason="triton is not installed")
@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="kernels are interpreted in this process")
@pytest.mark.parametrize("weigh", [False, True])
def test_triton_compiles_for_a_gpu(weigh, tmp_path, monkeypatch):
    """No GPU is needed for that."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # its default is about to change, which is a warning
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from syntagma.backends.logit_mask_triton import BLOCK, _mask_block

    types = ("*bf16", "*i32", "*i64", "*fp32", "*fp32", "i32", "i32", "i32", "constexpr", "constexpr", "constexpr")
    signature = dict(zip(_mask_block.arg_names, types, strict=True))
    constants = {(8,): BLOCK, (9,): weigh, (10,): False}
    compiled = triton.compile(ASTSource(_mask_block, signature, constants), target=GPUTarget("cuda", 90, 32))
    assert "st.global" in compiled.asm["ptx"]


@pytest.mark.parametrize("way", WAYS)
def test_a_share_next_to_nothing_is_not_lost(way):
    """exp(-300) is 0 in float32, its logarithm is not."""
    logits = torch.tensor([[0.0, -300.0, -301.0, -torch.inf]])
    found = WAYS[way](logits, np.array([[0b1110]], np.int32), logz=True)
    assert found.item() == pytest.approx(-300 + np.log1p(np.exp(-1)), abs=1e-4)
    assert logits.tolist() == [[-np.inf, -300.0, -301.0, -np.inf]]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_kept(way):
    logits = torch.tensor([[0.0, 1.0], [0.0, -torch.inf], [-torch.inf, -torch.inf]])
    found = WAYS[way](logits, np.array([[0], [2], [3]], np.int32), logz=True)
    assert found.tolist() == [-np.inf] * 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_layout(dtype):
    whole = torch.zeros(4, 90, dtype=dtype)
    masks = np.array([[1, -1], [0, 1]], np.int32)
    apply_masks(whole[1:3, 10:50], masks)  # rows apart
    assert whole[0].eq(0).all()
    assert whole[1, 10:50].isneginf().tolist() == [False] + [True] * 31 + [False] * 8
    assert whole[2, 10:50].isneginf().tolist() == [True] * 32 + [False] + [True] * 7
    assert whole[:, :10].eq(0).all()
    assert whole[:, 50:].eq(0).all()
    turned = torch.zeros(40, 2, dtype=dtype)
    apply_masks(turned.T, masks)  # columns apart
    assert turned.T.equal(whole[1:3, 10:50])


def test_rows_of_the_engine(byte_vocabulary):
    automaton = sg.compile(sg.Choice(["yes", "no"]), byte_vocabulary)
    rows = np.zeros((2, automaton.mask_width), np.int32)
    sg.fill_masks([automaton.matcher()], rows, [1])
    logits = torch.zeros(2, byte_vocabulary.width)
    share = sg.apply_masks(logits, rows.view(np.uint32), torch.tensor([1]), logz=True)
    assert logits[0].eq(0).all()
    assert torch.nonzero(logits[1] == 0).flatten().tolist() == [ord("n"), ord("y")]
    assert share.tolist() == [0.0, pytest.approx(np.log(2 / byte_vocabulary.width), abs=1e-6)]


def test_no_rows():
    assert apply_masks(torch.zeros(0, 40), np.zeros((0, 2), np.int32)) is None
    assert apply_masks(torch.zeros(2, 40), np.zeros((2, 2), np.int32), [], logz=True).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("logits", "rows", "indices", "error", "message"),
    [
        (torch.zeros(2, 40), np.zeros((2, 3), np.int32), None, BackendMismatch, "3 words, for up to 96"),
        (torch.zeros(2, 40), np.zeros((1, 2), np.int32), None, ValueError, "a mask for each of the 2 rows"),
        (torch.zeros(2, 40), np.zeros((2, 2), np.int32), [2], ValueError, "from 0 to 1, got 2 to 2"),
        (torch.zeros(2, 40), np.zeros((2, 2), np.int32), [-1], ValueError, "from 0 to 1, got -1"),
        (torch.zeros(40), np.zeros((2, 2), np.int32), None, ValueError, "of shape \\(40,\\)"),
        (torch.zeros(2, 40, dtype=torch.int32), np.zeros((2, 2), np.int32), None, ValueError, "got torch.int32"),
        (torch.zeros(2, 40, requires_grad=True), np.zeros((2, 2), np.int32), None, ValueError, "without gradient"),
    ],
)
def test_what_does_not_fit(logits, rows, indices, error, message):
    with pytest.raises(error, match=message):
        apply_masks(logits, rows, indices)
