"""Token budgets: an automaton that counts the tokens of some rules, and closes those that have had theirs.

A mark, a token that never comes, stands in the grammar behind each rule with a budget, and inside of what begins and
ends it. Taking it in thought tells two things about a state: whether the text may be inside the rule, and what the
state is if the rule ends here. Another one stands where the rule begins. So the automaton underneath knows nothing of
counts; here a state is
    (its state, tokens so far in each rule, tokens since the last whole character and bytes that the next one lacks)
and where a count reaches its budget, the state becomes the one behind the mark.

Laws
    1. The texts are those of the grammar in which at most so many tokens have bytes in a rule with a budget; those that
       complete a character, at most three, come on top. Where a text may be read in several ways, so that the rule
       began earlier or begins here, the later beginning counts.
    2. A rule with a budget may end behind any of its characters, as free text may; else counts would be lost.
    3. Masks are exact wherever the grammar's are, and never empty where those are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import VocabularyError
from ..grammar.analysis import reachable
from ..grammar.fold import concatenation, fold, rebuild
from ..grammar.free_text import bytes_missing
from ..grammar.ir import Bytes, Expr, Grammar, Ref, Token, children, optional
from .arenas import Moved
from .automaton import TokenAutomaton
from .mask_pool import Row
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .matcher import Matcher
    from .pushdown import Pushdown
    from .stats import Stats

#: States that count are from here on; the others are the inner automaton's.
_BASE = 1 << 60


class _State(NamedTuple):
    """Where a text stands."""

    #: The inner automaton's state.
    inner: int
    #: Tokens so far in each rule, at the last whole character.
    counts: tuple[int, ...]
    #: Tokens since then, and how many bytes the character still lacks.
    loose: int
    lacks: int


class Marked(NamedTuple):
    """A grammar with marks."""

    grammar: Grammar
    #: The token that the marks begin with.
    mark: int
    #: How many tokens each rule may have.
    budgets: list[int]


def with_marks(grammar: Grammar, vocabulary: Vocabulary) -> Marked | None:
    """The grammar with a mark behind each rule that has a budget; None if there is none.

    Raises
    ------
    VocabularyError : the vocabulary has no token without bytes that could be the mark.
    """
    found = reachable(grammar.rules, grammar.start)
    budgets = {rule: budget for rule, budget in grammar.budgets.items() if rule in found}
    if not budgets:
        return None
    rules = dict(found)
    mark = _mark(rules, vocabulary)
    for k, (rule, budget) in enumerate(budgets.items()):
        here, first = (optional(concatenation((Token(id=mark), Bytes(name)))) for name in _names(k))
        rules[f"{rule} within its budget"] = rules[rule]
        rules[rule] = concatenation((first, Ref(f"{rule} within its budget"), here))
        for mark_rule in {budget.begin, budget.end} & rules.keys():
            rules[mark_rule] = _interleaved(rules[mark_rule], here, vocabulary)
    marked = replace(grammar, rules=rules, is_normal=False, budgets={})
    return Marked(marked, mark, [budget.tokens for budget in budgets.values()])


def _names(k: int) -> tuple[bytes, bytes]:
    """What follows the mark in the k-th rule with a budget, and where it begins."""
    return f"{k};".encode(), f"{k}!".encode()


def _mark(rules: Mapping[str, Expr], vocabulary: Vocabulary) -> int:
    """A token without bytes that the grammar does not name."""
    named: set[int] = set()
    stack = list(rules.values())
    while stack:
        top = stack.pop()
        stack.extend(children(top))
        if isinstance(top, Token):
            named.add(vocabulary.special.get(top.name, -1) if top.id is None and top.name else top.id or 0)
    for token in (*vocabulary.eos_ids, *vocabulary.special.values()):
        if token not in named and not vocabulary.token_bytes(token):
            return token
    raise VocabularyError(
        "A budget of tokens needs an end-of-sequence token, or another special one, that the grammar spares."
    )


def _interleaved(end: Expr, maybe: Expr, vocabulary: Vocabulary) -> Expr:
    """What begins or ends a rule, with the mark allowed between its bytes: it may have begun as the budget is spent."""

    def spelled(node: Expr, kids: list[Expr]) -> Expr:
        match node:
            case Token(name=str(name), or_text=True) if name not in vocabulary.special:
                return spelled(Bytes(name.encode()), [])
            case Bytes(data):
                return concatenation([Bytes(data[:1]), *(x for b in data[1:] for x in (maybe, Bytes(bytes([b]))))])
        return rebuild(node, kids)

    return fold(end, spelled)


class BudgetedAutomaton(TokenAutomaton):
    """A token automaton whose states count tokens; see the module."""

    def __init__(self, inner: TokenAutomaton, marked: Marked) -> None:
        self._inner, self._mark, self._budgets = inner, marked.mark, marked.budgets
        self.vocabulary, self.grammar, self.end_ids = inner.vocabulary, inner.grammar, inner.end_ids
        self.mask_width, self.finished, self.lock = inner.mask_width, inner.finished, inner.lock
        self._ends = frozenset(inner.end_ids)
        self.slot = -1  # these states are not those of the arenas
        self.moved = Moved()  # so that matchers ask here
        self.last_row = None
        self._run = inner.run()  # its own states are remembered here
        self._run.__enter__()
        self._places: list[_State] = []
        self._numbers: dict[_State, int] = {}
        #: Inner state -> for each rule the state behind its mark, 0 if the text is not inside, and if it begins here.
        self._closed: dict[int, tuple[tuple[int, bool], ...]] = {}
        nowhere = _State(inner.start, (0,) * len(self._budgets), 0, 0)
        self.start = self._settled(nowhere)

    # States

    def _split(self, state: int) -> _State:
        return self._places[state - _BASE] if state >= _BASE else _State(state, (0,) * len(self._budgets), 0, 0)

    def inner_state(self, state: int) -> int:
        """The state of the automaton that does not count."""
        return self._split(state).inner

    def _number(self, state: _State) -> int:
        if not any(state.counts) and not state.lacks:
            return state.inner
        if state not in self._numbers:
            self._numbers[state] = _BASE + len(self._places)
            self._places.append(state)
        return self._numbers[state]

    def _behind_marks(self, inner: int) -> tuple[tuple[int, bool], ...]:
        known = self._closed.get(inner)
        if known is None:
            after = self._inner.advance(inner, self._mark)
            names = [_names(k) for k in range(len(self._budgets))] if after else []
            known = tuple((self._behind(after, here), self._behind(after, first) != 0) for here, first in names)
            self._closed[inner] = known = known or ((0, False),) * len(self._budgets)
        return known

    def _behind(self, marked: int, name: bytes) -> int:
        fits, config = self._inner.run_text(marked, name)
        return config if fits == len(name) else 0

    def _settled(self, at: _State) -> int:
        """The state at a whole character, after its tokens are counted."""
        inner, counts = at.inner, list(at.counts)
        for k, most in enumerate(self._budgets):
            closed, begins = self._behind_marks(inner)[k]
            counts[k] = min(counts[k] + at.loose, most) if closed and not begins else 0
            inner = closed if closed and counts[k] >= most else inner
        return self._number(_State(inner, tuple(counts), 0, 0))

    def advance_locked(self, state: int, token: int) -> int:
        """`advance`, for whoever holds the lock."""
        if state in (0, self.finished):
            return 0
        at = self._split(state)
        if token == self._mark:
            return self.finished if token in self._ends and self._inner.accepts(at.inner) else 0
        after = self._inner.advance_locked(at.inner, token)
        if after in (0, self.finished):
            return after
        lacks = bytes_missing(at.lacks, self.vocabulary.token_bytes(token))
        now = _State(after, at.counts, at.loose + 1, lacks)
        return self._number(now) if lacks else self._settled(now)

    def accepts(self, state: int) -> bool:
        """Whether the text may end here, guards asked."""
        return self._inner.accepts(self.inner_state(state))

    # Masks

    def mask(self, state: int) -> Row:
        """The tokens that may follow, guards not asked: a read-only int32 row of `mask_width` words."""
        inner = self.inner_state(state)
        row = self._inner.mask(inner).copy()
        self._without_mark(inner, row)
        row.setflags(write=False)
        return row

    def fill_locked(self, state: int, row: Row) -> None:
        """`fill_mask`, for whoever holds the lock."""
        inner = self.inner_state(state)
        self._inner.fill_locked(inner, row)
        self._without_mark(inner, row)

    def mask_within(self, state: int, n_tokens: int) -> Row:
        """The mask of the tokens behind which `n_tokens - 1` more (bytes, at worst) suffice to complete the text."""
        inner = self.inner_state(state)
        row = self._inner.mask_within(inner, n_tokens)
        self._without_mark(inner, row, n_tokens >= 1)
        return row

    def nearest(self, state: int) -> Iterator[tuple[int, int]]:
        """The tokens of the mask, those that leave least to do first: (bytes left, token)."""
        return (found for found in self._inner.nearest(self.inner_state(state)) if found[1] != self._mark)

    def _without_mark(self, inner: int, row: Row, may_end: bool = True) -> None:
        """Give the mark's bit the meaning that its token has: the end of the text, or nothing."""
        if inner in (0, self.finished) or not any(closed for closed, _ in self._behind_marks(inner)):
            return
        ends = may_end and self._mark in self._ends and self._inner.accepts(inner)
        bit = np.uint32(1 << (self._mark & 31))
        word = row.view(np.uint32)[self._mark >> 5 : (self._mark >> 5) + 1]
        word[:] = word | bit if ends else word & ~bit

    # What the inner automaton knows

    def run_text(self, state: int, text: bytes) -> tuple[int, int]:
        """Follow a text byte by byte, guards not asked and nothing counted, as of the inner automaton."""
        return self._inner.run_text(self.inner_state(state), text)

    def admit(self, matcher: Matcher) -> None:
        """All states stay valid."""

    def split(self, state: int) -> tuple[int, bytes]:
        """The configuration of a state, and the text of the guarded value that is open, if any."""
        return self._inner.split(self.inner_state(state))

    def least_bytes(self, state: int) -> int:
        """Bytes that still suffice to complete the text (an upper bound of the least number of them)."""
        return self._inner.least_bytes(self.inner_state(state))

    @property
    def pushdown(self) -> Pushdown:
        """The automaton without its vocabulary, for inspection."""
        return self._inner.pushdown

    @contextmanager
    def run(self) -> Iterator[TokenAutomaton]:
        """A sampling run: the bare integer states made inside it are valid until it ends."""
        with self._inner.run():
            yield self

    @property
    def fingerprint(self) -> str:
        """A digest of the grammar, the budgets and the vocabulary."""
        return f"{self._inner.fingerprint}-{'-'.join(map(str, self._budgets))}"

    @property
    def stats(self) -> Stats:
        """Sizes and counters."""
        return self._inner.stats
