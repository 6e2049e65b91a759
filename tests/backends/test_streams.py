"""Streams: pieces are final, make up the text, and come as soon as they are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import syntagma as sg
from syntagma.backends.generation import SharedText, TextReader
from syntagma.sampling import TableModel

TOKENS = [*(bytes([b]) for b in range(32, 127)), b"th", b"the", b" an", b"\xc3", b"\xa9", "é".encode()]
VOCABULARY = sg.Vocabulary.from_tokens(TOKENS, eos_ids=[len(TOKENS)])
MODEL = TableModel(VOCABULARY, np.random.default_rng(0).standard_normal((len(TOKENS) + 2, len(TOKENS) + 1)))
OUTPUT = sg.Choice(["the end", "the answer", "the answers", "the été"])
SAMPLERS = [
    sg.SMC(8, seed=0),
    sg.SMC(8, critic=sg.TextPotential(prefix=lambda text: 0.2 * len(text)), ess_threshold=1, seed=0),
    sg.SMC(8, moves=2, ess_threshold=1, seed=0),
    sg.SMC(4, expand=3, seed=0),
    sg.Beam(4),
    sg.ASAp(seed=0),
    sg.CARS(seed=0, max_attempts=10**6),
    sg.MCMC(moves=5, burn_in=2, seed=0),
    sg.BestFirst(),
    sg.Masking(seed=0),
]


def shared(ways, skip=0):
    return SharedText(TextReader(VOCABULARY, VOCABULARY.eos_ids, skip)).grown(ways)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_pieces_make_up_the_text(sampler):
    generate = sg.Generator(MODEL, OUTPUT, sampler=sampler, max_tokens=20)
    for seed in range(8):
        *events, last = generate.stream([3], seed=seed)
        assert "".join(e.text for e in (*events, last)) == last.generation.text == last.generation.value
        assert all(e.text for e in events)
        if not isinstance(sampler, sg.ASAp | sg.CARS):  # these have learned meanwhile
            assert generate([3], seed=seed).text == last.generation.text


@pytest.mark.parametrize("sampler", [sg.SMC(8), sg.SMC(4, expand=3), sg.Beam(4), sg.ASAp()], ids=repr)
def test_pieces_come_before_the_end(sampler):
    """All texts begin with "the ", which has several tokenisations; the first piece comes before the last call."""
    calls = []

    class Counting(TableModel):
        def logp_next(self, prefixes):
            calls.append(len(prefixes))
            return super().logp_next(prefixes)

    model = Counting(VOCABULARY, MODEL.logp[:])
    events = [(event, len(calls)) for event in sg.Generator(model, OUTPUT, sampler=sampler).stream([3], seed=1)]
    assert events[0][1] < events[-1][1] - 2
    assert "the ".startswith(events[0][0].text) or events[0][0].text.startswith("the ")


def test_values_grow_with_the_stream():
    schema = {"type": "object", "properties": {"kind": {"const": "n"}, "n": {"type": "integer", "maximum": 9}}}
    schema |= {"required": ["kind", "n"], "additionalProperties": False}
    *events, last = sg.Generator(MODEL, schema, sampler=sg.SMC(8, seed=0)).stream([3])
    assert {"kind": "n"} in [event.value for event in events]
    assert last.value == last.generation.value


def test_tokenisations_of_one_text_are_one_text():
    th, the, t, h, e, space = (TOKENS.index(x) for x in (b"th", b"the", b"t", b"h", b"e", b" "))
    assert shared([[th, e], [the], [t, h, e, space]]) == "the"
    assert shared([[th, e], [the], [t, h]]) == "th"
    assert shared([[t, h], []]) == ""


def test_half_characters_wait():
    first, second, whole = (TOKENS.index(x) for x in (b"\xc3", b"\xa9", "é".encode()))
    assert shared([[first], [whole]]) == ""
    assert shared([[first, second], [whole]]) == "é"
    assert shared([[first, second], [whole]], skip=2) == ""


@given(st.integers(0, 2**32 - 1))
def test_pieces_are_final_whatever_lives(seed):
    """Texts of random tokens that grow, die and multiply: at any time all of them begin with the pieces so far."""
    rng = np.random.default_rng(seed)
    tokens = [TOKENS.index(x) for x in (b"t", b"h", b"th", b"\xc3", b"\xa9", "é".encode())]
    text = SharedText(TextReader(VOCABULARY, VOCABULARY.eos_ids))
    ways, pieces = [[] for _ in range(3)], ""
    for _ in range(12):
        ways = [[*way, int(rng.choice(tokens))] for way in ways]
        ways = [list(ways[i]) for i in rng.choice(3, size=3, p=rng.dirichlet([0.3] * 3))]
        pieces += text.grown(ways)
        for way in ways:
            assert TextReader(VOCABULARY, VOCABULARY.eos_ids).read(way, last=True).startswith(pieces)
    pieces += text.grown(ways[:1])
    whole = TextReader(VOCABULARY, VOCABULARY.eos_ids)
    assert pieces == whole.read(ways[0])


def test_healed_bytes_are_not_shown(llama):
    generate = sg.Generator(llama, sg.Choice(["12", "123"]), sampler=sg.SMC(4))
    for seed in range(3):
        *events, last = generate.stream("Say a numb", seed=seed)
        assert "".join(e.text for e in (*events, last)) == last.generation.text in ("12", "123")
