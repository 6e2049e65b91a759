"""Byte DFA: dense transition table over byte classes.

Laid out as
    class_of_byte  (256,)                 uint8   byte -> class
    trans          (n_states, n_classes)  int32   next state; row 0 is DEAD and loops
    accept         (n_states,)            int32   0 (not accepting) or 1 + label
Laws
    1. State 0 is dead, state 1 is the start.
    2. Every live state is reachable and reaches an accepting one (of the empty language, the start alone is left).
    3. It is minimal, states are numbered breadth-first in byte order, classes by their first byte and as few as can be:
       equal languages (and labels) have equal arrays.
    4. Arrays are C-contiguous and read-only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .machine import ALL_BYTES, Machine


@dataclass(frozen=True, slots=True, eq=False)
class Dfa:
    """A deterministic automaton over bytes; see the module for layout and laws."""

    class_of_byte: NDArray[np.uint8]
    trans: NDArray[np.int32]
    accept: NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (self.class_of_byte, self.trans, self.accept):
            array.setflags(write=False)

    @property
    def n_states(self) -> int:
        """Number of states, DEAD included."""
        return len(self.accept)

    @property
    def n_classes(self) -> int:
        """Number of byte classes, at most 256."""
        return int(self.trans.shape[1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dfa) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[bytes, bytes, bytes]:
        return self.class_of_byte.tobytes(), self.trans.tobytes(), self.accept.tobytes()


def from_machine(machine: Machine) -> Dfa:
    """The table of a minimal machine (as `minimise` leaves it)."""
    edges = [(q, t, mask) for q, row in enumerate(machine.rows, 1) for t, mask in row.items()]
    classes = _byte_classes({mask for _, _, mask in edges})
    lowest = [block & -block for block in classes]
    of_mask = {mask: [c for c, bit in enumerate(lowest) if mask & bit] for mask in {m for _, _, m in edges}}
    counts = [len(of_mask[mask]) for _, _, mask in edges]
    states = np.repeat(np.array([q for q, _, _ in edges], np.int64), counts)
    targets = np.repeat(np.array([t + 1 for _, t, _ in edges], np.int32), counts)
    trans = np.zeros((len(machine.rows) + 1, len(classes)), np.int32)
    trans[states, np.array([c for _, _, mask in edges for c in of_mask[mask]], np.int64)] = targets
    accept = np.array([0, *machine.labels], np.int32)
    return Dfa(_class_table(classes), trans, accept)


def _byte_classes(masks: set[int]) -> list[int]:
    """The coarsest partition of the bytes that every mask respects, by lowest byte."""
    blocks = [ALL_BYTES]
    for mask in masks:
        split = []
        for block in blocks:
            inside = block & mask
            if inside and inside != block:
                split += [inside, block ^ inside]
            else:
                split.append(block)
        blocks = split
    return sorted(blocks, key=lambda block: block & -block)


def _class_table(classes: list[int]) -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for c, block in enumerate(classes):
        bits = np.frombuffer(block.to_bytes(32, "little"), np.uint8)
        table[np.unpackbits(bits, bitorder="little").view(bool)] = c
    return table


def to_machine(dfa: Dfa) -> Machine:
    """The machine of a table."""
    masks = [0] * dfa.n_classes
    for byte, c in enumerate(dfa.class_of_byte.tolist()):
        masks[c] |= 1 << byte
    rows: list[dict[int, int]] = []
    for targets in dfa.trans[1:].tolist():
        row: dict[int, int] = {}
        for c, t in enumerate(targets):
            if t:
                row[t - 1] = row.get(t - 1, 0) | masks[c]
        rows.append(row)
    return Machine(rows, dfa.accept[1:].tolist())
