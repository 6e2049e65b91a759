"""Terminal tables: for a state of a terminal, its inner tokens and its exits.

A token stays inside the terminal (inner), or some proper part of it completes the terminal and a suffix is left over
(an exit). In a counted terminal every token carries the number of items that it starts.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._kind_kernels import take_kinds
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import code_from, edge_code, first_kid, items_needed, own_bytes
from ._subtree_kernels import bulk_kinds, characters_taken
from ._trie_kernels import text_next
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int32[:, ::1], int64[::1])")
def add_exits(V, first, last, n_inside, count, target, out, tally):
    """Append the tokens [first, last) of the trie to the exits in `out`; FAILED if they do not fit."""
    n = tally[N_EXITS]
    if n + last - first > len(out):
        return FAILED
    for i in range(first, last):
        out[n, 0] = V[V[2] + 2 * i]
        out[n, 1] = n_inside
        out[n, 2] = count
        out[n, 3] = target
        n += 1
    tally[N_EXITS] = n
    return OK


@kernel("int64(int64, int64, int64, int32[::1])")
def open_rows(words, top, last, rows):
    """Clear the rows behind `top` up to `last`, or VARIANTS; the highest row that is open then."""
    last = max(top, min(last, VARIANTS))
    for i in range((top + 1) * words, (last + 1) * words):
        rows[i] = 0
    return last


@kernel("void(int32[::1], int64, int64, int64, int64, int32[:, :, ::1], int64[::1])")
def list_inner(V, first, last, count, crossing, lists, tally):
    """List inner tokens [first, last) of the trie besides, if they are to be, as many as there is room for; all count.

    `crossing`: with how many items they leave the loop for what follows it, or -1.
    """
    for i in range(first, last):
        t = V[V[2] + 2 * i]
        if crossing >= 0:
            if tally[N_CROSSING] < MAX_CROSSING:
                lists[N_CROSSING, tally[N_CROSSING], 0] = t
                lists[N_CROSSING, tally[N_CROSSING], 1] = crossing
            tally[N_CROSSING] += 1
        if count >= VARIANTS:
            if tally[N_LONG] < MAX_LONG:
                lists[N_LONG, tally[N_LONG], 0] = t
                lists[N_LONG, tally[N_LONG], 1] = count
            tally[N_LONG] += 1


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int32[::1])")
def add_below(V, node, begun, most, count, words, rows):
    """Add the tokens below a node in which at most `most` characters begin to the rows of their counts; how many.

    `begun`: those that begin above. If `most` is negative, each counts.
    """
    tokens = V[2]
    first = V[V[1] + 4 * node + 6]
    end = V[V[1] + 4 * V[V[1] + 4 * node + 1] + 2]
    at = min(count, VARIANTS) * words
    if most >= V[V[V_BELOW] + V[0] + node] >> READER:
        for i in range(first, end):
            t = V[tokens + 2 * i]
            rows[at + (t >> 5)] |= -2147483648 if t & 31 == 31 else 1 << (t & 31)
        return end - first
    characters = V[V_BELOW] + 2 * V[0]
    n = 0
    for i in range(first, end):
        more = V[characters + i] - begun
        if more <= abs(most):
            t = V[tokens + 2 * i]
            if most < 0:
                at = min(count + more, VARIANTS) * words
            rows[at + (t >> 5)] |= -2147483648 if t & 31 == 31 else 1 << (t & 31)
            n += 1
    return n


@kernel("void(int32[::1], int64, int64, int64, int64, int64, int32[:, :, ::1], int64[::1])")
def list_below(V, node, begun, most, count, crossing, lists, tally):
    """List the tokens that `add_below` adds, as `list_inner` does."""
    characters = V[V_BELOW] + 2 * V[0]
    for i in range(V[V[1] + 4 * node + 6], V[V[1] + 4 * V[V[1] + 4 * node + 1] + 2]):
        more = V[characters + i] - begun
        if more <= abs(most):
            counted = count + more if most < 0 else count
            list_inner(V, i, i + 1, counted, crossing, lists, tally)


@kernel("int64(int32[::1], int64, uint8[::1], int64, int64)")
def items_begun(G, s, data, first, last):
    """How many items bytes [first, last) begin from state s on, which takes them, with those needed; -1: it depends."""
    count = 1 if G[G[G_ST] + s * ST] & INSIDE else 0
    for i in range(first, last):
        code = edge_code(G, s, data[i])
        count += (code >> FLAG_SHIFT) & LT != 0
        s = code & TARGET
    needed = items_needed(G, s)
    return count + needed if needed >= 0 else -1


@kernel("int64(int32[::1], int32[::1], uint8[::1], int64[::1], int64, int64, int32[::1], int32[:, :, ::1], int64[::1])")
def list_long(G, V, data, start, s, words, rows, lists, tally):
    """Move the inner tokens of VARIANTS bytes or more that were taken in bulk to row 1, and list all items they need.

    The highest row that is open then, or FAILED.
    """
    top = 0
    long = V[V_KINDS] + 256 + 3
    for i in range(long, long + 2 * V[long - 1], 2):
        t = V[i]
        bit = -2147483648 if t & 31 == 31 else 1 << (t & 31)
        if rows[t >> 5] & bit:
            count = items_begun(G, s, data, start[t], start[t + 1])
            if count < 0:
                return FAILED
            top = open_rows(words, top, 1, rows)
            rows[t >> 5] &= ~bit
            rows[words + (t >> 5)] |= bit
            if tally[N_LONG] < MAX_LONG:
                lists[N_LONG, tally[N_LONG], 0] = t
                lists[N_LONG, tally[N_LONG], 1] = count
            tally[N_LONG] += 1
    return top


@kernel("void(int64, int64, int32[::1], int32[:, :, ::1], int64[::1])")
def list_rows(words, top, rows, lists, tally):
    """List the inner tokens with their counts, row by row, if they are few; tells how many they are."""
    n = 0
    for k in range(top + 1):
        for i in range(words):
            bits = int(rows[k * words + i]) & 0xFFFFFFFF
            t = 32 * i
            while bits:
                if bits & 1:
                    if n == LISTED_UP_TO:
                        return
                    lists[N_INNER, n, 0] = t
                    lists[N_INNER, n, 1] = k
                    for j in range(tally[N_LONG] if k == top else 0):
                        if lists[N_LONG, j, 0] == t:
                            lists[N_INNER, n, 1] = lists[N_LONG, j, 1]
                    n += 1
                bits >>= 1
                t += 1
    tally[N_INNER] = n


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64, int64)")
def skip_kids(G, V, s, edge, b, k, last):
    """The first of the kids from k to `last`, with bytes above b, that state s may go on with; see `code_from`."""
    r = G[G_ST] + s * ST
    if G[r] & DENSE or G[r + S_FALLBACK]:
        return k
    if edge == G[r + S_NEDGES]:
        return last
    lo = G[G[G_ED] + G[r + S_EDGES] + 2 * edge] & 255
    return first_kid(V, V[3], k, last, lo) if lo > b else k


@kernel()
def split_tokens(G, V, R, data, start, s, far, path, ways, states, rows, lists, exits, tally):
    """Split the vocabulary for terminal state s.

    `path`: (depth + 1, 10) scratch: state, count, the kids left, the bytes and the count at the last end, of a lexeme,
    the characters begun, the count where the loop was left, or -1, the edge that was looked at last, and the reader of
    text, or -1 where not all is of the kinds taken in bulk. `ways`: (a power of two, WAY_COLUMNS): what is known of the
    terminal's states, zeros at first; it is added to. `states`: scratch.

    `rows`: (VARIANTS + 1, words), flat: row k gets the inner tokens of count k, row VARIANTS those of that count or
    more; counts are of items beyond those that s needs in any case. The rows behind tally[TOP_ROW] are not written.
    If `far`, no count below VARIANTS, with what is needed besides, matters: row 0 gets the tokens of these, row 1 those
    of a higher one, which tells all items.
    `lists`: (3, n, 2) of tokens: the inner ones with their counts if they are no more than LISTED_UP_TO, those of
    VARIANTS or more, and with their count there, those that leave the loop by an edge that asks for the minimum.
    `tally` tells how many there are, of the first at least; it may be more than are listed. `exits` gets rows (token,
    bytes inside, count from s on, state entered by the end of a key, or 0). An inner token counts what is needed behind
    it, too; and an item that has begun before s counts. FAILED if the tokens do not fit or if what is needed depends on
    the count.

    Tokens of characters after any of which the terminal goes on are taken in bulk, see `bulk_kinds`; the walk passes
    over what lies below a node if all of it is taken so, or refused by a byte behind such characters.

    A lexeme is as long as it can be: a token leaves it where it ended last before the byte by which it cannot go on.
    """
    nodes = V[1]
    kids = V[3]
    lexeme = G[G[G_ST] + s * ST] & LEXEME
    below_kinds = V[V_BELOW]
    for i in range(len(tally)):
        tally[i] = 0
    words = len(rows) // (VARIANTS + 1)
    top = open_rows(words, -1, 0, rows)
    kinds = bulk_kinds(G, V, s, ways, len(path), states, far) if below_kinds > 0 else 0
    settled = kinds | states[1] if kinds else 0
    unread = states[1] & BEYOND_ASCII
    if kinds:
        top = take_kinds(V, R, kinds, states[0], words, top, rows, lists, tally)
        if far:
            top = list_long(G, V, data, start, s, words, rows, lists, tally)
            if top == FAILED:
                return FAILED
    n_inner = tally[N_INNER]
    d = 0
    for i in range(path.shape[1]):
        path[0, i] = 0
    path[0, 0] = s
    path[0, 1] = 1 if G[G[G_ST] + s * ST] & INSIDE else 0
    path[0, 7] = -1
    path[0, 9] = 0 if kinds else -1
    base = items_needed(G, s)
    if base < 0:
        return FAILED
    base = 0 if far else base
    k = V[nodes + 3]
    last = V[nodes + 7]
    entered = True
    while True:
        if entered and last - k > MANY and path[d, 4] == 0 and G[G[G_ST] + path[d, 0] * ST + S_FALLBACK] == 0:
            span = own_bytes(G, path[d, 0])
            k = first_kid(V, kids, k, last, span & 255)
            last = first_kid(V, kids, k, last, (span >> 8) + 1)
        entered = False
        if k == last:
            if d == 0:
                break
            d -= 1
            k = path[d, 2]
            last = path[d, 3]
            continue
        kid = V[kids + k]
        k += 1
        b = kid & 255
        node = kid >> 8
        reader = path[d, 9]
        if reader >= 0:
            reader = text_next(reader, b) if V[V[V_KINDS] + b] & kinds else -1
            if reader >= 0 and V[below_kinds + node] & ~settled == 0:  # noqa: SIM102
                if unread or (V[below_kinds + V[0] + node] >> reader) & 1:
                    continue
        code = code_from(G, path[d, 0], path[d, 8:], b)
        at = nodes + 4 * node
        first = V[at + 2]
        target = code & TARGET
        flags = G[G[G_ST] + target * ST]
        added = (code >> FLAG_SHIFT) & ADD
        if code <= 0 and path[d, 4] == 0:
            if last - k > MANY:
                k = skip_kids(G, V, path[d, 0], path[d, 8], b, k, last)
            continue
        if code <= 0 or added or flags & POP:
            below = V[nodes + 4 * V[at + 1] + 2]
            if code <= 0:
                fits = add_exits(V, first, below, path[d, 4], path[d, 5], 0, exits, tally)
            elif added:
                fits = add_exits(V, first, below, d + 1, 0, target, exits, tally)
            else:
                count = path[d, 1] + ((code >> FLAG_SHIFT) & LT != 0)
                fits = add_exits(V, first, below, d + 1, count, 0, exits, tally)
            if fits == FAILED:
                return FAILED
            continue
        count = path[d, 1] + ((code >> FLAG_SHIFT) & LT != 0)
        crossing = path[d, 1] if (code >> FLAG_SHIFT) & GE else path[d, 7]
        behind = V[at + 6]
        if behind > first and reader < 0:
            needed = items_needed(G, target)
            if needed < 0:
                return FAILED
            needed -= base
            counted = 0 if far and count < VARIANTS else count + needed
            row = (1 if counted else 0) if far else min(counted, VARIANTS)
            if row > top:
                top = open_rows(words, top, row, rows)
            for i in range(first, behind):
                t = V[V[2] + 2 * i]
                rows[row * words + (t >> 5)] |= -2147483648 if t & 31 == 31 else 1 << (t & 31)
            n_inner += behind - first
            if crossing >= 0 or counted >= VARIANTS:
                list_inner(V, first, behind, counted, crossing, lists, tally)
        if V[at + 3] == V[at + 7]:
            continue
        begun = path[d, 6] + (1 if b & 0xC0 != 0x80 else 0)
        if flags & TABLED and below_kinds > 0 and reader < 0 and (lexeme or flags & FINAL == 0):
            height = V[below_kinds + V[0] + node] >> READER
            small = far == 0 or count + height < VARIANTS
            most = characters_taken(G, V, target, node, ways, far) if small else 0
            if most != 0:
                beyond = 0 if far else count + items_needed(G, target) - base
                highest = beyond + (min(-most, height) if most < 0 else 0)
                top = open_rows(words, top, highest, rows)
                n_inner += add_below(V, node, begun, most, beyond, words, rows)
                if crossing >= 0 or highest >= VARIANTS:
                    list_below(V, node, begun, most, beyond, crossing, lists, tally)
                continue
        if flags & FINAL and not lexeme:
            for j in range(V[at + 3], V[at + 7]):
                child = nodes + 4 * (V[kids + j] >> 8)
                behind = V[nodes + 4 * V[child + 1] + 2]
                if add_exits(V, V[child + 2], behind, d + 1, count, 0, exits, tally) == FAILED:
                    return FAILED
        path[d, 2] = k
        path[d, 3] = last
        ends = lexeme and flags & FINAL
        path[d + 1, 4] = d + 1 if ends else path[d, 4]
        path[d + 1, 5] = count if ends else path[d, 5]
        d += 1
        path[d, 0] = target
        path[d, 1] = count
        path[d, 6] = begun
        path[d, 7] = crossing
        path[d, 8] = 0
        path[d, 9] = reader
        k = V[at + 3]
        last = V[at + 7]
        entered = True
    tally[N_INNER] = n_inner
    tally[TOP_ROW] = top
    if n_inner <= LISTED_UP_TO:
        list_rows(words, top, rows, lists, tally)
    return OK
