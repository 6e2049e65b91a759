"""Lexing taken away: a grammar whose terminals compete as one without lexemes, where that changes nothing.

Competition changes nothing if no terminal, behind a match of another that may stand before something else, can go on
with a byte of that something (then the longest match is the one there is), and if no two match the same text. Ignored
text may be cut in several ways as long as taking the longest match leaves ignored text behind.

Laws
    1. If `without_lexemes` does not refuse, the language is unchanged.
    2. It refuses more than it must: contexts are not told apart, so a keyword and a name that both match `if` count as
       competing even where only one of them may stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..errors import BudgetExceeded, UnsupportedFeature
from .alphabet import members
from .analysis import reachable
from .dfa import to_machine
from .fold import alternation, fold, rebuild
from .ir import EMPTY, Alt, Bytes, Expr, Grammar, Lexeme, Ref, Repeat, Seq, Token, references
from .machine import Machine
from .regular import compile_regular, is_regular
from .spell_out import spell_out

#: The rule of ignored text, a loop over terminals.
IGNORE = "%ignore"
#: States of the terminals that are compared, pair by pair.
MAX_STATES = 500_000
#: Every byte.
_ALL = (1 << 256) - 1
#: A state that nothing leaves.
_DEAD = -1


def has_lexemes(grammar: Grammar) -> bool:
    """Whether terminals compete, as far as the rules that are needed tell."""
    try:
        bodies = reachable(grammar.rules, grammar.start).values()
    except KeyError:  # a rule is missing, which is for others to say
        return False
    return any(isinstance(part, Lexeme) for body in bodies for part in _nodes(body))


def without_lexemes(grammar: Grammar, check: bool = True) -> Grammar:
    """The grammar in which every terminal matches as a rule would.

    Parameters
    ----------
    check : refuse grammars whose language that may change; else the language may become larger, never smaller.

    Raises
    ------
    UnsupportedFeature : terminals compete, with a text that shows it.
    BudgetExceeded : a terminal, or what is ignored, takes too many states.
    """
    rules = spell_out(reachable(grammar.rules, grammar.start))
    if check:
        _see_no_competition(rules)
    plain = {name: fold(body, _plain) for name, body in rules.items()}
    return replace(grammar, rules=plain, is_normal=False)


def _plain(node: Expr, kids: list[Expr]) -> Expr:
    return kids[0] if isinstance(node, Lexeme) else rebuild(node, kids)


@dataclass
class _Follow:
    """Which bytes may stand first in rules, and behind them."""

    rules: Mapping[str, Expr]
    nullable: dict[str, bool] = field(default_factory=lambda: defaultdict(bool))
    first: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    behind: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    #: What is known of parts that call no rules, by identity.
    _known: dict[int, tuple[bool, int]] = field(default_factory=dict)

    def compute(self) -> None:
        """Fill the tables, to the least fixed point."""
        calling = {name: body for name, body in self.rules.items() if next(references(body), None) is not None}
        for name in self.rules.keys() - calling.keys():
            self.nullable[name], self.first[name] = self._of(self.rules[name])
        grown = True
        while grown:
            grown = False
            for name, body in calling.items():
                found = self._of(body)
                grown |= found != (self.nullable[name], self.first[name])
                self.nullable[name], self.first[name] = found
        waiting = list(calling)
        while waiting:
            name = waiting.pop()
            for rule, mask in self._uses(calling[name], self.behind[name]):
                if self.behind[rule] | mask != self.behind[rule]:
                    self.behind[rule] |= mask
                    waiting += [rule] if rule in calling else []

    def _of(self, expr: Expr) -> tuple[bool, int]:
        """Whether an expression may be empty, and its first bytes."""

        def combine(node: Expr, kids: list[tuple[bool, int]]) -> tuple[bool, int]:
            match node:
                case Ref(name):
                    return self.nullable[name], self.first[name]
                case Seq():
                    mask = 0
                    for empty, each in kids:
                        mask |= each
                        if not empty:
                            return False, mask
                    return True, mask
                case Alt():
                    return any(empty for empty, _ in kids), _union(mask for _, mask in kids)
                case Repeat(_, low, high):
                    return low == 0 or kids[0][0], 0 if high == 0 else kids[0][1]
                case Token():
                    return False, 0
            if id(node) not in self._known:
                self._known[id(node)] = _first_of_regular(node)
            return self._known[id(node)]

        return fold(expr, combine)

    def _uses(self, expr: Expr, behind: int) -> Iterator[tuple[str, int]]:
        """The rules that an expression refers to, each with the bytes that may follow there."""
        stack = [(expr, behind)]
        while stack:
            node, after = stack.pop()
            match node:
                case Ref(name):
                    yield name, after
                case Seq(items):
                    for item in reversed(items):
                        stack.append((item, after))
                        empty, mask = self._of(item)
                        after = mask | (after if empty else 0)
                case Alt(items):
                    stack += [(item, after) for item in items]
                case Repeat(item, _, high):
                    stack.append((item, after | (self._of(item)[1] if high is None or high > 1 else 0)))


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _first_of_regular(expr: Expr) -> tuple[bool, int]:
    if isinstance(expr, Bytes) and expr.data:
        return False, 1 << expr.data[0]
    if not is_regular(expr):
        return True, _ALL
    dfa = compile_regular(expr)
    return bool(dfa.accept[1]), sum(1 << b for b in range(256) if dfa.trans[1, dfa.class_of_byte[b]])


def _see_no_competition(rules: Mapping[str, Expr]) -> None:
    """Refuse terminals that compete."""
    terminals = {name: body for name, body in rules.items() if isinstance(body, Lexeme)}
    if any(isinstance(part, Lexeme) for name in rules.keys() - terminals.keys() for part in _nodes(rules[name])):
        raise UnsupportedFeature("Expected terminals as rules of their own, got one inside of a rule.")
    automata = {name: to_machine(compile_regular(body.expr)) for name, body in terminals.items()}
    follow = _Follow(rules)
    follow.compute()
    ignored = {part.rule for part in _nodes(rules.get(IGNORE, EMPTY)) if isinstance(part, Ref)} & terminals.keys()
    if ignored and (found := _torn([terminals[name].expr for name in ignored])) is not None:
        raise _refusal("ignored text", "ignored text", found)
    compared = 0
    for name, machine in automata.items():
        after = follow.behind[IGNORE if name in ignored else name]
        for other, rival in automata.items():
            if not follow.first[name] & follow.first[other]:
                continue
            compared += len(machine.rows) + len(rival.rows)
            if compared > MAX_STATES:
                raise BudgetExceeded("states of terminals compared", MAX_STATES, 'say lexer="dynamic" to print anyway')
            if (text := _rivalry(machine, rival, after, name != other)) is not None:
                raise _refusal(terminals[name].name, terminals[other].name, text)


def _nodes(expr: Expr) -> list[Expr]:
    found: list[Expr] = []
    fold(expr, lambda node, kids: found.append(node))
    return found


def _refusal(name: str, other: str, text: bytes) -> UnsupportedFeature:
    return UnsupportedFeature(
        f"Terminals {name} and {other} compete, see {text.decode(errors='replace')!r}: the longest match wins, which "
        'rules cannot say. Print it as Lark, or, with lexer="dynamic" (`--lexer dynamic`), what matches however it is '
        "cut, which is more."
    )


def _rivalry(one: Machine, rival: Machine, after: int, differ: bool) -> bytes | None:
    """A text of a machine that `rival` matches, too, or may go on with behind it; None if there is none."""
    paths: dict[tuple[int, int], bytes] = {(0, 0): b""}
    for q, r in (queue := [(0, 0)]):
        path, moves = paths[q, r], rival.rows[r].items()
        if one.labels[q]:
            if differ and rival.labels[r]:
                return path
            if (common := _union(mask & after for _, mask in moves)) != 0:
                return path + members(common)[:1]
        for p, mask in one.rows[q].items():
            for s, other in moves:
                if mask & other and (p, s) not in paths:
                    paths[p, s] = path + members(mask & other)[:1]
                    queue.append((p, s))
    return None


def _torn(exprs: list[Expr]) -> bytes | None:
    """An ignored text of which the longest match of a terminal leaves something that is not ignored; None if none."""
    one, run = compile_regular(alternation(exprs)), compile_regular(Repeat(alternation(exprs)))
    # (in the terminal, in the whole run, in a run that begins behind the terminal's match; 0: not matched yet)
    paths: dict[tuple[int, int, int], bytes] = {(1, 1, 0): b""}
    for q, r, rest in (queue := [(1, 1, 0)]):
        for byte in range(256):
            p, s = int(one.trans[q, one.class_of_byte[byte]]), int(run.trans[r, run.class_of_byte[byte]])
            if not s or not (p or rest):
                continue
            # _DEAD: behind the match comes what is not ignored
            after = (
                0 if not rest else _DEAD if rest == _DEAD else int(run.trans[rest, run.class_of_byte[byte]]) or _DEAD
            )
            after = 1 if one.accept[p] else after
            text = paths[q, r, rest] + bytes([byte])
            if run.accept[s] and after and (after == _DEAD or not run.accept[after]):
                return text
            if (p, s, after) not in paths:
                paths[p, s, after] = text
                queue.append((p, s, after))
    return None
