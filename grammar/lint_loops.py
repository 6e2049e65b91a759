"""Lint of loops and sizes: what may go on forever, goes round without reading, or needs too many states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from ..errors import BudgetExceeded, UnsupportedFeature
from .alphabet import members
from .analysis import cyclic_components
from .dfa import Dfa
from .finding import Finding
from .fold import fold, rebuild
from .ir import Bytes, ByteSet, Expr, Grammar, Ref, Repeat, children, references
from .network import Network, network
from .regex import parse_regex
from .regular import compile_regular, difference, is_empty, is_regular

#: States of a turn of a loop that may be white space.
SMALL = 200
#: A loop over at most so many characters is one that a model can get stuck in.
FEW = 16
#: States from which a rule is called large, and those that are counted at most.
LARGE, MOST = 2000, 5000


def lint_loops(rules: Mapping[str, Expr]) -> Iterator[tuple[str, Finding]]:
    """Loops without end over white space, or over a few characters."""
    for name, body in rules.items():
        if name.startswith("%ignore ") and "%ignore" in rules:
            continue  # its repetition is told of already
        turns = [turn for loop in _loops(body) if (turn := _inlined(loop.item, rules)) is not None]
        spaces = [turn for turn in turns if _is_space(turn)]
        if spaces:
            yield name, _endless_space(name)
        read = {mask for turn in turns if turn not in spaces for mask in [_single(turn)] if mask}
        for mask in sorted(read):
            shown = members(mask).decode("latin-1")
            message = f"`{_plain(name)}` may repeat {shown!r} forever, which a model can get stuck in."
            yield name, Finding("unbounded-loop", "note", message, "Bound it, with `{1,20}` or `~ 1..20`.")


def _plain(name: str) -> str:
    return name.removeprefix("%ignore ") or name


def _endless_space(name: str) -> Finding:
    what = "Ignored text" if name.startswith("%ignore") else f"`{name}`"
    message = f"{what} lets white space go on forever, the commonest way for a model to get stuck."
    fix = "Bound it: let rules ask for `/[ \\t\\n]{0,20}/` where white space may stand."
    return Finding("unbounded-whitespace", "warning", message, fix)


def _loops(expr: Expr) -> Iterator[Repeat]:
    stack, seen = [expr], set[int]()
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            stack.extend(children(node))
            if isinstance(node, Repeat) and node.max is None:
                yield node


def _inlined(item: Expr, rules: Mapping[str, Expr]) -> Expr | None:
    """What a turn of a loop reads, the terminals it refers to put in; None if that is not regular or not small."""
    names = set(references(item))
    if len(names) > FEW or not all(is_regular(rules[name]) for name in names):
        return None
    whole = fold(item, lambda node, kids: rules[node.rule] if isinstance(node, Ref) else rebuild(node, kids))
    return whole if is_regular(whole) else None


@cache
def _space() -> Dfa:
    return compile_regular(parse_regex(r"\s*"))


def _is_space(turn: Expr) -> bool:
    """Whether a turn reads white space only."""
    try:
        dfa = compile_regular(turn, SMALL)
        return not is_empty(dfa) and is_empty(difference(dfa, _space()))
    except BudgetExceeded:
        return False


def _single(turn: Expr) -> int:
    """The bytes that a turn reads, if it reads one out of a few; 0 otherwise."""
    if isinstance(turn, ByteSet):
        return turn.mask if turn.mask.bit_count() <= FEW else 0
    return 1 << turn.data[0] if isinstance(turn, Bytes) and len(set(turn.data)) == 1 else 0


def lint_sizes(rules: Mapping[str, Expr]) -> Iterator[tuple[str, Finding]]:
    """Regular rules with very many states."""
    for name, body in rules.items():
        if not is_regular(body):
            continue
        try:
            n_states = compile_regular(body, MOST).n_states
            figure = f"{n_states:,} states"
        except BudgetExceeded:
            n_states, figure = MOST, f"more than {MOST:,} states"
        if n_states >= LARGE and not _is_literals(body):
            message = f"`{_plain(name)}` needs {figure}: compiling it is slow, and so are the first masks."
            fix = "Avoid large bounds inside each other, and alternatives that share long beginnings of any text."
            yield name, Finding("large-rule", "warning", message, fix)


def _is_literals(expr: Expr) -> bool:
    """Whether there is no loop: the states are those of the text itself."""
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Repeat):
            return False
        stack.extend(children(node))
    return True


def lint_cycles(grammar: Grammar) -> Iterator[tuple[str, Finding]]:
    """Rules that derive themselves with nothing read, and loops whose turns may be empty."""
    try:
        net = network(grammar, whole_lexemes=True)
    except (UnsupportedFeature, BudgetExceeded):
        return  # JSON values have no such cycles
    alone = {rule: _alone(net, rule) for rule in range(len(net.names))}
    for component in cyclic_components(alone):
        names = [net.names[rule] for rule in component]
        trail = " -> ".join([*names, names[0]])
        message = f"`{names[0]}` derives itself with nothing read ({trail}): every text has endlessly many parses."
        yield names[0], Finding("cycle-without-progress", "warning", message, "Remove the alternative that leads back.")
    for rule, name in enumerate(net.names):
        turn = _empty_turn(net, rule)
        if turn is not None:
            message = f"`{name}` repeats `{net.names[turn]}`, which may be empty: a turn of the loop reads nothing."
            yield name, Finding("cycle-without-progress", "warning", message, "Let what is repeated not be empty.")


def _alone(net: Network, rule: int) -> set[int]:
    """The rules that a rule may consist of, with nothing before and behind."""
    rows, nullable = net.rows[rule], net.nullable
    ends = [any(net.final[rule][t] for t in net.silent(rule, q, nullable)) for q in range(len(rows))]
    return {~s for q in net.silent(rule, 0, nullable) for s, t in rows[q].items() if s < 0 and ends[t]}


def _empty_turn(net: Network, rule: int) -> int | None:
    """A nullable rule on a loop of nullable rules inside a rule."""
    rows = net.rows[rule]
    silent = {q: {t for s, t in row.items() if s < 0 and net.nullable[~s]} for q, row in enumerate(rows)}
    for component in cyclic_components(silent):
        for s, t in rows[component[0]].items():
            if s < 0 and net.nullable[~s] and t in component:
                return ~s
    return None
