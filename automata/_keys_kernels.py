"""Keys seen: which keys the open objects of a JSON text hold already, so that no undeclared key comes twice.

Which keys came is a property of the text (RFC 8259), whatever its readings are; so it stands beside a configuration
instead of in it, and configurations and their masks stay shared. While an object with undeclared keys is open, a small
reader of JSON runs along: the *cursor* (the open containers and the keys of each), where it is in a string (`lex`), and
the key so far, decoded.

All of these are nodes (kind, a, b, c, d) of an arena K, hash-consed, parents before children:

    TEXT    a text before, a byte, its length                  the decoded bytes of a key; node 1 is the empty text
    OBJECT  the cursor around it, -, -, suspect                an open object without keys
    ARRAY   the cursor around it, -, -, suspect
    KEY     the cursor before, its text, its object, suspect   an object with one more key
    STATE   configuration, cursor, lex, text                   what a matcher stands in; HELD: with a guarded text

A cursor is *suspect* if one of its keys stands whole inside a token, between two quotes (texts below K_WHOLE): then
tokens with two quotes are asked one by one. All others end at most one key, the one that is open.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import first_kid
from ._walk_kernels import clear_bit
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64, int64, int64, int64)")
def node_of(K, kind, a, b, c, d):
    """The node of these words, added if new; FULL if there is no room."""
    h = (((int(kind) * 1000003 + int(a)) * 1000003 + int(b)) * 1000003 + int(c)) * 1000003 + int(d)
    h ^= h >> 21
    mask = int(K[K_MASK])
    table = K[K_TABLE]
    nodes = K[K_NODES]
    h &= mask
    while K[table + h] != 0:
        at = nodes + KN * K[table + h]
        if K[at] == kind and K[at + 1] == a and K[at + 2] == b and K[at + 3] == c and K[at + 4] == d:
            return K[table + h]
        h = (h + 1) & mask
    n = K[K_N]
    if n >= K[K_CAP]:
        K[K_FULL] = 1
        return FULL
    at = nodes + KN * n
    K[at] = kind
    K[at + 1] = a
    K[at + 2] = b
    K[at + 3] = c
    K[at + 4] = d
    K[table + h] = n
    K[K_N] = n + 1
    return n


@kernel()
def index_nodes(K):
    """Fill the empty hash table anew."""
    n = K[K_N]
    K[K_N] = 1
    for i in range(1, n):
        at = K[K_NODES] + KN * i
        node_of(K, K[at], K[at + 1], K[at + 2], K[at + 3], K[at + 4])


@kernel()
def mark_nodes(K, live):
    """Mark the nodes that the marked ones are made of."""
    for i in range(K[K_N] - 1, 0, -1):
        if live[i] == 0:
            continue
        at = K[K_NODES] + KN * i
        kind = K[at]
        if kind >= STATE:
            live[K[at + 2]] = 1
            live[K[at + 4]] = 1
        else:
            live[K[at + 1]] = 1
            if kind == KEY:
                live[K[at + 2]] = 1
                live[K[at + 3]] = 1


@kernel("int64(int64, int64)")
def read_key_byte(lex, b):
    """The reader inside a key behind byte b (not a closing quote): lex, above it (<< 32) what the byte completes.

    That is nothing (0), a byte plus one, or a code point plus `CODE_POINT`.
    """
    lex = int(lex)
    b = int(b)
    escape = (lex >> ESCAPE) & 7
    if escape == 0:
        if b == BACKSLASH:
            return lex | 1 << ESCAPE
        return (lex & ~HIGH_BITS) | (b + 1) << 32
    if escape == 1:
        if b == 117:
            return (lex & ~ESCAPE_BITS) | 2 << ESCAPE
        if b == 98:
            b = 8
        elif b == 102:
            b = 12
        elif b == 110:
            b = 10
        elif b == 114:
            b = 13
        elif b == 116:
            b = 9
        return IN_KEY | (b + 1) << 32
    digit = b - 48 if b <= 57 else (b & 31) + 9
    value = ((lex >> DIGITS) & 0xFFF) << 4 | digit
    high = (lex >> HIGH) & 0x7FF
    if escape < 5:
        return IN_KEY | (escape + 1) << ESCAPE | (value & 0xFFF) << DIGITS | high << HIGH
    if 0xD800 <= value < 0xDC00:
        return IN_KEY | (value - 0xD800 + 1) << HIGH
    if 0xDC00 <= value < 0xE000 and high > 0:
        value = 0x10000 + ((high - 1) << 10) + (value - 0xDC00)
    return IN_KEY | (CODE_POINT + value) << 32


@kernel("int64(int64, int64)")
def nth_byte(what, i):
    """The i-th byte of what `read_key_byte` completed, in UTF-8; -1 behind the last."""
    if what < CODE_POINT:
        return what - 1 if i == 0 else -1
    cp = what - CODE_POINT
    n = 1 if cp < 0x80 else 2 if cp < 0x800 else 3 if cp < 0x10000 else 4
    if i >= n:
        return -1
    if i > 0:
        return 0x80 | (cp >> (6 * (n - 1 - i))) & 0x3F
    return cp if n == 1 else (0xF0 << (4 - n) & 0xFF) | cp >> (6 * (n - 1))


@kernel("int64(int32[::1], int64, int64)")
def longer_text(K, text, what):
    """The text with what `read_key_byte` completed; FULL if there is no room."""
    i = 0
    while text > 0:
        b = nth_byte(what, i)
        if b < 0:
            return text
        text = node_of(K, TEXT, text, b, K[K[K_NODES] + KN * text + 3] + 1, 0)
        i += 1
    return FULL


@kernel()
def lay_text(K, data, n):
    """Add the text data[:n]; FULL if there is no room."""
    text = node_of(K, TEXT, 0, 0, 0, 0)
    for i in range(n):
        if text > 0:
            text = longer_text(K, text, data[i] + 1)
    return text


@kernel("int64(int32[::1], int64)")
def container_of(K, cursor):
    """The object or array in which the cursor stands."""
    at = K[K_NODES] + KN * cursor
    return K[at + 3] if K[at] == KEY else cursor


@kernel("int64(int32[::1], int64, int64)")
def with_key(K, cursor, text):
    """The cursor behind one more key; 0 if its object has it already, FULL if there is no room."""
    nodes = K[K_NODES]
    k = cursor
    while K[nodes + KN * k] == KEY:
        if K[nodes + KN * k + 2] == text:
            return 0
        k = K[nodes + KN * k + 1]
    suspect = 1 if text < K[K_WHOLE] else K[nodes + KN * cursor + 4]
    return node_of(K, KEY, cursor, text, k, suspect)


@kernel("int64(int32[::1], int64, int64, int64, uint8[::1], int64, int64, int64)")
def read_text(K, cursor, lex, text, data, start, end, strict):
    """Read data[start:end] from where the cursor stands; the new place goes to K_CURSOR, K_LEX and K_TEXT.

    READ; LEFT if the outermost container was closed; TWICE if a key comes again (not `strict`: it is
    passed over); FULL if there is no room.
    """
    nodes = K[K_NODES]
    for i in range(start, end):
        b = data[i]
        if lex & IN_STRING:
            if lex >> ESCAPE:
                lex = IN_STRING
            elif b == BACKSLASH:
                lex = IN_STRING | 1 << ESCAPE
            elif b == QUOTE:
                lex = 0
        elif lex & IN_KEY:
            if b == QUOTE and (lex >> ESCAPE) & 7 == 0:
                found = with_key(K, cursor, text)
                if found < 0:
                    return FULL
                if found == 0 and strict:
                    return TWICE
                cursor = found if found else cursor
                lex = 0
                text = 1
            else:
                read = read_key_byte(lex, b)
                lex = read & 0xFFFFFFFF
                if read >> 32:
                    text = longer_text(K, text, read >> 32)
                    if text < 0:
                        return FULL
        elif b == QUOTE:
            lex = IN_KEY if lex & EXPECTS else IN_STRING
        elif b == 123 or b == 91:
            cursor = node_of(K, OBJECT if b == 123 else ARRAY, cursor, 0, 0, K[nodes + KN * cursor + 4])
            if cursor < 0:
                return FULL
            lex = EXPECTS if b == 123 else 0
        elif b == 125 or b == 93:
            cursor = K[nodes + KN * container_of(K, cursor) + 1]
            lex = 0
            if cursor == 0:
                return LEFT
        elif b == 44:
            lex = EXPECTS if K[nodes + KN * container_of(K, cursor)] == OBJECT else 0
    K[K_CURSOR] = cursor
    K[K_LEX] = lex
    K[K_TEXT] = text
    return READ


@kernel("int64(int32[::1], int64, int64)")
def rest_of_key(K, key, text):
    """How many bytes are left of text `key` behind its part `text`; -1 if it does not begin so. They go to K_SCR."""
    nodes = K[K_NODES]
    n = K[nodes + KN * key + 3] - K[nodes + KN * text + 3]
    if n < 0 or n > K[K_ROOM]:
        return -1
    for i in range(n - 1, -1, -1):
        K[K[K_SCR] + i] = K[nodes + KN * key + 2]
        key = K[nodes + KN * key + 1]
    return n if key == text else -1


@kernel("int64(int64, int64)")
def next_of(b, expected):
    """The lowest byte above b by which a key may go on or end where one byte is expected; 256 if there is none."""
    following = 256
    for other in (QUOTE, BACKSLASH, expected):
        if b < other < following:
            following = other
    return following


@kernel("void(int32[::1], int32[::1], int64, int64, int32[::1])")
def forbid_rest(K, V, lex, n, row):
    """Clear the tokens that complete a key whose n last bytes are at K_SCR, however they are spelled."""
    nodes = V[1]
    tokens = V[2]
    kids = V[3]
    w = K[K_SCR] + K[K_ROOM]
    K[w + 2] = lex
    K[w + 3] = 0
    d = 0
    k = V[nodes + 3]
    last = V[nodes + 7]
    while True:
        if k == last:
            if d == 0:
                break
            d -= 1
            w -= 4
            k = K[w]
            last = K[w + 1]
            continue
        kid = V[kids + k]
        k += 1
        b = kid & 255
        lex = K[w + 2]
        done = K[w + 3]
        at = nodes + 4 * (kid >> 8)
        if (lex >> ESCAPE) & 7 == 0:
            if b == QUOTE:
                for i in range(V[at + 2] if done == n else 0, V[nodes + 4 * V[at + 1] + 2] if done == n else 0):
                    clear_bit(row, V[tokens + 2 * i])
                continue
            expected = K[K[K_SCR] + done] if done < n else BACKSLASH
            if b != BACKSLASH and b != expected:
                if last - k > MANY:
                    k = first_kid(V, kids, k, last, next_of(b, expected))
                continue
        read = read_key_byte(lex, b)
        what = read >> 32
        fits = True
        i = 0
        while what and fits:
            b = nth_byte(what, i)
            if b < 0:
                break
            fits = done < n and K[K[K_SCR] + done] == b
            done += 1
            i += 1
        if not fits or V[at + 3] == V[at + 7]:
            continue
        K[w] = k
        K[w + 1] = last
        d += 1
        w += 4
        K[w + 2] = read & 0xFFFFFFFF
        K[w + 3] = done
        k = V[at + 3]
        last = V[at + 7]


@kernel("int64(int32[::1], int32[::1], int64, int32[::1])")
def forbid_keys(K, V, node, row):
    """Clear the tokens of a state's row that end the open key where its object has it; whether it is suspect."""
    nodes = K[K_NODES]
    at = nodes + KN * node
    cursor = K[at + 2]
    if K[at + 3] & IN_KEY:
        k = cursor
        while K[nodes + KN * k] == KEY:
            n = rest_of_key(K, K[nodes + KN * k + 2], K[at + 4])
            if n >= 0:
                forbid_rest(K, V, K[at + 3], n, row)
            k = K[nodes + KN * k + 1]
    return K[nodes + KN * cursor + 4]


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def keyed_state(A, K, kind, inner, config):
    """The state of a configuration (or of what else `inner` numbers) with the place in K_CURSOR, K_LEX and K_TEXT.

    Outside all objects with undeclared keys it is `inner` itself. FAILED if there is no room.
    """
    if A[A[H_CFG] + config * CF + C_FLAGS] & OPEN_FLAG == 0 or K[K_CURSOR] == 0:
        return inner
    node = node_of(K, kind, inner, K[K_CURSOR], K[K_LEX], K[K_TEXT])
    return KEYED + int(node) if node > 0 else FAILED


@kernel()
def join_keys(A, K, kind, inner, config):
    """`keyed_state`, for Python."""
    return keyed_state(A, K, kind, inner, config)
