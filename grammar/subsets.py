"""The subset construction, on Python's dicts and sets; `automata/_subset_kernels.py` does the same on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .machine import Machine

if TYPE_CHECKING:
    from .nfa import Nfa

#: One state, or several.
Targets: TypeAlias = int | frozenset[int]


def subsets(nfa: Nfa, start: int, n_finals: int, most: int) -> Machine | None:
    """The subset construction; states below `n_finals` are final, each with its number as label.

    None if it takes more than `most` states, or work in proportion to what the machine's limit allows.
    """
    first = nfa.closure(start)
    number = {first: 0}
    order = [first]
    work = 32 * (nfa.limit + nfa.free) + 100_000
    of_targets: dict[Targets, int] = {}
    rows: list[dict[int, int]] = []
    labels: list[int] = []
    for states in order:
        final = min(states)
        labels.append(final + 1 if final < n_finals else 0)
        row: dict[int, int] = {}
        for mask, targets in _partition(nfa.edges, states):
            q = of_targets.get(targets)
            if q is None:
                after = nfa.closures(targets)
                q = of_targets[targets] = number.setdefault(after, len(order))
                if q == len(order):
                    order.append(after)
                    work -= len(after)
            row[q] = row[q] | mask if q in row else mask
        rows.append(row)
        if len(order) > most or work < 0:
            return None
    return Machine(rows, labels)


def _partition(edges: list[list[tuple[int, int]]], states: frozenset[int]) -> list[tuple[int, Targets]]:
    """The moves of a set of states: disjoint byte masks, each with the targets reached."""
    if len(states) == 1:
        return list(edges[min(states)])
    by_mask: dict[int, list[int]] = {}
    for q in states:
        for mask, t in edges[q]:
            if mask in by_mask:
                by_mask[mask].append(t)
            else:
                by_mask[mask] = [t]
    parts: list[tuple[int, Targets]] = []
    seen = 0
    for mask, reads in by_mask.items():
        left, targets = mask, reads[0] if len(reads) == 1 else frozenset(reads)
        if seen & mask:
            split: list[tuple[int, Targets]] = []
            for other, reached in parts:
                both = other & mask
                if both:
                    split.append((both, _joined(reached, targets)))
                    left ^= both
                    if other != both:
                        split.append((other ^ both, reached))
                else:
                    split.append((other, reached))
            parts = split
        if left:
            parts.append((left, targets))
        seen |= mask
    return parts


def _joined(a: Targets, b: Targets) -> Targets:
    return frozenset((a,) if isinstance(a, int) else a).union((b,) if isinstance(b, int) else b)
