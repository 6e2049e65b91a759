"""Regular expressions as grammars.

`parse_regex` reads a pattern (`regex_syntax`), compiles its assertions away (`lookaround`) and writes it over bytes.
Counts stay counts: `[a-z]{1,1000}` is one `Repeat`. What has no exact translation is refused with its position:
backreferences, conditional groups, most assertions in loops, Unicode scripts.

Law: the language is the set of texts that the flavour's own engine matches, from end to end or anywhere (tested against
Python's `re`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ..errors import BudgetExceeded
from .ir import Expr, Grammar
from .lookaround import Lowering
from .regex_member import Flavour
from .regex_syntax import Parser
from .regex_tree import EVERY, Spell, concat
from .unicode import code_points


def parse_regex(
    pattern: str,
    *,
    flavour: Flavour = "python",
    anchored: bool = True,
    flags: str = "",
    char: Spell = code_points,
) -> Expr:
    """The expression of a pattern.

    Parameters
    ----------
    flavour : "python" (the `re` module) or "ecma" (ECMA-262 with the flag `u`, lenient about superfluous escapes).
    anchored : whether the pattern matches the text from end to end (`re.fullmatch`), or somewhere in it (`re.search`,
        as JSON Schema's `pattern`).
    flags : letters out of "aimsux" ("imsu" for ECMA), as in `(?i)`.
    char : writes a set of code points as an expression; UTF-8 unless told otherwise. The expressions of single code
        points must be a prefix code: no spelling of one may begin another's.

    Raises
    ------
    GrammarSyntaxError : the pattern is no regular expression of the flavour; with the offset.
    UnsupportedFeature : part of it has no exact translation; with the offset.
    BudgetExceeded : its groups, counts or assertions exceed every use.

    >>> parse_regex("(a|b)?c")
    Seq(items=(Repeat(item=Alt(items=(Bytes(data=b'a'), Bytes(data=b'b'))), min=0, max=1), Bytes(data=b'c')))
    """
    try:
        tree = Parser(pattern, flavour, flags).parse()
        return Lowering(pattern, char).whole(tree if anchored else concat([EVERY, tree, EVERY]))
    except RecursionError:
        raise BudgetExceeded("nesting of a pattern", sys.getrecursionlimit(), "nest it less deeply") from None


@dataclass(frozen=True)
class Regex:
    """A constraint: the whole text matches a regular expression.

    Raises (in `grammar`) as `parse_regex`.
    """

    text: str
    flags: str = ""
    flavour: Flavour = "python"

    def grammar(self) -> Grammar:
        """The grammar, of one rule."""
        expr = parse_regex(self.text, flags=self.flags, flavour=self.flavour)
        return Grammar("start", {"start": expr}, {"start": "the pattern"})
