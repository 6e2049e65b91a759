"""The law of masks: bit t is set if and only if prefix + t can still become a text of the language.

Random grammars and vocabularies, held along random walks against `naive_mask` (viability, from the IR's definition) and
`naive_grammar` (whole texts, of the grammar before it is normalised).
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.json_grammars import ANY_STRING, documents, quoted
from oracles.letter_grammars import LETTER, grammars
from oracles.mask_bits import vocabulary
from oracles.mask_walk import keeps_the_law

from syntagma.automata import Vocabulary, tables
from syntagma.grammar.ir import Alt, And, Bytes, Grammar, Items, Member, Members, OtherMembers, Repeat, Seq

#: Examples of each law; raise it for a long search.
EXAMPLES = int(os.environ.get("SYNTAGMA_EXAMPLES", "25"))

relaxed = settings(
    derandomize="SYNTAGMA_EXAMPLES" not in os.environ,  # the same grammars every time, unless more are asked for
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

LETTERS = vocabulary(b"ab.", [b"a" * 17, b"ab" * 10, b"a" * 40])
JSON = vocabulary(
    b'ab"{}[]:, 16nlu.\\u0/',
    [
        b'{"',
        b'":',
        b'", "',
        b'","',
        b'"}',
        b'"]',
        b"},{",
        b'"a"',
        b'"a":',
        b'"ab":1,"',
        b"\\u0061",
        b"null",
        b"a" * 17,
        b"ab" * 12,
    ],
    n=60,
)


@relaxed
@given(grammars(False), st.randoms(use_true_random=False))
def test_random_grammars(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, LETTERS, 10)


@relaxed
@given(grammars(True), st.randoms(use_true_random=False))
def test_random_guarded_grammars(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, LETTERS, 10)


@relaxed
@given(documents(False), st.randoms(use_true_random=False))
def test_random_documents(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 14)


@relaxed
@given(documents(True), st.randoms(use_true_random=False))
def test_random_guarded_documents(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 14)


# Large bounds, large objects, large vocabularies

WIDE = vocabulary(b'ab"{}[]:, 1', [b"a" * k for k in range(15, 40)] + [b'a":1', b'","', b'":', b', "'], n=900, width=8)


@pytest.mark.parametrize("listed", [512, 4])
@settings(relaxed, max_examples=max(2, EXAMPLES // 5))
@given(st.sampled_from([(0, 5), (3, 17), (0, 30), (20, 40), (17, None)]), st.randoms(use_true_random=False))
def test_counted_strings(listed: int, bound: tuple[int, int | None], rng: random.Random) -> None:
    """The inner tokens of a counted string come from a list, or from a row for each small number of items left."""
    vocab = WIDE if listed > 4 else ROWED
    for body in (Repeat(LETTER, *bound), And((Repeat(Alt((Bytes(b"ab"), Bytes(b"b")))), Repeat(LETTER, *bound)))):
        keeps_the_law(Grammar("s", {"s": Items((), quoted(body), 1, 3)}), rng, vocab, 8)


#: As `WIDE`, with other padding: it has tables of its own, made with a small `LISTED_UP_TO`.
ROWED = Vocabulary.from_tokens([WIDE.token_bytes(t) for t in range(WIDE.size - 4)], eos_ids=[WIDE.size])


@pytest.fixture(autouse=True)
def _few_listed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    callspec = getattr(request.node, "callspec", None)
    if callspec and "listed" in callspec.params:
        monkeypatch.setattr(tables, "LISTED_UP_TO", callspec.params["listed"])


@st.composite
def large_objects(draw: st.DrawFn) -> Grammar:
    """Objects of more than 30 keys, whose seen-sets are interned."""
    size = draw(st.integers(31, 70))
    needed = draw(st.sets(st.integers(0, size - 1), max_size=2))
    keys = tuple(Member(Bytes(b'"%s"' % _binary(k)), Bytes(b"1"), k in needed) for k in range(size))
    other = draw(st.sampled_from([(), (OtherMembers(ANY_STRING, Bytes(b"11")),)]))
    low, high = draw(st.sampled_from([(0, None), (2, 3), (0, 2), (3, None), (len(needed), len(needed))]))
    order = draw(st.sampled_from(["schema", "any"]))
    return Grammar("s", {"s": Seq((Bytes(b"{"), Members(keys, other, order, min=low, max=high), Bytes(b"}")))})


def _binary(k: int) -> bytes:
    return bin(k)[2:].replace("0", "a").replace("1", "b").encode()


@settings(relaxed, max_examples=max(1, EXAMPLES // 4))
@given(large_objects(), st.randoms(use_true_random=False))
def test_large_objects(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 20)
