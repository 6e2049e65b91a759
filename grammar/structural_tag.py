"""Structural tags: answers that mix free text with tagged parts, as serving stacks send them.

Both dialects are read: XGrammar's `{"type": "structural_tag", "format": {...}}`, a tree of formats, and the legacy
`{"structures": [{"begin", "schema", "end"}], "triggers": [...]}`.

Differences to XGrammar
    1. Free tokens are text: special tokens come only where a format names them. Token budgets (`max_tokens`) and a lone
       `exclude_token` count tokens of whatever text: refused.
    2. `any_order` keeps what it says and all else of the schema: required keys must come, and none comes twice.
    3. Arguments in XML (`style`) are read for "qwen_xml", "minimax_xml" and "glm_xml", for objects of declared
       properties in their order; the other styles are refused.
Source: XGrammar, docs/structural_tag/structural_tag.md and advanced_usage.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BudgetExceeded, GrammarSyntaxError
from .ir import Grammar
from .part import Part
from .tag_format import Reader


@dataclass(frozen=True, init=False)
class StructuralTag:
    """A constraint: the text follows a structural tag, given as JSON text or as the object that it stands for."""

    #: The tag as JSON.
    text: str

    def __init__(self, tag: str | Mapping[str, Any]) -> None:
        object.__setattr__(self, "text", tag if isinstance(tag, str) else json.dumps(tag))

    def part(self) -> Part:
        """The tag as a part, to be put together with others.

        Raises
        ------
        GrammarError : it is no structural tag, or a schema or grammar in it is wrong; with the JSON pointer.
        UnsupportedFeature : a format has no exact translation; with the JSON pointer.
        BudgetExceeded : it nests too deeply.
        """
        try:
            return Reader().tag(json.loads(self.text))
        except json.JSONDecodeError as error:
            message = f"Expected a structural tag as JSON: {error.msg}."
            raise GrammarSyntaxError(message, source=self.text, offset=error.pos) from None
        except RecursionError:
            raise BudgetExceeded("nesting of a structural tag", 1000, "nest it less deeply") from None

    def grammar(self) -> Grammar:
        """The grammar. Raises as `part`."""
        return self.part().grammar()
