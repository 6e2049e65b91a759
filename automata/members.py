"""Object members: all keys in one automaton, and what was seen in the frame's payload.

The block of a `Members` node has the states of

    first     before any member: a key may start here, or the object ends; with an `Enclosure`, behind what opens it
    key       inside a key, see `_member_kernels.py`
    colon     behind a key, a copy for each key: colon, then the call of the value
    after     behind a value: a comma if any key may still come, or the end, with what closes the object, if given
    again     behind the comma: a key

A key's last byte marks it as seen (ADD). A byte inside a key is allowed if a declared key that starts so may still
come, or an undeclared one may.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from ..grammar.fold import is_nothing
from ..grammar.ir import Expr, Members
from ..grammar.machine import Machine
from . import _layout_kernels as L
from .block import Block
from .enclosure import Enclosure
from .key_states import Surroundings, lay_keys, moves_of
from .kin import family_of, is_json_end, is_json_opening
from .lowered import Ints, Lowered, bounds
from .machines import machine_of

#: What the payload can count to, beside the place among the keys.
MOST_MEMBERS = 2**15 - 1
#: Keys whose seen-set fits into the payload itself.
SMALL = 30


def lower_members(expr: Members, enclosure: Enclosure | None, limit: int) -> Lowered:
    """The block of an object's members, with what stands around them, if that is given.

    It calls the k-th value, forbidden keys not counted, as rule k + 1.
    """
    forbidden = [is_nothing(member.value) for member in expr.keys]
    allowed = [member for member, never in zip(expr.keys, forbidden, strict=True) if not never]
    never = [member for member, never in zip(expr.keys, forbidden, strict=True) if never]
    others = tuple([other.key for other in expr.other])
    flags = expr.distinct * (L.DISTINCT | L.OPEN * bool(others))
    kind, required, start_words = _payload(expr, [member.required for member in allowed])
    around, keys = (enclosure, expr.comma, expr.colon, flags, limit), [member.key for member in (*allowed, *never)]
    family = family_of(keys, expr.comma, expr.colon, others, around, limit)
    laid = lay_keys(
        _surroundings(*around),
        keys,
        len(allowed),
        required,
        moves_of(others, limit),
        len(others),
        flags | (L.KIN if family else 0),
        # Whether an undeclared key may always come, so that a key's state need not know which declared keys are left.
        bool(others) and expr.order == "any" and expr.max is None,
    )
    rule = kind, *bounds(expr.min, expr.max, MOST_MEMBERS), len(allowed)
    laid.block[L.B_RULE : L.B_RULE + L.R_REQ - L.R_KIND] = rule
    laid.block[L.B_RULE + L.R_OTHER - L.R_KIND] = len(others)
    laid.block[L.B_BRACED] = enclosure is not None and is_json_opening(enclosure.opening)
    bound = family is not None and enclosure is not None and is_json_end(keys, expr.colon, enclosure, limit)
    regions: dict[int, Hashable] = {state: (others, q) for state, q in enumerate(laid.pure, laid.first_pure)}
    return Lowered(laid.block, start_words, regions, bool(flags & L.OPEN), len(others), family=family, bound=bound)


@lru_cache(maxsize=256)
def _surroundings(enclosure: Enclosure | None, comma: Expr, colon: Expr, flags: int, limit: int) -> Surroundings:
    """What stands around the keys: the same for most objects of a grammar."""
    end = 0 if enclosure else L.FINAL | L.COND
    block = Block(L.KEYS)
    start, after = block.state(end), block.state(end)
    openers = enclosure.opening.lay(block, start) if enclosure else [start]
    opened = len(block.states)
    if enclosure:
        behind_comma = enclosure.between.lay(block, after)
        for opener in behind_comma:
            block.states[opener].flags |= L.SEALED
        openers += behind_comma
    else:
        openers += block.lay(machine_of((comma,), limit), after, L.LT)
    for state in (block.states[after], *block.states[opened if enclosure else 1 :]):
        state.flags |= flags
    behind_key = _behind_key(machine_of((colon,), limit), after, flags)
    return Surroundings(_with_kin(block, {after: L.BEHIND_VALUE}), np.array(openers, np.int64), behind_key)


def _behind_key(colon: Machine, after: int, flags: int) -> Ints:
    """The states behind a key: the colon, then the call of a value."""
    block = Block()
    first = block.state()
    for state in block.lay(colon, first):
        block.states[state].calls = ((0, after),)
    for laid in block.states[1:]:
        laid.flags |= flags
    return _with_kin(block, dict(zip(range(first, len(block.states)), range(L.BEHIND_VALUE), strict=False)))


def _with_kin(block: Block, numbers: dict[int, int]) -> Ints:
    """The array of a block, some of its states flagged KIN and numbered."""
    lowered = block.finish()
    for state, number in numbers.items():
        lowered.records[state - 1, L.S_FLAGS] |= L.KIN
        lowered.records[state - 1, L.S_KIN] = number
    return lowered.block


def _payload(expr: Members, required: list[bool]) -> tuple[int, list[int], list[int] | None]:
    """What the payload is (a bit set, an interned set, or the position), the rule's words, and the first payload's."""
    n = len(required)
    bits = sum([1 << k for k, r in enumerate(required) if r])
    if expr.order == "schema":
        following, count = [n], [0]
        for k in reversed(range(n)):
            following.append(k if required[k] else following[-1])
            count.append(count[-1] + required[k])
        return L.KEYSEQ, following[::-1] + count[::-1] + [0], None
    if n <= SMALL and expr.min == 0 and expr.max is None:
        return L.KEYS, [bits], None
    words = [(bits >> 32 * w & 0xFFFFFFFF ^ 1 << 31) - (1 << 31) for w in range((n + 31) // 32)]  # as int32
    return L.KEYSET, words or [0], [0] * len(words) + [0, sum(required)]
