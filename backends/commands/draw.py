"""Draw: the rules of a grammar as railroad diagrams, or its automaton, as SVG.

Railroad diagrams are laid out by the library `railroad-diagrams`; a page is one SVG with a diagram for every rule. For
the automaton see `draw_automaton`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

from ...errors import BackendMissing
from ...grammar.alphabet import members
from ...grammar.analysis import reachable
from ...grammar.ir import (
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Members,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    Written,
    over_bytes,
)
from .byte_names import byte_names
from .constraint import UsageError, unreadable
from .draw_automaton import automaton_as, is_literal
from .outcome import OK, Outcome

#: Rules that are drawn at most.
MOST_RULES = 300
#: Alternatives that one diagram shows of a longer list.
MOST_WAYS = 40


def draw(
    grammar: Grammar, what: Literal["rules", "automaton"], form: Literal["svg", "dot", "mermaid"], output: Path | None
) -> Outcome:
    """Write the drawing to a file, or print it.

    Raises
    ------
    BackendMissing : railroad-diagrams is not installed.
    UsageError : there is too much to draw, railroad diagrams are asked for as text, the file cannot be written, or
        `dot` is not installed.
    """
    if what == "rules" and form != "svg":
        raise UsageError(f"Railroad diagrams come as SVG only; --format {form} goes with --what automaton.")
    text = rules_svg(grammar) if what == "rules" else automaton_as(form, grammar)
    if output is None:
        return Outcome({"what": what, "format": form, "text": text}, [("", text)], OK)
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {output}: {unreadable(output, error)}.") from error
    return Outcome({"what": what, "format": form, "file": str(output)}, [("green", f"Wrote {output}.\n")], OK)


def rules_svg(grammar: Grammar) -> str:
    """One SVG with a railroad diagram for every rule that is needed, the start first."""
    try:
        import railroad
    except ImportError:
        raise BackendMissing("railroad-diagrams", "draw") from None
    rules = {name: body for name, body in reachable(grammar.rules, grammar.start).items() if not is_literal(body)}
    if len(rules) > MOST_RULES:
        raise UsageError(f"The grammar has {len(rules)} rules; at most {MOST_RULES} are drawn.")
    parts, width, height = [], 0.0, 0.0
    for name, body in rules.items():
        diagram = railroad.Diagram(_track(railroad, body, rules), css=None)
        out = io.StringIO()
        diagram.writeSvg(out.write)
        wide, high = float(diagram.attrs["width"]), float(diagram.attrs["height"])
        parts.append(f'<text class="rule" x="10" y="{height + 20:g}">{escape(name)}</text>')
        parts.append(out.getvalue().replace("<svg ", f'<svg y="{height + 25:g}" ', 1))
        width, height = max(width, wide), height + high + 40
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="railroad-diagram" width="{width:g}" height="{height:g}">'
    style = railroad.DEFAULT_STYLE + "\nsvg.railroad-diagram text.rule {font: bold 16px sans-serif; text-anchor: start}"
    return f"{head}\n<style>{style}</style>\n" + "\n".join(parts) + "\n</svg>\n"


def _track(railroad: Any, expr: Expr, rules: Mapping[str, Expr]) -> Any:
    """The railroad of an expression."""
    match expr:
        case Bytes(data):
            return railroad.Terminal(data.decode(errors="backslashreplace"))
        case ByteSet(mask):
            return railroad.Terminal(" ".join(byte_names(members(mask))))
        case Ref(name):
            return railroad.NonTerminal(name) if name in rules else railroad.Terminal(name.strip('"'))
        case Seq(items):
            return railroad.Sequence(*(_track(railroad, item, rules) for item in items)) if items else railroad.Skip()
        case Alt(items) if items:
            shown = [_track(railroad, item, rules) for item in items[:MOST_WAYS]]
            more = len(items) - len(shown)
            return railroad.Choice(0, *shown, *([railroad.Comment(f"{more} more")] if more else []))
        case Repeat(item, low, high):
            return _repeated(railroad, _track(railroad, item, rules), low, high)
        case Lexeme(inner) | Guarded(inner):
            return _track(railroad, inner, rules)
        case Spelled(text):
            return railroad.Terminal(f'"{text}"')
        case Written():
            return _track(railroad, over_bytes(expr), rules)
        case Token(number, name):
            return railroad.Terminal(name or f"<[{number}]>")
        case And() | Not() | Alt():
            return railroad.Comment("a regular expression" if not isinstance(expr, Alt) else "nothing")
        case Members() | Items():
            return railroad.Comment("members of an object" if isinstance(expr, Members) else "items of a list")


def _repeated(railroad: Any, item: Any, low: int, high: int | None) -> Any:
    if (low, high) == (0, 1):
        return railroad.Optional(item)
    if high is None and low <= 1:
        return railroad.OneOrMore(item) if low else railroad.ZeroOrMore(item)
    times = f"{low} times" if low == high else f"{low} to {'any number of' if high is None else high} times"
    loop = railroad.OneOrMore(item, railroad.Comment(times))
    return loop if low else railroad.Optional(loop)
