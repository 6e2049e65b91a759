"""Normalisation: the language stays, the normal form comes."""

import math
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from oracles.checks import LengthIs
from oracles.naive_grammar import language

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.analysis import (
    components,
    cyclic_components,
    left_call_graph,
    min_length,
    nullable_rules,
    productive_rules,
    self_embedding,
)
from syntagma.grammar.ir import (
    ANY_BYTE,
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Member,
    Members,
    Not,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
    children,
    references,
)
from syntagma.grammar.normalize import is_normal, normalize

A, B = Bytes(b"a"), Bytes(b"b")
S, X, Y, Z = Ref("s"), Ref("x"), Ref("y"), Ref("z")


def seq(*items: Expr) -> Seq:
    return Seq(items)


def alt(*items: Expr) -> Alt:
    return Alt(items)


def opt(item: Expr) -> Repeat:
    return Repeat(item, 0, 1)


def grammar(s: Expr, **rules: Expr) -> Grammar:
    return Grammar("s", {"s": s, **rules})


def nodes(rules: Grammar) -> Iterator[Expr]:
    stack = list(rules.rules.values())
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))


def assert_normal(result: Grammar) -> None:
    table = min_length(result)
    assert math.inf not in table.values()
    assert not cyclic_components(left_call_graph(result.rules))
    assert is_normal(result)
    reached = {result.start}.union(*(references(body) for body in result.rules.values()))
    assert reached == set(result.rules)


def assert_kept(rules: Grammar, length: int = 6) -> Grammar:
    expected = language(rules, b"ab", length)
    try:
        result = normalize(rules)
    except EmptyLanguage:
        assert not expected
        return rules
    assert language(result, b"ab", length) == expected
    assert_normal(result)
    return result


leaves: st.SearchStrategy[Expr] = st.sampled_from(
    [A, B, A, B, S, S, X, X, Y, Z, EMPTY, NOTHING, Bytes(b"ab"), byte_set(97, 98), Bytes(b"")]
)


guards = st.sampled_from([LengthIs(True), LengthIs(False)])


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3).map(tuple)
    few = st.integers(0, 2)
    return st.one_of(
        some.map(Seq),
        some.map(Seq),
        some.map(Alt),
        some.map(Alt),
        st.builds(Repeat, inner, few, st.sampled_from([None, None, 0, 1, 2, 3])),
        st.builds(lambda item, check: Guarded(opt(item), check), st.sampled_from([A, byte_set(97, 98)]), guards),
        st.builds(Items, some, st.one_of(st.none(), inner), few, st.sampled_from([None, 1, 3]), st.just(B)),
    )


expressions = st.recursive(leaves, _grown, max_leaves=6)
grammars = st.builds(
    lambda *bodies: Grammar("s", dict(zip("sxyz", bodies, strict=True))), *[expressions for _ in range(4)]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(grammars)
@example(grammar(seq(X, S), x=opt(X), y=A, z=B))
def test_random_grammars_keep_their_language(rules: Grammar) -> None:
    assert_kept(rules, 5)


@st.composite
def dense_grammars(draw: st.DrawFn) -> Grammar:
    """Context-free rules that mostly call each other, some optionally or repeatedly."""
    names = "sxyzu"[: draw(st.integers(2, 5))]
    symbol = st.one_of(st.sampled_from([Ref(name) for name in names]), st.sampled_from([A, B, S]))
    again = st.builds(Repeat, symbol, st.integers(0, 2), st.sampled_from([None, 1, 2, 3]))
    alternative = st.lists(st.one_of(symbol, symbol, symbol, again), max_size=3).map(lambda items: Seq(tuple(items)))
    rule = st.lists(alternative, min_size=1, max_size=3).map(lambda items: Alt(tuple(items)))
    return Grammar("s", {name: draw(rule) for name in names})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dense_grammars())
@example(grammar(X, x=alt(seq(Repeat(Y, 0, 2), X, A), B), y=alt(seq(opt(Y), A), EMPTY)))
def test_dense_grammars_keep_their_language(rules: Grammar) -> None:
    assert_kept(rules, 5)


CLASSIC = {
    "doubling": grammar(alt(seq(S, S), A)),
    "doubling or empty": grammar(alt(seq(S, S), A, EMPTY)),
    "itself or empty": grammar(alt(S, EMPTY)),
    "optional itself": grammar(alt(seq(opt(S), A), EMPTY)),
    "optional itself first": grammar(seq(opt(S), opt(S), opt(A))),
    "unit cycle": grammar(X, x=alt(Y, A), y=alt(X, seq(X, B), EMPTY)),
    "unit cycle of three": grammar(alt(X, A), x=alt(Y, seq(S, A)), y=alt(S, B, seq(Y, B))),
    "indirect": grammar(alt(seq(X, A), B), x=alt(seq(Y, B), A), y=alt(seq(S, A), seq(X, S))),
    "hidden": grammar(alt(seq(X, S, B), A), x=opt(B)),
    "hidden and indirect": grammar(seq(X, Y), x=Repeat(B, 0, 2), y=alt(seq(X, X, S), A, EMPTY)),
    "expressions": grammar(alt(seq(S, B, X), X), x=alt(A, seq(A, S, A))),
    "palindromes": grammar(alt(seq(A, S, A), seq(B, S, B), A, B, EMPTY)),
    "balanced": grammar(alt(seq(S, A, S, B), EMPTY)),
    "repeated left": grammar(alt(seq(Repeat(S, 1, 3), B), A)),
    "repeated left behind nothing": grammar(seq(Repeat(X, 0), A), x=alt(opt(B), seq(S, S))),
    "list of lists": grammar(alt(Items((S,), X, 1, 3, B), A), x=alt(A, S)),
    "list of nullable items": grammar(alt(Items((opt(A), S), opt(B), 1, None, B), EMPTY)),
    "guard refuses the empty prefix": grammar(alt(seq(Guarded(opt(A), LengthIs(False)), S), B)),
    "guard wants the empty prefix": grammar(alt(seq(Guarded(opt(A), LengthIs(True)), S), seq(S, B), B)),
    "guard refuses the empty prefix, nested": grammar(
        alt(
            seq(seq(opt(A), opt(seq(Guarded(opt(A), LengthIs(False)), S))), B),
            seq(seq(Guarded(opt(B), LengthIs(False)), X), A),
        ),
        x=alt(seq(S, A), A),
    ),
    "right recursion": grammar(alt(seq(A, X), B), x=alt(seq(B, S), A)),
    "useless": grammar(alt(A, seq(B, X), Y), x=seq(X, A), y=NOTHING, z=A),
    "nullable loop": grammar(Repeat(seq(opt(A), Repeat(B)), 3, 4)),
    "nullable loop through rules": grammar(Repeat(X, 2), x=alt(seq(Y, Y), A), y=opt(B)),
    "empty intersection": grammar(alt(S, seq(S, And((Repeat(A), Not(Repeat(seq(A, A)))))), B)),
}


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_grammars(name: str) -> None:
    assert_kept(CLASSIC[name])


def test_members_survive() -> None:
    object_ = Members(
        (Member(A, alt(X, EMPTY)), Member(Bytes(b"b"), Z, True)), (OtherMembers(byte_set(97, 98), Y),), "any", B, A
    )
    rules = grammar(alt(seq(S, A), object_), x=alt(seq(X, B), A), y=X, z=seq(opt(Y), B))
    assert_kept(rules, 8)


def test_an_impossible_value_forbids_its_key() -> None:
    forbidden = Members((Member(A, X),), (OtherMembers(byte_set(97, 98), A),), "any", B, A)
    result = assert_kept(grammar(forbidden, x=seq(X, A)))
    assert b"aba" not in language(result, b"ab", 3)
    assert b"bba" in language(result, b"ab", 3)
    alone = assert_kept(grammar(Members((Member(A, X), Member(B, A)), (), "any", B, A), x=seq(X, A)))
    assert all(len(node.keys) == 1 for node in nodes(alone) if isinstance(node, Members))


def test_lists_end_before_impossible_items() -> None:
    assert_kept(grammar(Items((A, X, B), A, 0, None, B), x=X))
    assert_kept(grammar(Items((A,), X, 0, None, B), x=X))
    assert_kept(grammar(seq(A, Items((X,), A, 0, None, B)), x=X))


def test_left_recursion_becomes_a_loop() -> None:
    result = normalize(grammar(alt(seq(S, B, A), A)))
    assert result.rules == {"s": seq(A, Repeat(Bytes(b"ba")))}


def test_regular_grammars_become_one_rule() -> None:
    rules = grammar(alt(seq(A, X), B), x=alt(seq(B, S), seq(Y, A)), y=alt(seq(Y, B), A))
    assert not self_embedding(rules)
    assert set(assert_kept(rules).rules) == {"s"}


@pytest.mark.parametrize("n", [50, 51, 200, 300, 400, 1000])
def test_chains_of_rules_do_not_nest(n: int) -> None:
    """R_k = "a" R_(k+1) | "b": one rule while that is shallow, and never too deep to lower."""
    chain: dict[str, Expr] = {f"r{k}": alt(seq(A, Ref(f"r{k + 1}")), B) for k in range(n)}
    rules = Grammar("r0", {**chain, f"r{n}": B})
    assert (len(normalize(rules).rules) == 1) == (n <= 50)
    auto = compile_grammar(rules, Vocabulary.from_tokens([b"a", b"b"], eos_ids=[2]))
    state = auto.start
    for _ in range(n):
        assert auto.mask(state)[0] == 0b011
        assert auto.accepts(auto.advance(state, 1))
        state = auto.advance(state, 0)
    assert auto.mask(state)[0] == 0b010


def test_terminals_stay_rules() -> None:
    rules = grammar(alt(seq(X, S), Y), x=Lexeme(Repeat(A, 1), "A"), y=Lexeme(B, "B"))
    assert set(assert_kept(rules).rules) == {"s", "x", "y"}


def test_right_recursion_stays_where_it_is_no_loop() -> None:
    rules = grammar(alt(seq(A, S, B), X), x=alt(seq(B, S), EMPTY))
    assert "s" in self_embedding(rules)
    assert_kept(rules)


def test_a_normal_grammar_is_not_touched() -> None:
    json = grammar(
        alt(X, Y, Lexeme(Repeat(A, 1), "NUMBER")),
        x=seq(Bytes(b"["), Items((), S, 0, None), Bytes(b"]")),
        y=seq(Bytes(b"{"), Members((Member(Spelled("k"), S, True),)), Bytes(b"}")),
    )
    assert is_normal(json)
    assert normalize(json).rules == json.rules


def test_tokens_count_as_consumed() -> None:
    end = Token(name="end")
    rules = grammar(alt(seq(end, S), A))
    assert is_normal(rules)
    assert min_length(grammar(seq(end, A))) == {"s": 2}


def test_undefined_rule_is_named() -> None:
    rules = Grammar("s", {"s": seq(A, Ref("valeu")), "value": B}, {"s": "line 3"})
    with pytest.raises(GrammarSyntaxError, match=r"`valeu`.*rule `s` \(line 3\).*not defined.*`value`"):
        normalize(rules)


def test_empty_language_names_the_culprit() -> None:
    with pytest.raises(EmptyLanguage, match=r"`s`.*rule `y`.*s -> x -> y"):
        normalize(grammar(alt(seq(A, X), NOTHING), x=seq(Y, B), y=seq(B, Y)))


def test_left_recursion_through_a_guard_is_refused() -> None:
    rules = grammar(alt(Guarded(seq(X, A), LengthIs(True)), B), x=alt(S, A))
    with pytest.raises(UnsupportedFeature, match=r"left-recursive through a guard \(length\)"):
        normalize(rules)
    assert_kept(grammar(alt(seq(A, Guarded(seq(S, A), LengthIs(True))), seq(S, B), B)))


def test_deep_and_long_grammars() -> None:
    deep: Expr = A
    for _ in range(2_000):
        deep = alt(seq(opt(deep), B), A)
    rules: dict[str, Expr] = {"s": Ref("r0"), "deep": deep}
    n = 2_000
    for k in range(n):
        rules[f"r{k}"] = alt(Ref(f"r{k + 1}"), seq(Ref(f"r{k}"), A, Ref(f"r{k + 1}")))
    rules[f"r{n}"] = alt(Bytes(b"("), seq(Bytes(b"("), Ref("r0"), B), Ref("deep"))
    started = time.perf_counter()
    result = normalize(Grammar("s", rules))
    assert time.perf_counter() - started < 20
    assert not cyclic_components(left_call_graph(result.rules))


def test_too_much_left_recursion_is_refused() -> None:
    n = 600
    rules: dict[str, Expr] = {f"r{k}": alt(seq(Ref(f"r{(k + 1) % n}"), A, Ref(f"r{(k + 7) % n}")), B) for k in range(n)}
    with pytest.raises(BudgetExceeded, match="left recursion"):
        normalize(Grammar("r0", rules))


def test_least_lengths() -> None:
    rules = grammar(
        alt(seq(X, X, Bytes(b"abc")), seq(Y, S)),
        x=Repeat(alt(Bytes(b"ab"), byte_set(1)), 3, 5),
        y=alt(Y, EMPTY),
        z=seq(Z, A),
        spelled=Spelled('a"é\n\ud800'),
        items=Items((A, Bytes(b"aaaa")), Bytes(b"bb"), 4, None, B),
        members=Members(
            (Member(A, A, True), Member(B, Bytes(b"aaaa")), Member(A, A)),
            (OtherMembers(ANY_BYTE, Bytes(b"aa")),),
            min=4,
        ),
        guarded=Guarded(opt(A), LengthIs(False)),
    )
    table = min_length(rules)
    assert (table["s"], table["x"], table["y"], table["z"]) == (9, 3, 0, math.inf)
    assert table["spelled"] == len('"a\\"é\\n\\ud800"'.encode())
    assert table["items"] == 1 + 4 + 2 + 2 + 3
    assert table["members"] == 3 + 3 + 4 + 4 + 3
    assert table["guarded"] == 0
    assert min_length(rules, ask_checks=True)["guarded"] == 1
    assert nullable_rules(rules) == {"y", "guarded"}
    assert productive_rules(rules) == set(rules.rules) - {"z"}


@settings(max_examples=100, deadline=None)
@given(grammars)
def test_least_lengths_are_those_of_the_language(rules: Grammar) -> None:
    table, asked = min_length(rules), min_length(rules, ask_checks=True)
    exact = not any(isinstance(node, Guarded) for node in nodes(rules))
    for name in rules.rules:
        words = language(Grammar(name, rules.rules), b"ab", 4)
        least = min(map(len, words), default=math.inf)
        assert (asked[name] == 0) == (b"" in words)
        assert table[name] <= asked[name] <= least
        assert not exact or table[name] == least or table[name] > 4


def test_components_come_callees_first() -> None:
    graph = {"a": ["b"], "b": ["c", "a"], "c": ["d"], "d": ["c"], "e": ["e"], "f": []}
    found = components(graph)
    assert [set(each) for each in found] == [{"c", "d"}, {"a", "b"}, {"e"}, {"f"}]
    assert [set(each) for each in cyclic_components(graph)] == [{"c", "d"}, {"a", "b"}, {"e"}]
    chain = {k: [k + 1] for k in range(20_000)} | {20_000: [0]}
    assert len(components(chain)) == 1


def test_self_embedding() -> None:
    assert self_embedding(grammar(alt(seq(A, S, B), EMPTY))) == {"s"}
    assert self_embedding(grammar(alt(seq(A, S), seq(S, B), EMPTY))) == {"s"}
    assert self_embedding(grammar(Repeat(S, 2))) == set()
    assert self_embedding(grammar(alt(Repeat(S, 2), A))) == {"s"}
    assert self_embedding(grammar(alt(seq(A, S, Y), B), y=EMPTY)) == set()
    assert self_embedding(grammar(seq(A, opt(X)), x=alt(seq(A, X, A), B))) == {"x"}
