"""Byte machines by content: regular expressions made deterministic once in a process."""

from __future__ import annotations

from functools import lru_cache

from ..grammar.ir import Expr
from ..grammar.machine import Machine
from .determinize import determinize
from .written_rows import written_machine


@lru_cache(maxsize=2048)
def machine_of(exprs: tuple[Expr, ...], limit: int) -> Machine:
    """The minimal machine of the expressions, labelled by the first that matches; not to be changed."""
    return written_machine(exprs, limit) or determinize(exprs, limit)
