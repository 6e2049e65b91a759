"""Growth: hostile grammars stay polynomial, told by counts of states and configurations, never by seconds.

Each curve doubles the size and asserts that the counter grows by no more than the stated power of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import syntagma as sg
from syntagma.automata import Limits
from syntagma.automata.vocabulary import Vocabulary
from syntagma.automata.walk import BYTES
from syntagma.errors import BudgetExceeded
from syntagma.grammar.derivations import Derivations
from syntagma.grammar.ir import Alt, Bytes, Grammar, Items, Ref, Repeat, Seq, byte_set, choice, sequence
from syntagma.grammar.lint_grammar import lint_grammar
from syntagma.grammar.network import network


def configurations(grammar: object, text: bytes, vocabulary: Vocabulary = BYTES) -> int:
    """Configurations that reading the text makes; the text must fit."""
    auto = sg.compile(grammar, vocabulary)
    taken, _ = auto.run_text(auto.start, text)
    assert taken == len(text)
    return auto.stats.configurations


def grows(counter: Callable[[int], int], sizes: list[int], power: float) -> None:
    """The exponent between neighbouring sizes is at most `power`, with a constant taken off first."""
    counts = [counter(size) for size in sizes]
    base = counter(1)
    for (a, m), (b, n) in zip(zip(sizes, counts, strict=True), zip(sizes[1:], counts[1:], strict=False), strict=False):
        exponent = math.log(max(n - base, 1) / max(m - base, 1)) / math.log(b / a)
        assert exponent <= power, (sizes, counts)


TWICE = Grammar("S", {"S": choice(sequence(Ref("S"), Ref("S")), Bytes(b"a"))})
THRICE = Grammar("S", {"S": choice(sequence(Ref("S"), Ref("S"), Ref("S")), Seq(()), Bytes(b"a"))})
PALINDROMES = Grammar(
    "S",
    {"S": choice(Seq(()), *(sequence(Bytes(c), Ref("S"), Bytes(c)) for c in (b"a", b"b")), Bytes(b"a"), Bytes(b"b"))},
)


_LETTER = byte_set((0x61, 0x62))
_COUNTED = Repeat(Items((Ref("S"), Bytes(b"a"), Ref("S")), Seq(()), 0, None, Bytes(b"b")), 2, 40)
#: Ambiguous in how deep it nests, and in how many items it has read at each level.
COUNTED = Grammar("S", {"S": choice(_LETTER, Ref("T"), Ref("Y")), "T": choice(_LETTER, Ref("Y")), "Y": _COUNTED})


@pytest.mark.parametrize("grammar", [TWICE, THRICE], ids=["S S", "S S S and nothing"])
def test_ambiguous_concatenation_needs_linearly_many(grammar: Grammar) -> None:
    grows(lambda n: configurations(grammar, b"a" * n), [50, 100, 200, 400], 1.1)


def test_counts_within_counts_stay_linear_where_they_can_be_told_apart() -> None:
    grows(lambda n: configurations(COUNTED, b"a" * n), [80, 160, 320], 1.3)


def test_counts_within_counts_end_in_a_budget_where_they_cannot() -> None:
    auto = sg.compile(COUNTED, BYTES, limits=Limits(bytes=1 << 23))
    with pytest.raises(BudgetExceeded, match="bytes of configurations"):
        auto.run_text(auto.start, b"ab" * 40)


@pytest.mark.parametrize("n", [5, 31, 32, 33, 300])
def test_long_closures_hold_every_rule_once(n: int) -> None:
    """As many frames as words, each reached in three ways, whether they are told apart by search or by hashing."""
    words = [b"a%d" % k for k in range(n)]
    rules = {f"R{k}": sequence(Ref("E"), Bytes(word), Ref("E")) for k, word in enumerate(words)}
    ways = {name: choice(*map(Ref, rules)) for name in "ABC"}
    grammar = Grammar(
        "S", {"S": choice(*map(Ref, "ABC")), "E": choice(Seq(()), Ref("E"), Bytes(b".")), **ways, **rules}
    )
    auto = sg.compile(grammar, BYTES)
    for text in [*words, b"a%d" % n, b".a0.", b".a%d" % (n - 1), b"..a0"]:
        taken, state = auto.run_text(auto.start, text)
        wanted = text.count(b".", 0, 2) < 2 and text.strip(b".") in words
        assert (taken == len(text) and auto.accepts(state)) == wanted, text


def test_palindromes_need_quadratically_many_at_most() -> None:
    """Every place may be the middle, so there are as many stacks as bytes."""
    grows(lambda n: configurations(PALINDROMES, b"a" * n), [50, 100, 200, 400], 2.1)
    grows(lambda n: configurations(PALINDROMES, b"ab" * n), [50, 100, 200], 2.1)


def test_left_recursion_is_flat() -> None:
    left = sg.Lark('start: start "," "a" | "a"', lexer="dynamic")
    assert configurations(left, b"a" + b",a" * 1000) == configurations(left, b"a" + b",a" * 10)


def test_right_recursion_is_flat() -> None:
    right = sg.Lark('start: "a" "," start | "a"', lexer="dynamic")
    assert configurations(right, b"a," * 1000 + b"a") == configurations(right, b"a," * 10 + b"a")


def test_nesting_costs_one_configuration_a_level() -> None:
    nested = sg.Lark('start: "(" start ")" | "x"', lexer="dynamic")
    grows(lambda n: configurations(nested, b"(" * n + b"x" + b")" * n), [100, 200, 400, 800], 1.1)


def test_long_chains_of_rules_stay_linear() -> None:
    def chain(n: int) -> Grammar:
        rules = {f"R{k}": choice(sequence(Bytes(b"a"), Ref(f"R{k + 1}")), Bytes(b"b")) for k in range(n)}
        return Grammar("R0", rules | {f"R{n}": Bytes(b"c")})

    grows(lambda n: configurations(chain(n), b"a" * n + b"c"), [50, 100, 200], 1.1)
    assert configurations(chain(3000), b"a" * 3000 + b"c") < 30_000


def test_mutual_left_recursion_of_many_rules_stays_quadratic() -> None:
    def ring(n: int) -> Grammar:
        rules = {f"R{k}": choice(sequence(Ref(f"R{(k + 1) % n}"), Bytes(b"%d," % k)), Bytes(b"x")) for k in range(n)}
        return Grammar("R0", rules)

    grows(lambda n: len(sg.compile(ring(n), BYTES).grammar.rules), [16, 32, 64], 2.1)


def test_a_hundred_thousand_literals_share_their_beginnings() -> None:
    words = [f"word{k:05d}" for k in range(100_000)]
    auto = sg.compile(sg.Choice(words), BYTES)
    assert auto.run_text(auto.start, b"word09999")[0] == 9
    assert auto.stats.states < 100
    scattered = [f"{(k * 2654435761) % 2**32:08x}" for k in range(5000)]
    assert sg.compile(sg.Choice(scattered), BYTES).stats.states < 20_000


def test_formal_tools_stay_polynomial() -> None:
    """Counting derivations, the ambiguity search and the rule network on the same grammars."""
    grows(lambda n: _derivation_work(PALINDROMES, n), [20, 40], 2.1)
    grows(lambda n: _derivation_work(TWICE, n), [20, 40], 2.1)
    assert {finding.code for finding in lint_grammar(TWICE)} == {"ambiguity"}
    assert lint_grammar(PALINDROMES, ambiguity_limit=5000) == []
    wide = Grammar("S", {"S": Alt(tuple(Bytes(b"%05d" % k) for k in range(20_000)))})
    assert len(network(wide).rows[0]) <= 22_223


def _derivation_work(grammar: Grammar, n: int) -> int:
    ways = Derivations(grammar)
    ways.count(n)
    return len(ways._ways) * n


def test_counts_inside_repetitions_stay_polynomial() -> None:
    """`(a|b){24}` behind an `a` anywhere: 2**24 states of an automaton, but 24 counters in one configuration."""
    late = sg.Regex("(a|b)*a(a|b){24}")
    assert configurations(late, b"a" * 60) < 100
    assert configurations(late, b"ab" * 60) < 1000


def test_what_is_exponential_is_a_budget() -> None:
    with pytest.raises(BudgetExceeded):
        sg.compile(sg.Regex("(a|b)*a" + "(a|b)" * 22), BYTES)
