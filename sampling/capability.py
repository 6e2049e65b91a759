"""Capability: what a constraint can tell without being asked token by token.

A sampler chooses by these flags: an exact mask needs no checks, a superset mask prunes what rejection has to try, and a
constraint that can only check has a mask that allows everything.
"""

from __future__ import annotations

from enum import Flag, auto

from .constraint import Constraint, ids_of


class Capability(Flag):
    """What a constraint can do."""

    #: The mask is the set of tokens that may follow.
    EXACT_MASK = auto()
    #: The mask holds all tokens that may follow, and perhaps others, which `check` refuses.
    SUPERSET_MASK = auto()
    #: The mask says nothing: every token is in it.
    CHECK_ONLY = auto()
    #: Its texts can be counted: it has a method `count`.
    COUNTABLE = auto()


def capabilities(constraint: Constraint) -> Capability:
    """What a constraint can do: what its `capabilities` says, else what its members show.

    >>> from types import SimpleNamespace
    >>> capabilities(SimpleNamespace(exact=True))
    <Capability.EXACT_MASK: 1>
    """
    declared = getattr(constraint, "capabilities", None)
    if isinstance(declared, Capability):
        return declared
    if constraint.exact:
        found = Capability.EXACT_MASK
    elif len(ids_of(constraint.mask(constraint.start))) >= constraint.vocabulary.size:
        found = Capability.CHECK_ONLY
    else:
        found = Capability.SUPERSET_MASK
    return found | Capability.COUNTABLE if callable(getattr(constraint, "count", None)) else found
