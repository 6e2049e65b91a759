"""A guard beside a grammar: XML whose end tags repeat the names of their start tags.

Which names were opened is not context-free, so the grammar of `grammars/xml.lark` accepts `<a></b>`. The guard refuses
it, and is asked about every element as soon as that is closed: a model that was about to write the wrong end tag is
led to the right one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import syntagma as sg
from syntagma.grammar.ir import Guarded

_TAG = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(/?)([A-Za-z_][\w.:-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?(/?)>", re.DOTALL
)


@dataclass(frozen=True)
class MatchingTags:
    """Whether every end tag of an element has the name of its start tag."""

    pointer: str = "xml.lark"
    keyword: str = "matching tags"

    def __call__(self, text: bytes) -> bool:
        """Follow the tags with a stack."""
        names: list[bytes] = []
        for tag in _TAG.finditer(text):
            if tag[2] is None or tag[3]:
                continue
            if not tag[1]:
                names.append(tag[2])
            elif not names or names.pop() != tag[2]:
                return False
        return not names


def xml(path: Path = Path(__file__).parent / "grammars" / "xml.lark") -> sg.Grammar:
    """The grammar of XML-like texts, its elements guarded."""
    grammar = sg.Lark(path.read_text("utf-8")).grammar()
    guarded = Guarded(grammar.rules["element"], MatchingTags())
    return sg.Grammar(grammar.start, {**grammar.rules, "element": guarded}, grammar.places)
