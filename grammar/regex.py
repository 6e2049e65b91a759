"""Regular expressions as grammars.

`parse_regex` reads a pattern (`regex_syntax`), compiles its assertions away and writes it over bytes. Where assertions
do not stand in loops they become intersections (`lookaround`), and counts stay counts: `[a-z]{1,1000}` is one `Repeat`.
Elsewhere they become states (`regex_threads`). What has no exact translation is refused with its position:
backreferences, conditional groups, lookaheads inside lookbehinds, assertions inside atomic groups, assertions of too
many states, Unicode scripts.

Laws (tested against Python's `re`)
    1. The language is the set of texts that the flavour's own engine matches, from end to end or anywhere.
    2. `parse_terminal`, too, if the pattern is lazy, has the texts that `re.match` takes whole.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ..errors import BudgetExceeded, UnsupportedFeature
from .ir import Expr, Grammar
from .lookaround import Lowering
from .regex_member import Flavour
from .regex_syntax import Parser
from .regex_threads import without_assertions
from .regex_tree import EVERY, Concat, Edge, Node, Spell, beside_every, concat, is_lazy, lower
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
    tree = _read(pattern, flavour, flags)
    return _whole(tree if anchored else _anywhere(tree), pattern, char)


def parse_terminal(pattern: str) -> Expr:
    """The expression of a pattern as lexers mean it, by `re.match`, which takes the match that it finds first.

    With lazy quantifiers it has the texts that `re.match(pattern, text)` takes whole: no shorter match is preferred. Of
    the prefixes of a text that are in it, the longest is the match in the text, unless a lookahead sees beyond. Without
    them all matches count, as in `parse_regex`.

    Raises as `parse_regex`, and
    ------
    UnsupportedFeature : lazy quantifiers take too many states.

    >>> from .regular import accepts, compile_regular
    >>> dfa = compile_regular(parse_terminal("(?:a|ab)b*?c?"))
    >>> [bool(accepts(dfa, text)) for text in (b"a", b"ac", b"ab")]
    [True, True, False]
    """
    tree = _read(pattern, "python", "")
    if not is_lazy(tree):
        return _whole(tree, pattern, code_points)
    try:
        return lower(without_assertions(tree, pattern, "first"), code_points)
    except BudgetExceeded as error:
        message = f"Lazy quantifiers exceed the limit on {error.what} ({error.limit:g}); "
        message += 'write without them, `"[^"]*"` instead of `".*?"`'
        raise UnsupportedFeature(message, source=pattern, offset=0) from error
    except RecursionError:
        raise _too_deep() from None


def _read(pattern: str, flavour: Flavour, flags: str) -> Node:
    try:
        return Parser(pattern, flavour, flags).parse()
    except RecursionError:
        raise _too_deep() from None


def between_ends(pattern: str, *, flavour: Flavour) -> Node | None:
    """What stands between `^` and `$`, if a pattern that may match anywhere begins and ends with these; else None.

    Raises as `parse_regex`.

    >>> between_ends("^[a-z]{2,}$", flavour="ecma")
    Loop(item=CharSet(ranges=((97, 122),), plain=True), min=2, max=None, plain=True, lazy=False)
    """
    match _read(pattern, flavour, ""):
        case Concat((Edge(side="start"), *inner, Edge(side="end"))):
            return concat(inner)
    return None


def _anywhere(tree: Node) -> Node:
    """The texts in which a tree matches something."""
    return concat([EVERY, beside_every(beside_every(tree, last=True), last=False), EVERY])


def _whole(tree: Node, pattern: str, char: Spell) -> Expr:
    """What a tree matches from end to end."""
    try:
        return Lowering(pattern, char).whole(tree)
    except UnsupportedFeature as refusal:
        try:
            return lower(without_assertions(tree, pattern), char)
        except (BudgetExceeded, RecursionError):
            raise refusal from None
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> BudgetExceeded:
    return BudgetExceeded("nesting of a pattern", sys.getrecursionlimit(), "nest it less deeply")


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
