"""The automaton of a grammar as a drawing: a box for every rule, its states and what they read or call.

DOT and Mermaid are texts that need no program: GitHub, GitLab and mermaid.live show Mermaid as it is. An SVG of the
automaton is laid out by the program `dot` of Graphviz.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...grammar.alphabet import members
from ...grammar.ir import Bytes, Expr, Grammar, Lexeme
from ...grammar.network import Network, network
from .byte_names import byte_names
from .constraint import UsageError

#: States that are drawn at most.
MOST_STATES = 2000


@dataclass(frozen=True)
class _Edge:
    """What leads from one state of a rule to another."""

    source: int
    target: int
    label: str
    #: Whether a rule is called.
    calls: bool = False


def automaton_as(form: Literal["svg", "dot", "mermaid"], grammar: Grammar) -> str:
    """The drawing as text in one of the formats.

    Raises
    ------
    UsageError : there are too many states, or an SVG is asked for and `dot` is not installed.
    """
    net = network(grammar, whole_lexemes=True)
    n_states = sum(map(len, net.rows))
    if n_states > MOST_STATES:
        raise UsageError(f"The automaton has {n_states} states; at most {MOST_STATES} are drawn.")
    drawn = [k for k, name in enumerate(net.names) if not k or not is_literal(grammar.rules[name])]
    if form == "mermaid":
        return _mermaid(net, drawn)
    return _laid_out(_dot(net, drawn)) if form == "svg" else _dot(net, drawn)


def is_literal(body: Expr) -> bool:
    """Whether a rule is nothing but a text, which is shown where it is used."""
    return isinstance(body, Bytes) or (isinstance(body, Lexeme) and isinstance(body.expr, Bytes))


def _dot(net: Network, drawn: list[int]) -> str:
    lines = ["digraph automaton {", '  rankdir=LR; node [shape=circle, label=""]; fontname=sans; edge [fontname=sans];']
    for rule in drawn:
        lines.append(f"  subgraph cluster_{rule} {{ label={_quoted(net.names[rule])};")
        for state, final in enumerate(net.final[rule]):
            style = "shape=doublecircle" if final else "shape=circle"
            start = ", style=filled, fillcolor=lightgrey" if state == 0 else ""
            lines.append(f"    r{rule}_{state} [{style}{start}];")
        for edge in _edges(net, rule):
            style = ", style=dashed" if edge.calls else ""
            lines.append(f"    r{rule}_{edge.source} -> r{rule}_{edge.target} [label={_quoted(edge.label)}{style}];")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid(net: Network, drawn: list[int]) -> str:
    lines = ["flowchart LR", "  classDef start fill:#ddd"]
    for rule in drawn:
        lines.append(f"  subgraph R{rule}[{_entities(net.names[rule])}]")
        for state, final in enumerate(net.final[rule]):
            shape = "((( )))" if final else "(( ))"
            lines.append(f"    r{rule}_{state}{shape}{':::start' if state == 0 else ''}")
        for edge in _edges(net, rule):
            arrow = ("-.", ".->") if edge.calls else ("--", "-->")
            ends = f"r{rule}_{edge.source}", f"r{rule}_{edge.target}"
            lines.append(f"    {ends[0]} {arrow[0]} {_entities(edge.label)} {arrow[1]} {ends[1]}")
        lines.append("  end")
    return "\n".join(lines) + "\n"


def _edges(net: Network, rule: int) -> Iterator[_Edge]:
    for state, row in enumerate(net.rows[rule]):
        masks: dict[int, int] = {}
        for symbol, target in row.items():
            terminal = net.terminals[symbol] if symbol >= 0 else None
            if isinstance(terminal, int):
                masks[target] = masks.get(target, 0) | terminal
            else:
                label = net.names[~symbol] if terminal is None else terminal.name
                yield _Edge(state, target, label, terminal is None and label[0] != '"')
        for target, mask in masks.items():
            yield _Edge(state, target, " ".join(byte_names(members(mask))))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    """A label of Mermaid: in quotes, what is not a letter, digit or blank by its number."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"#{ord(c)};" for c in text) + '"'


def _laid_out(dot: str) -> str:
    """The SVG that Graphviz makes of DOT source."""
    program = shutil.which("dot")
    if program is None:
        raise UsageError(
            "The automaton is laid out by the program `dot`, which is not on the path. Without it there is --format "
            "mermaid, which GitHub and https://mermaid.live show, and --format dot, the source for "
            "https://graphviz.org/download."
        )
    done = subprocess.run([program, "-Tsvg"], input=dot, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout
