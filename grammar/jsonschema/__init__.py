"""JSON Schema: relax and guard."""

from .schema import JsonSchema, Verdict

__all__ = ["JsonSchema", "Verdict"]
