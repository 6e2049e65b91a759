"""JSON Schema: relax and guard."""

from .schema import JsonSchema
from .verdicts import Verdict

__all__ = ["JsonSchema", "Verdict"]
