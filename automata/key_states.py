"""Key states: what an object reads its keys with; see `_member_kernels.py`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedFeature
from ..grammar.ir import Bytes, Expr, Spelled
from ..grammar.machine import Machine
from ..grammar.spelled import symbols_of
from . import _layout_kernels as L
from ._member_kernels import lay_members
from .kernel import Direct
from .lowered import Ints
from .machines import machine_of
from .ranges import DENSE_FROM, byte_ranges
from .scratch import Scratch
from .spellings import SPELLINGS, lay_symbols, sorted_words

_LAY = Direct(lay_members)
#: States of an object that there is room for at first, and those that it may have.
FEW, MAX_STATES = 1 << 12, 1 << 22


class Moves(NamedTuple):
    """A DFA as arrays."""

    #: (states, 256): where each byte leads, -1 for nowhere.
    table: Ints
    labels: Ints


NO_MOVES = Moves(np.zeros((0, 256), np.int32), np.zeros(0, np.int32))


#: States of a DFA up to which its arrays are kept: so many DFAs take a megabyte each, at most.
KEPT_STATES, KEPT_MOVES = 1 << 10, 64


def moves_of(exprs: tuple[Expr, ...], limit: int) -> Moves:
    """The DFA of the expressions, labelled by the first that matches, as arrays; not to be changed."""
    if not exprs:
        return NO_MOVES
    machine = machine_of(exprs, limit)
    return _kept_moves(exprs, limit) if len(machine.rows) <= KEPT_STATES else _moves(machine)


@lru_cache(maxsize=KEPT_MOVES)
def _kept_moves(exprs: tuple[Expr, ...], limit: int) -> Moves:
    return _moves(machine_of(exprs, limit))


def _moves(machine: Machine) -> Moves:
    table = np.full((len(machine.rows), 256), -1, np.int32)
    for q, row in enumerate(machine.rows):
        for target, mask in row.items():
            for lo, hi in byte_ranges(mask):
                table[q, lo : hi + 1] = target
    return Moves(table, np.array(machine.labels, np.int32))


class Surroundings(NamedTuple):
    """What an object has around its keys."""

    #: A block without the rule's words, none of whose states has words.
    block: Ints
    #: Its states before a key.
    openers: NDArray[np.int64]
    #: What follows a key: a block whose call leaves it.
    behind_key: Ints


class Laid(NamedTuple):
    """The block of an object."""

    block: Ints
    #: The states of its undeclared keys, the last ones, as those of the DFA.
    pure: list[int]

    @property
    def first_pure(self) -> int:
        """The number of the first of them."""
        return int(self.block[L.B_STATES]) - len(self.pure) + 1


#: T, N, E, Q and `before`, and the parts of the block, by state that there is room for.
_SCRATCH = Scratch((1, L.KT), (1, L.LN), (1, L.LE), (1, L.KS), (1, 0), (L.ST, 0), (8, 0), (4, 0), (1, 0), (1, 0))


def lay_keys(
    around: Surroundings,
    keys: Sequence[Bytes | Spelled],
    n_keys: int,
    required: Sequence[int],
    moves: Moves,
    n_others: int,
    flags: int,
    free: bool,
) -> Laid:
    """The block of an object, its header but for sizes and R_REQ and R_CLASSES to be written.

    Parameters
    ----------
    keys : the first `n_keys` are allowed, the others forbidden. What follows the k-th calls the rule in place k + 1.
    required : the rule's words.
    moves : the DFA of the undeclared keys, and `n_others`, the labels that it may have: what follows a key of those
        calls the rules behind those of the allowed keys.
    flags : of the states that read keys.
    free : whether the states beside an undeclared key name no keys.

    Raises
    ------
    UnsupportedFeature : two keys have a spelling in common, or a key begins like what stands before it.
    BudgetExceeded : the keys are too long.
    """
    symbols, at, numbers = sorted_words([symbols_of(key) for key in keys])
    words = np.array(required, np.int32)
    sizes: list[int] = (around.block[: L.B_RULE] + (n_keys + n_others) * around.behind_key[: L.B_RULE]).tolist()
    row, memo, used = np.empty((768, 2), np.int32), np.empty((256, 3), np.int32), np.empty(L.USED, np.int64)
    pure = np.empty((len(moves.table) + 1, 2), np.int32)
    arrays: tuple[Ints, ...] = ()

    def lay(room: int) -> int:
        nonlocal arrays
        arrays, memo[:], pure[:] = _SCRATCH.arrays(room), 0, 0
        status: int = _LAY.call(
            around.block, around.behind_key, n_keys, n_others, words, around.openers, symbols, at, numbers,
            SPELLINGS.place, SPELLINGS.ways, moves.table, moves.labels, flags, free, DENSE_FROM,
            *arrays[:5], pure, memo, row, *arrays[5:], used,
        )  # fmt: skip
        return status

    status = lay_symbols(lay, symbols, FEW, MAX_STATES, "an object's keys")
    if status == L.CLASH:
        raise UnsupportedFeature("Expected literals that stand side by side to be spelled in one way.")
    if status == L.OVERLAP:
        raise UnsupportedFeature("Expected the layout before a key to differ from the start of a key.")
    n_records, n_flat, n_codes, n_words = used[: L.USED_WORDS + 1].tolist()
    head = around.block[: L.B_HEADER].copy()
    head[: L.B_RULE] = n_records, n_flat, n_codes, n_words, sizes[L.B_CALLS]
    head[L.B_RULE + L.R_REQ - L.R_KIND] = sizes[L.B_FLAT]
    head[L.B_RULE + L.R_CLASSES - L.R_KIND] = sizes[L.B_FLAT] + len(words)
    cut = n_records * L.ST, n_flat, n_codes, n_words, sizes[L.B_CALLS]
    block = np.concatenate((head, *[part[:n] for part, n in zip(arrays[5:], cut, strict=True)]))
    return Laid(block, pure[: pure[-1, 1], 1].tolist())
