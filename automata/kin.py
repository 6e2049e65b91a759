"""Kin objects: those of whose frames one may stand for another where a mask is remembered; see `_kin_kernels.py`.

What an object's frame does behind a value depends on the layout, and on what may come next. It would depend on its
keys, too, for a token that reaches into the next key. Vocabularies have a few, such as `,"\\` and `,"#`: objects with
keys that begin like these have no kin.

Before a key and inside it, what the object stands in matters to tokens alone that hold the key's end, a colon and the
brace that closes the object. A vocabulary with such a token has no *bound* objects. (In the layout of `indent=`, a line
break already tells whether an object may end. Its members are counted then, and counted payloads are kept apart.)
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final

from ..grammar.ir import Bytes, Expr, Spelled
from ..grammar.spelled import spellings_of
from . import _layout_kernels as L
from .enclosure import Enclosure, Ways
from .lowered import Family
from .machines import machine_of
from .vocabulary import Vocabulary

_QUOTE: Final = re.compile(rb'[,{][ \t\r\n]*"')
_COLON: Final = re.compile(rb'"[ \t\r\n]*:')
_SPACE: Final = sum(1 << byte for byte in b" \t\r\n")
#: Beginnings besides those of a byte: more of an escape than `\u`; any at all.
_ESCAPE, _ANY = 1 << 256, 1 << 257


def family_of(
    keys: Sequence[Bytes | Spelled], comma: Expr, colon: Expr, others: tuple[Expr, ...], around: Hashable, limit: int
) -> Family | None:
    """The family of an object, given what stands around its keys; None if its frames are kin to no others."""
    if not _is_sign(comma, ord(","), limit):
        return None
    is_spelled = bool(keys) and isinstance(keys[0], Spelled)
    if others and not (_is_sign(colon, ord(":"), limit) and _are_json_keys(others, is_spelled, limit)):
        return None
    found = _ANY | _ESCAPE * is_spelled
    for key in keys:
        if isinstance(key, Spelled) != is_spelled or (others and isinstance(key, Bytes) and key.data[-1:] != b'"'):
            return None
        begins = _spelled_beginning(key.text[:1]) if isinstance(key, Spelled) else _beginning(key.data)
        if not begins:
            return None
        found |= begins
    return Family((around, others, is_spelled), found)


def _beginning(key: bytes) -> int:
    """The first byte of a key behind its quote; 0 if there is none."""
    return 1 << key[1] if key[:1] == b'"' and len(key) > 1 else 0


@lru_cache(maxsize=4096)
def _spelled_beginning(character: str) -> int:
    """The bytes that the spellings of a key may begin with, but for escapes; 0 if not all escapes are among them."""
    ways = spellings_of(ord(character)) if character else ()
    if not any(way[:2] == ((ord("\\"),), (ord("u"),)) for way in ways):
        return 0
    return sum(1 << byte for byte in {byte for way in ways for byte in way[0]} - {ord("\\")})


@lru_cache(maxsize=64)
def _is_sign(expr: Expr, sign: int, limit: int) -> bool:
    """Whether an expression holds one sign of punctuation and white space, nothing else."""
    machine = machine_of((expr,), limit)
    seen = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        q, n = stack.pop()
        if n > 1 or (n == 0 and machine.labels[q]):
            return False
        for target, mask in machine.rows[q].items():
            if mask != 1 << sign and mask & ~_SPACE:
                return False
            after = target, n + (mask == 1 << sign)
            if after not in seen:
                seen.add(after)
                stack.append(after)
    return True


@lru_cache(maxsize=64)
def _are_json_keys(others: tuple[Expr, ...], is_spelled: bool, limit: int) -> bool:
    """Whether there are undeclared keys, all with a quote at either end; and escapes, where declared keys have them."""
    machine = machine_of(others, limit)
    first = list(machine.rows[0].items())
    if len(first) != 1 or first[0][1] != 1 << L.QUOTE or not any(machine.labels):
        return False
    for label, row in zip(machine.labels, machine.rows, strict=True):
        if (row and label) or any(machine.labels[t] and mask != 1 << L.QUOTE for t, mask in row.items()):
            return False
    begun = {first[0][0]}
    for byte in b"\\u" if is_spelled else b"":
        begun = {t for q in begun for t, mask in machine.rows[q].items() if mask >> byte & 1}
    return bool(begun)


def is_json_opening(opening: Ways) -> bool:
    """Whether an object is opened by a brace, with nothing but white space before the first key."""
    first, *others = opening.going_on
    return first == 1 << ord("{") and not any(edges & ~_SPACE for edges in others)


def is_json_end(keys: Sequence[Bytes | Spelled], colon: Expr, enclosure: Enclosure, limit: int) -> bool:
    """Whether a quote, a colon and a brace stand between a key of an object and what follows the object."""
    quoted = all(isinstance(key, Spelled) or (len(key.data) > 1 and key.data.endswith(b'"')) for key in keys)
    return quoted and _is_sign(colon, ord(":"), limit) and _is_brace(enclosure.closing)


def _is_brace(closing: Ways) -> bool:
    """Whether an object is closed by a brace, with nothing but white space before it."""
    before = [0]
    for q in before:
        for mask, target, _ in closing.edges[q]:
            if mask & ~_SPACE == 0 and not closing.labels[target]:
                before += [target] * (target not in before)
            elif mask != 1 << ord("}"):
                return False
    return True


def reaches_out(vocabulary: Vocabulary) -> bool:
    """Whether some token leads from inside a key, or before it, to the brace that closes its object, or may."""
    data, start = vocabulary.token_data.tobytes(), vocabulary.token_start
    colons = ((match.end(), int(start[start.searchsorted(match.start(), "right")])) for match in _COLON.finditer(data))
    return any(b"}" in data[colon:end] for colon, end in colons)


def begun_keys(vocabulary: Vocabulary) -> int:
    """How keys begin that a token reaches into behind a comma or a brace, a bit each."""
    data, start = vocabulary.token_data.tobytes(), vocabulary.token_start
    found = 0
    for match in _QUOTE.finditer(data):
        end = int(start[start.searchsorted(match.start(), "right")])
        found |= _begun(data[match.end() : end])
    return found


def _begun(text: bytes) -> int:
    """How the key begins that a token ends in, given what stands behind the quote."""
    if not text:
        return 0
    more = _ESCAPE if text[:1] == b"\\" and text not in (b"\\", b"\\u") else 0
    return 1 << text[0] | more | (_ANY if _COLON.search(text) else 0)
