"""A start that can copy: two layers of the network are wired as an induction circuit before training.

Copying ("what followed this token before?") is what the tasks need most and what gradients find late: an unwired run
was still at 2 nats a token after 2 million tokens, the wired one at 0.2. Training learns when to copy, and whence.

    dimension 0            the same for all tokens: queries and keys that depend on position alone
    dimensions 1..111      the token's own random code
    dimensions 112..159    zero in the embedding: room for a note of the token before
    layer 0, heads 0, 1    attend one back (rotary phases peak at distance 1), write 22 numbers each of its code there
    layer 1, heads 0-2     match the own code against that note, copy the code of what they find

Source of the circuit: Olsson et al. 2022, "In-context learning and induction heads".
"""

import math

import torch
from network import Attention, Network, Trunk
from torch import Tensor

_SPARE = 48  # dimensions for the note
_LEVEL = 4.0  # dimension 0, in units of the code's standard deviation
_CODE = 0.1  # standard deviation of the code
_SLOW = 0.02  # radians a token: a rotary pair slower than this can compare contents


@torch.no_grad()
def wire_induction(network: Network) -> None:
    """Sets the embedding and the attention of layers 0 and 1 in place; everything else stays as it was drawn."""
    trunk = network.model
    shape = trunk.shape
    dim = shape.hidden_size // shape.num_attention_heads
    own = shape.hidden_size - _SPARE
    half = dim // 2
    speed = shape.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
    basis = torch.linalg.qr(torch.randn(own - 1, own - 1))[0]
    codes = torch.zeros(own - 1, shape.hidden_size)
    codes[:, 1:own] = basis  # orthonormal rows that read the code
    _embed(trunk, own)
    slow = torch.nonzero(speed < _SLOW)[:, 0]
    slow = torch.cat((slow, slow + half))[: _SPARE // 2]
    first, second = trunk.layers[0].self_attn, trunk.layers[1].self_attn
    assert isinstance(first, Attention)
    assert isinstance(second, Attention)
    for head in range(2):
        _look_back(first, head, speed, dim, codes[head * len(slow) : (head + 1) * len(slow)], own)
    for head in range(3):
        note = head % 2
        _match(second, head, dim, slow, codes[note * len(slow) : (note + 1) * len(slow)], own + note * (_SPARE // 2))
        _copy(second, head, dim, codes[head * dim : (head + 1) * dim])


def _embed(trunk: Trunk, own: int) -> None:
    weight = trunk.embed_tokens.weight
    weight.normal_(std=_CODE)
    weight[:, 0] = _LEVEL * _CODE
    weight[:, own:] = 0
    trunk.norm.weight.fill_(0.3)


def _look_back(attention: Attention, head: int, speed: Tensor, dim: int, read: Tensor, own: int) -> None:
    """A head whose score is a sum of cosines of (distance - 1), and writes what `read` reads into spare dimensions."""
    rows = slice(head * dim, (head + 1) * dim)
    fast, half = 5, dim // 2
    strength = math.sqrt(8.0 * math.sqrt(dim)) / _LEVEL
    query, key = torch.zeros(dim, read.shape[1]), torch.zeros(dim, read.shape[1])
    query[:fast, 0] = strength * speed[:fast].cos()
    query[half : half + fast, 0] = -strength * speed[:fast].sin()
    key[:fast, 0] = strength
    attention.q_proj.weight[rows], attention.k_proj.weight[rows] = query, key
    value = torch.zeros(dim, read.shape[1])
    value[: len(read)] = read
    attention.v_proj.weight[rows] = value
    start = own + head * (_SPARE // 2)
    for i in range(len(read)):
        attention.o_proj.weight[start + i, head * dim + i] = 2 * _CODE


def _match(attention: Attention, head: int, dim: int, slow: Tensor, read: Tensor, note: int) -> None:
    """A head that compares the own code (query) with the note of the token before (key), in slow rotary pairs only."""
    rows = slice(head * dim, (head + 1) * dim)
    query, key = torch.zeros(dim, read.shape[1]), torch.zeros(dim, read.shape[1])
    query[slow] = 2.2 * read
    for i, row in enumerate(slow):
        key[row, note + i] = 2.2
    attention.q_proj.weight[rows], attention.k_proj.weight[rows] = query, key


def _copy(attention: Attention, head: int, dim: int, read: Tensor) -> None:
    rows = slice(head * dim, (head + 1) * dim)
    attention.v_proj.weight[rows] = 0
    attention.v_proj.weight[head * dim : head * dim + len(read)] = read
    attention.o_proj.weight[:, head * dim : head * dim + len(read)] = 0.8 * read.T
