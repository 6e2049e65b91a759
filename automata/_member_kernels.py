"""Members: the states that read the keys of an object, its declared keys beside the DFA of its undeclared ones.

A *key state* is a letter node (see `_letter_kernels.py`) beside a state of the DFA, -1 where no undeclared key is
possible: by a byte of its letters it leads on, by every other byte it does what the DFA's state alone does (its
fallback). Under it lies the list of the declared keys that may still come of it.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._letter_kernels import build_trie, insert_pair, letters_below, put_row
from .kernel import kernel


@kernel("int64(int32[:, ::1], int32[:, ::1], int32[::1], int64[::1], int64, int64)")
def key_state(N, Q, before, used, a, q):
    """The key state of a letter node beside state q of the DFA; IMPOSSIBLE if no key is left there, or NO_ROOM."""
    s = N[a, LN_STATE]
    while s >= 0:
        if Q[s, KS_DFA] == q:
            return s
        s = Q[s, KS_NEXT]
    if q < 0 and before[N[a, LN_HI]] == before[N[a, LN_LO]]:
        return IMPOSSIBLE
    s = used[USED_STATES]
    if s >= len(Q):
        return NO_ROOM
    used[USED_STATES] = s + 1
    Q[s, KS_NODE] = a
    Q[s, KS_DFA] = q
    Q[s, KS_NEXT] = N[a, LN_STATE]
    N[a, LN_STATE] = s
    return s


@kernel("int64(int32[:, ::1], int64)")
def add_pure(P, q):
    """The place, from 1 on, among the states of undeclared keys of state q of the DFA."""
    if P[q, 0] == 0:
        n = P[len(P) - 1, 1]
        P[len(P) - 1, 1] = n + 1
        P[n, 1] = q
        P[q, 0] = n + 1
    return P[q, 0]


@kernel(
    "int64(int32[:, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1], int32[::1], int32[::1], int32[:, ::1],"
    " int32[::1], int32[::1], int64[::1], int64, int64, int64, int64, int64, int64, int32[:, ::1])"
)
def key_row(T, N, E, Q, place, ways, D, numbers, before, used, n_keys, copies, size, base, a, q, row):
    """Write the bytes on which a key state leads on, in order, and the codes; their number, CLASH or NO_ROOM.

    `copies`: what follows the first key, and so on, `size` states each; `base`: the number of the first key state.
    """
    m = 0
    e = N[a, LN_EDGE]
    while e >= 0:
        letter = E[e, LE_LETTER]
        for k in range(1 if letter & 255 == letter >> 8 else 2):
            b = letter >> 8 if k else letter & 255
            p = D[q, b] if q >= 0 else -1
            code = -1
            below = E[e, LE_TARGET]
            end = T[~below, KT_END] if below < 0 else 0
            if end > 0:
                key = numbers[end - 1]
                if 0 <= key < n_keys:
                    code = (copies + key * size) | ADD << FLAG_SHIFT
            else:
                if below < 0:
                    below = letters_below(T, ~below, place, ways, N, E, used)
                    if below < 0:
                        return below
                s = key_state(N, Q, before, used, below, p)
                if s == NO_ROOM:
                    return NO_ROOM
                if s == IMPOSSIBLE:
                    continue
                code = base + s
            m = insert_pair(row, m, b, code)
        e = E[e, LE_NEXT]
    return m


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int32[:, ::1], int32[::1], int64[::1])")
def put_keys(numbers, before, n_keys, lo, hi, memo, flat, used):
    """The place of the list of the allowed keys from lo to hi, their number first; NO_ROOM if there is none left."""
    h = (lo * 31 + hi) & (len(memo) - 1)
    if memo[h, 2] > 0 and memo[h, 0] == lo and memo[h, 1] == hi:
        return memo[h, 2]
    n = before[hi] - before[lo]
    at = used[USED_FLAT]
    if at + n + 1 > len(flat):
        return NO_ROOM
    flat[at] = n
    used[USED_FLAT] = at + n + 1
    memo[h, 0] = lo
    memo[h, 1] = hi
    memo[h, 2] = at
    for i in range(lo, hi):
        if 0 <= numbers[i] < n_keys:
            at += 1
            flat[at] = numbers[i]
    return memo[h, 2]


@kernel("int64(int32[::1], int32[::1], int64[::1], int64, int64, int64, int64, int64)")
def put_record(records, words, used, flags, edges, n_edges, keys, fallback):
    """Add the record of a state that reads a key; NO_ROOM if there is none left."""
    s = used[USED_RECORDS]
    at = s * ST
    if at + ST > len(records) or used[USED_WORDS] >= len(words):
        return NO_ROOM
    for k in range(ST):
        records[at + k] = 0
    records[at + S_FLAGS] = flags | KEYCHECK | FAST | (DENSE if n_edges == 256 else 0)
    records[at + S_EDGES] = edges
    records[at + S_NEDGES] = n_edges
    records[at + S_TABLE] = -1
    records[at + S_AUX] = keys
    records[at + S_FALLBACK] = fallback
    used[USED_RECORDS] = s + 1
    words[used[USED_WORDS]] = s
    used[USED_WORDS] += 1
    return OK


@kernel("void(int32[::1], int64, int64, int32[::1], int32[::1], int32[::1], int32[::1], int64[::1])")
def put_copies(C, n_copies, n_keys, records, flat, codes, calls, used):
    """Add copies of C, whose calls leave it."""
    size = C[B_STATES] * ST
    source = B_HEADER + size
    copied_codes = source + C[B_FLAT]
    copied_calls = copied_codes + C[B_CODES] + C[B_WORDS]
    call = 0
    for k in range(n_copies):
        n_states = used[USED_RECORDS]
        n_flat = used[USED_FLAT]
        code = used[USED_CODES]
        at = n_states * ST
        for i in range(size):
            records[at + i] = C[B_HEADER + i]
        for i in range(at, at + size, ST):
            records[i + S_EDGES] += n_flat
            records[i + S_CALLS] += n_flat
            if records[i] & KIN == 0:
                records[i + S_TOKENS] += n_flat
        records[at + S_AUX] = k if k < n_keys else -1
        for i in range(C[B_FLAT]):
            flat[n_flat + i] = C[source + i]
        for i in range(C[B_CODES]):
            codes[code + i] = n_flat + C[copied_codes + i]
            if flat[codes[code + i]] > 0:
                flat[codes[code + i]] += n_states
        for i in range(C[B_CALLS]):
            calls[call] = n_flat + C[copied_calls + i]
            flat[calls[call]] = k + 1
            flat[calls[call] + 1] -= n_states
            call += 1
        used[USED_RECORDS] += C[B_STATES]
        used[USED_FLAT] += C[B_FLAT]
        used[USED_CODES] += C[B_CODES]


@kernel("int64(int32[:, ::1], int32[:, ::1], int64, int32[::1], int64, int64, int64[::1], int32[::1], int32[::1])")
def open_state(D, row, m, records, s, dense_from, used, flat, codes):
    """Add the m edges of a row to state s, before whose keys they stand; its number of edges, OVERLAP or NO_ROOM."""
    r = s * ST
    own = row[256:]
    n = 0
    at = records[r + S_EDGES]
    if records[r + S_FLAGS] & DENSE:
        for b in range(256):
            if flat[at + b] != 0:
                own[n, 0] = b
                own[n, 1] = flat[at + b]
                n += 1
    else:
        for i in range(at, at + 2 * records[r + S_NEDGES], 2):
            for b in range(flat[i] & 255, (flat[i] >> 8) + 1):
                own[n, 0] = b
                own[n, 1] = flat[i + 1]
                n += 1
    both = row[512:]
    i = 0
    j = 0
    k = 0
    while i < m or j < n:
        if i < m and j < n and row[i, 0] == own[j, 0]:
            return OVERLAP
        if i < m and (j == n or row[i, 0] < own[j, 0]):
            both[k, 0] = row[i, 0]
            both[k, 1] = row[i, 1]
            i += 1
        else:
            if len(D) > 0 and D[0, own[j, 0]] >= 0:
                return OVERLAP
            both[k, 0] = own[j, 0]
            both[k, 1] = own[j, 1]
            j += 1
        k += 1
    records[r + S_EDGES] = used[USED_FLAT]
    edges = put_row(both, k, dense_from, flat, codes, used)
    if edges >= 0:
        records[r + S_NEDGES] = edges
        records[r + S_FLAGS] = records[r + S_FLAGS] & ~DENSE | (DENSE if edges == 256 else 0)
        if len(D) > 0:
            records[r + S_FLAGS] |= SHADOW
    return edges


@kernel(
    "int64(int32[:, ::1], int32[::1], int32[:, ::1], int64, int64, int64, int64, int64, int64, int32[:, ::1],"
    " int32[::1], int32[::1], int32[::1], int32[::1], int64[::1])"
)
def put_pure(D, labels, P, n_keys, copies, size, flags, dense_from, no_keys, row, records, flat, codes, words, used):
    """Add the states of undeclared keys, first those that others fall back on; OK, or NO_ROOM."""
    base = used[USED_RECORDS] + 1
    r = 0
    while r < P[len(P) - 1, 1]:
        q = P[r, 1]
        m = 0
        for b in range(256):
            t = D[q, b]
            if t >= 0:
                row[m, 0] = b
                if labels[t] > 0:
                    row[m, 1] = (copies + (n_keys + labels[t] - 1) * size) | ADD << FLAG_SHIFT
                else:
                    row[m, 1] = base + add_pure(P, t) - 1
                m += 1
        edges = used[USED_FLAT]
        n = put_row(row, m, dense_from, flat, codes, used)
        if n < 0 or put_record(records, words, used, flags | OTHER | TABLED, edges, n, no_keys, 0) < 0:
            return NO_ROOM
        r += 1
    return OK


@kernel("int64(int32[::1], int64, int64, int64, int32[::1], int32[::1], int64[::1])")
def put_tail(required, n_others, first, size, flat, codes, used):
    """Add the rule's words, what follows an undeclared key of each class, and an empty list of keys; its place."""
    at = used[USED_FLAT]
    for i in range(len(required)):
        flat[at + i] = required[i]
    at += len(required)
    for k in range(n_others):
        flat[at] = (first + k * size) | ADD << FLAG_SHIFT
        codes[used[USED_CODES]] = at
        used[USED_CODES] += 1
        at += 1
    flat[at] = 0
    used[USED_FLAT] = at + 1
    return at


@kernel()
def lay_members(
    B, C, n_keys, n_others, required, openers, symbols, at, numbers, place, ways, D, labels, flags, free, dense_from,
    T, N, E, Q, before, P, memo, row, records, flat, codes, words, calls, used,
):  # fmt: skip
    """Lay the block of members: the states of B, a copy of C behind each key, and the states that read keys.

    Returns OK; UNKNOWN if it is not known how a symbol is spelled, CLASH if two keys have a spelling in common, OVERLAP
    if a key begins like what stands before it, NO_ROOM if an array is too small. The parts of the block go to `records`
    to `calls`, their sizes to `used`; the states of undeclared keys are the last.

    Parameters
    ----------
    B : the states around the keys.
    C : what follows a key, a block whose calls leave it. Copy k calls rule k + 1; S_AUX of its first state is k below
        `n_keys`, then -1: behind undeclared keys.
    required : the rule's words, see R_REQ; they come behind what B and the copies hold.
    openers : states of B before which no key has been read.
    symbols, at : the sorted keys' symbols, and where they begin; `numbers`: the keys', forbidden ones from `n_keys` on.
    place, ways : symbol + 256 -> position in `ways`: how many ways there are to spell it, and each way's letters (two
        bytes, equal ones for a single byte), their number first.
    D, labels : (states, 256) the moves of the undeclared keys' DFA, -1 for none, and its labels, up to `n_others`;
        without states if there are no undeclared keys.
    flags : of all states that read keys.
    free : whether the states beside one of the DFA name no keys.
    T, N, E, Q, before, P, memo, row : scratch; P, of a row more than the DFA, and `memo` are zero.
    """
    for i in range(len(symbols)):
        if place[symbols[i] + 256] == 0 or place[symbols[i] + 256] >= len(ways):
            return UNKNOWN
    n_copies = n_keys + n_others
    if (
        len(symbols) >= len(T)
        or len(numbers) >= len(before)
        or (B[B_STATES] + n_copies * C[B_STATES]) * ST > len(records)
        or B[B_FLAT] + n_copies * (C[B_FLAT] + 1) + len(required) >= len(flat)
        or B[B_CODES] + n_copies * (C[B_CODES] + 1) > len(codes)
        or n_copies * C[B_CALLS] > len(calls)
    ):
        return NO_ROOM
    for i in range(B[B_STATES] * ST):
        records[i] = B[B_HEADER + i]
    source = B_HEADER + B[B_STATES] * ST
    for i in range(B[B_FLAT]):
        flat[i] = B[source + i]
    for i in range(B[B_CODES]):
        codes[i] = B[source + B[B_FLAT] + i]
    used[USED_RECORDS] = B[B_STATES]
    used[USED_FLAT] = B[B_FLAT]
    used[USED_CODES] = B[B_CODES]
    used[USED_WORDS] = 0
    copies = B[B_STATES] + 1
    size = C[B_STATES]
    put_copies(C, n_copies, n_keys, records, flat, codes, calls, used)
    no_keys = put_tail(required, n_others, copies + n_keys * size, size, flat, codes, used)
    build_trie(symbols, at, numbers, T)
    before[0] = 0
    for i in range(len(numbers)):
        before[i + 1] = before[i] + (1 if 0 <= numbers[i] < n_keys else 0)
    used[USED_NODES] = 0
    used[USED_EDGES] = 0
    used[USED_STATES] = 0
    base = used[USED_RECORDS] + 1
    q = 0 if len(D) > 0 else -1
    root = letters_below(T, 0, place, ways, N, E, used)
    if root < 0:
        return root
    m = key_row(T, N, E, Q, place, ways, D, numbers, before, used, n_keys, copies, size, base, root, q, row)
    if m < 0:
        return m
    for i in range(len(openers)):
        status = open_state(D, row, m, records, openers[i] - 1, dense_from, used, flat, codes)
        if status < 0:
            return status
    if q == 0:
        add_pure(P, 0)
    s = 0
    while s < used[USED_STATES]:
        a = Q[s, KS_NODE]
        q = Q[s, KS_DFA]
        m = key_row(T, N, E, Q, place, ways, D, numbers, before, used, n_keys, copies, size, base, a, q, row)
        if m < 0:
            return m
        keys = no_keys
        if q < 0 or not free:
            keys = put_keys(numbers, before, n_keys, N[a, LN_LO], N[a, LN_HI], memo, flat, used)
        edges = used[USED_FLAT]
        n = put_row(row, m, dense_from, flat, codes, used)
        if keys < 0 or n < 0:
            return NO_ROOM
        fallback = add_pure(P, q) if q >= 0 else 0
        beside = OTHER | SHADOW if q >= 0 else 0
        if put_record(records, words, used, flags | beside, edges, n, keys, fallback) < 0:
            return NO_ROOM
        s += 1
    last = used[USED_RECORDS]
    for i in range(len(openers) if len(D) > 0 else 0):
        records[(openers[i] - 1) * ST + S_FALLBACK] = last + 1
    for i in range(base - 1, last):
        if records[i * ST + S_FALLBACK] > 0:
            records[i * ST + S_FALLBACK] += last
    return put_pure(
        D, labels, P, n_keys, copies, size, flags, dense_from, no_keys, row, records, flat, codes, words, used
    )
