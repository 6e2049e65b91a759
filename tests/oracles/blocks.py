"""Blocks of terminals, read state by state."""

from __future__ import annotations

from typing import NamedTuple

from syntagma.automata import _layout_kernels as L
from syntagma.automata.lowered import Lowered


class BlockState(NamedTuple):
    """A state: its flags, moves by byte with what they ask for, and the words behind S_AUX."""

    flags: int
    moves: dict[int, tuple[int, int]]
    words: list[int]


def states(lowered: Lowered) -> dict[int, BlockState]:
    """The states of a terminal, numbered breadth-first from the start, 1."""
    records = lowered.records
    at = L.B_HEADER + records.size
    n_flat, n_codes, n_words = lowered.block[[L.B_FLAT, L.B_CODES, L.B_WORDS]].tolist()
    flat = lowered.block[at : at + n_flat].tolist()
    with_words = set(lowered.block[at + n_flat + n_codes :][:n_words].tolist())
    number, order = {1: 1}, [1]
    found = {}
    for state in order:
        record = records[state - 1].tolist()
        first = record[L.S_EDGES]
        codes = {}
        if record[L.S_FLAGS] & L.DENSE:
            codes = {b: flat[first + b] for b in range(256) if flat[first + b]}
        else:
            for i in range(first, first + 2 * record[L.S_NEDGES], 2):
                codes.update(dict.fromkeys(range(flat[i] & 255, (flat[i] >> 8) + 1), flat[i + 1]))
        moves = {}
        for byte in sorted(codes):
            target = codes[byte] & L.TARGET
            if target not in number:
                number[target] = len(number) + 1
                order.append(target)
            moves[byte] = number[target], codes[byte] >> L.FLAG_SHIFT
        aux = record[L.S_AUX]
        words = flat[aux : aux + 3 + flat[aux + 2]] if state - 1 in with_words else []
        found[number[state]] = BlockState(record[L.S_FLAGS], moves, words)
    return found
