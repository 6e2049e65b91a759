"""Texts over classes of characters, byte by byte: the rows of a terminal from those of a machine over classes.

State q of the machine reads a character as the trie of characters does (`grammar/character_trie.py`), its leaves
replaced by what follows q; nodes that then read alike are one state, whichever state they are of.

States are numbered from 1 on: those of the text in front, those of the machine, those behind the first byte of what
follows the text, for each label, and those inside a character, which stand behind all that they lead to.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._row_kernels import add_range
from .kernel import kernel


@kernel("void(int32[::1], int64, int64, int64, int32[:,::1], int32[:,::1])")
def lay_literal(text, state, goal, used, rows, ranges):
    """The rows of states one behind the other, from `state` on, that read a text and lead to `goal`."""
    for i in range(len(text)):
        rows[state - 1 + i, 0] = used + i
        rows[state - 1 + i, 1] = 1
        ranges[used + i, 0] = text[i] | text[i] << 8
        ranges[used + i, 1] = state + i + 1 if i + 1 < len(text) else goal


@kernel("int64(int32[:,::1], int64, int32[::1], int32[:,::1], int64, int64, int64, int64, int32[::1], int32[:,::1], "
        "int64)")  # fmt: skip
def read_node(moves, q, first, edges, node, machine, begins, ends, image, ranges, used):
    """Write what a node of the trie reads in state q behind the ranges used; how many there are.

    `image`: the state that stands for each node before it; `begins`, `ends`: the flags of a byte that begins or ends a
    character.
    """
    size = 0
    for e in range(first[node], first[node + 1]):
        target = edges[e, 2]
        if target < 0:
            t = moves[q, ~target]
            code = machine + t | ends if t >= 0 else 0
        else:
            code = image[target]
        if code > 0:
            size = add_range(ranges, used, size, edges[e, 0], edges[e, 1], code | begins)
    return size


@kernel("int64(int32[:,::1], int32[:,::1], int64, int64, int32[::1])")
def slot_of_row(rows, ranges, used, size, table):
    """Where the table has the state with the same ranges as those written behind the ranges used, or has room."""
    key = size
    for i in range(used, used + size):
        key = (key * 1000003 ^ int(ranges[i, 0])) & 0xFFFFFFFFFFFF
        key = (key * 1000003 ^ int(ranges[i, 1])) & 0xFFFFFFFFFFFF
    slot = (key ^ key >> 21) & (len(table) - 1)
    while table[slot] > 0:
        s = table[slot] - 1
        if rows[s, 1] == size:
            i = 0
            at = rows[s, 0]
            while i < size and ranges[at + i, 0] == ranges[used + i, 0] and ranges[at + i, 1] == ranges[used + i, 1]:
                i += 1
            if i == size:
                return slot
        slot = (slot + 1) & (len(table) - 1)
    return slot


@kernel("int64(int32[:,::1], int64, int64, int64, int64)")
def insert_byte(ranges, at, size, byte, code):
    """Put a range of one byte in its place among the ranges of a row, none of which holds it; how many it has then."""
    i = at + size
    while i > at and (ranges[i - 1, 0] & 255) > byte:
        ranges[i, 0] = ranges[i - 1, 0]
        ranges[i, 1] = ranges[i - 1, 1]
        i -= 1
    ranges[i, 0] = byte | byte << 8
    ranges[i, 1] = code
    return size + 1


@kernel()
def write_characters(moves, labels, n_labels, first, edges, before, after, counted, image, table, rows, ranges):
    """Fill the rows of all states; returns how many there are, or SPENT if `rows` has no room for them.

    `moves`: (n, classes), `labels`: (n,) of the machine; `first`, `edges` (first byte, last byte, target) of the trie;
    `before`, `after`: the bytes around the text, of which no character begins with the first of `after`; `counted`:
    whether its characters count. `table`: zeros, a power of two of them, more than twice the rows.
    """
    n = len(labels)
    machine = len(before) + 1
    behind = machine + n
    states = behind + n_labels * len(after)
    begins = (LT << FLAG_SHIFT) if counted else 0
    ends = (INC << FLAG_SHIFT) if counted else 0
    leaves = (GE << FLAG_SHIFT) if counted else 0
    root = len(first) - 2
    lay_literal(before, 1, machine, 0, rows, ranges)
    used = len(before)
    for state in range(behind, states, len(after)):
        last = state + len(after) - 1
        lay_literal(after[1:], state, last, used, rows, ranges)
        used += len(after) - 1
        rows[last - 1, 0] = used
        rows[last - 1, 1] = 0
    for q in range(n):
        for node in range(root):
            size = read_node(moves, q, first, edges, node, machine, 0, ends, image, ranges, used)
            image[node] = 0
            if size == 0:
                continue
            slot = slot_of_row(rows, ranges, used, size, table)
            if table[slot] == 0:
                if states > len(rows):
                    return SPENT
                rows[states - 1, 0] = used
                rows[states - 1, 1] = size
                used += size
                table[slot] = states
                states += 1
            image[node] = table[slot]
        size = read_node(moves, q, first, edges, root, machine, begins, ends, image, ranges, used)
        if labels[q] > 0:
            size = insert_byte(ranges, used, size, after[0], behind + (labels[q] - 1) * len(after) | leaves)
        rows[machine - 1 + q, 0] = used
        rows[machine - 1 + q, 1] = size
        used += size
    return states - 1


@kernel()
def spread_counts(rows, ranges, machine, n, inner, saturated, counts):
    """Carry the counts of the machine's states to the states inside a character.

    `counts`: (states, 4) by state the first and the last count that is feasible, if any is (else 0 and -1), and the
    least and the greatest that the state is reached with. `saturated`: the count that stands for all above it, or -1.
    """
    states = len(rows)
    for s in range(inner - 1, states):
        counts[s, 0] = 1 << 40
        counts[s, 1] = -1
        counts[s, 2] = 1 << 40
        counts[s, 3] = -1
        for i in range(rows[s, 0], rows[s, 0] + rows[s, 1]):
            code = ranges[i, 1]
            t = (code & TARGET) - 1
            if counts[t, 1] < 0:
                continue
            first = counts[t, 0]
            last = counts[t, 1]
            if code >> FLAG_SHIFT & INC:
                first = max(first - 1, 0)
                last = last if last == saturated else last - 1
            if last >= 0:
                counts[s, 0] = min(counts[s, 0], first)
                counts[s, 1] = max(counts[s, 1], last)
        if counts[s, 1] < 0:
            counts[s, 0] = 0
    for q in range(machine - 1, machine - 1 + n):
        reach(rows, ranges, q, inner, counts)
    for s in range(states - 1, inner - 2, -1):
        reach(rows, ranges, s, inner, counts)


@kernel("void(int32[:,::1], int32[:,::1], int64, int64, int64[:,::1])")
def reach(rows, ranges, s, inner, counts):
    """Carry the counts that state s is reached with to the states inside a character that it leads to."""
    for i in range(rows[s, 0], rows[s, 0] + rows[s, 1]):
        t = (ranges[i, 1] & TARGET) - 1
        if t >= inner - 1:
            counts[t, 2] = min(counts[t, 2], counts[s, 2])
            counts[t, 3] = max(counts[t, 3], counts[s, 3])
