"""Terminal tables: what a split found, placed in the arenas X and R. What stands there already is shared."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64, int64)")
def same_words(X, a, b, n):
    """Whether n words at a and at b are the same."""
    for i in range(n):
        if X[a + i] != X[b + i]:
            return 0
    return 1


@kernel("int64(int32[::1], int64, int32[:, :, ::1], int64, int64)")
def put_pairs(X, used, lists, which, n):
    """Append the first n pairs of a list; where X is free then."""
    for i in range(n):
        X[used + 2 * i] = lists[which, i, 0]
        X[used + 2 * i + 1] = lists[which, i, 1]
    return used + 2 * n


@kernel("int64(int32[::1], int64, int32[::1], int64)")
def lay_rows(rows, top, R, first):
    """Write the inner tokens to rows of R from `first` on: row k < `top` gets those of count at most k, row `top` all.

    `rows` as `split_tokens` left them. A hash of what was written.
    """
    words = len(rows) // (VARIANTS + 1)
    at = first * words
    for i in range(words):
        R[at + i] = rows[i]
    for i in range(words, (top + 1) * words):
        R[at + i] = R[at + i - words] | rows[i]
    found = top + 1
    for i in range(at, at + (top + 1) * words):
        found = (found * 1000003 ^ int(R[i])) & 0xFFFFFFFFFFFF
    return found


@kernel("int64(int32[::1], int64, int32[::1], int64, int64[:, ::1])")
def place_rows(rows, top, R, free, known):
    """The first of the rows with the inner tokens: those that are there already, or new ones from `free` on."""
    words = len(rows) // (VARIANTS + 1)
    key = lay_rows(rows, top, R, free) + 1
    for probe in range(MAX_PROBES):
        slot = (key + probe) & (len(known) - 1)
        if known[slot, 0] == 0:
            known[slot, 0] = key
            known[slot, 1] = free
            break
        first = known[slot, 1]
        if known[slot, 0] == key and same_words(R, first * words, free * words, (top + 1) * words):
            return first
    return free


@kernel("int64(int32[::1], int64, int32[:, ::1], int64, int64, int64[::1])")
def copy_exits(X, at, exits, n, target, tally):
    """Copy the exits that lead to one state, as (token, bytes inside, count), to X; N_TRIE is how many. A hash."""
    m = 0
    found = 1
    for i in range(n):
        if exits[i, 3] == target:
            for k in range(3):
                X[at + 3 * m + k] = exits[i, k]
                found = (found * 1000003 ^ int(exits[i, k])) & 0xFFFFFFFFFFFF
            m += 1
    tally[N_TRIE] = m
    return found


@kernel("int64(int32[::1], int64, int64, int64[:, ::1], int64[::1])")
def known_trie(X, at, key, known, tally):
    """The trie of the N_TRIE exits copied to X[at], whose hash is `key`; 0 if there is none.

    Behind the header of a trie stands where its exits are, and how many. Where there is none, TRIE_SLOT is the slot to
    note it in, or -1 if none is free.
    """
    n = tally[N_TRIE]
    tally[TRIE_AT] = at
    tally[TRIE_KEY] = key + 1
    tally[TRIE_SLOT] = -1
    for probe in range(MAX_PROBES):
        slot = (key + probe) & (len(known) - 1)
        if known[slot, 0] == 0:
            tally[TRIE_SLOT] = slot
            return 0
        trie = known[slot, 1]
        if known[slot, 0] == key + 1 and X[trie + TRIE_HEADER + 1] == n:  # noqa: SIM102
            if same_words(X, X[trie + TRIE_HEADER], at, 3 * n):
                return trie
    return 0


@kernel("int64(int32[::1], int64, int32[::1], int32[:, ::1], int64[::1], int64[:, ::1])")
def place_exits(X, used, classes, exits, tally, known):
    """Append the tries of the exits, one for each state that they lead to, with its class (-1: the end of the rule).

    Where X is free then; FAILED if a trie is to be built first, see `place_table`.
    """
    n = tally[N_EXITS]
    copy = used + 2 * len(classes) + 3
    groups = 0
    target = -1
    while True:
        following = 1 << 31
        for i in range(n):
            if target < exits[i, 3] < following:
                following = exits[i, 3]
        if following == 1 << 31:
            X[used] = groups
            return used + 1 + 2 * groups
        target = following
        key = copy_exits(X, copy, exits, n, target, tally)
        trie = known_trie(X, copy, key, known, tally)
        if trie == 0:
            return FAILED
        label = -1
        for k in range(len(classes)):
            if target > 0 and classes[k] == target:
                label = k
        X[used + 1 + 2 * groups] = label
        X[used + 2 + 2 * groups] = trie
        groups += 1


@kernel()
def place_table(X, R, at, used, free, listed, classes, rows, lists, exits, tally, known_rows, known_tries):
    """Place a table: its record at X[at], the rest from X[used] and from row `free` of R on.

    Inner tokens up to `listed`, at most LISTED_UP_TO, are kept as a list instead of rows of bits.
    `rows`, `lists`, `exits` and `tally` as `split_tokens` left them; X and R have room for all of it. `classes`: the
    states behind the ends of undeclared keys, by class. `known_rows`, `known_tries`: (a power of two, 2) of hash and
    place, zeros at first. USED_X and USED_R in `tally` tell where X and R are free then.

    FAILED if a trie is to be built first: of the N_TRIE exits at X[TRIE_AT], to be noted with TRIE_KEY in the slot
    TRIE_SLOT of `known_tries`, which is -1 if none is free.
    """
    for i in range(TB):
        X[at + i] = 0
    if tally[N_EXITS]:
        groups = used
        used = place_exits(X, used, classes, exits, tally, known_tries)
        if used == FAILED:
            return FAILED
        X[at + T_EXITS] = groups
    n = tally[N_INNER]
    X[at + T_NINNER] = n
    if n <= listed:
        X[at + T_KIND] = LISTED
        X[at + T_INNER] = used
        used = put_pairs(X, used, lists, N_INNER, n)
    else:
        first = place_rows(rows, tally[TOP_ROW], R, free, known_rows)
        if first == free:
            free += tally[TOP_ROW] + 1
        X[at + T_KIND] = ROWS
        X[at + T_INNER] = first
        X[at + T_TOP] = tally[TOP_ROW]
        n = tally[N_LONG]
        X[at + T_NLONG] = n
        if 0 < n <= MAX_LONG:
            X[at + T_LONG] = used
            used = put_pairs(X, used, lists, N_LONG, n)
    n = tally[N_CROSSING]
    X[at + T_NCROSSING] = n
    if 0 < n <= MAX_CROSSING:
        X[at + T_CROSSING] = used
        used = put_pairs(X, used, lists, N_CROSSING, n)
    tally[USED_X] = used
    tally[USED_R] = free
    return OK
