"""Generators on a small random model: whatever comes obeys the output, and is read as its type."""

import dataclasses
import datetime
import json
import re
from typing import Literal

import numpy as np
import pytest

pytest.importorskip("torch", reason="install syntagma[models]")

from syntagma.automata import Vocabulary
from syntagma.backends.generator import Generator
from syntagma.errors import BackendError, DeadEnd, GrammarError, PromptTooLong, SamplingError
from syntagma.grammar.ir import Bytes, ByteSet, Grammar, Guarded, Repeat
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.literals import Choice
from syntagma.grammar.regex import Regex
from syntagma.sampling import Masking, Prefix, RandomModel

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
}


@dataclasses.dataclass(frozen=True)
class Person:
    name: Literal["Ada", "Zoë"]
    born: datetime.date
    friends: list[bool]


CHAT = [{"role": "user", "content": "Who?"}]


# ---- results


def test_json_is_parsed(llama):
    gen = Generator(llama, PERSON, Masking(seed=0))
    result = gen("Someone: ")
    assert result.finish_reason == "stop"
    assert result.value == json.loads(result.text)
    assert {"name", "age"} <= result.value.keys() <= {"name", "age", "tags"}
    assert result.receipt.accepted
    assert result.receipt.exact
    assert result.receipt.constraint == gen("Someone: ").receipt.constraint
    assert len(result.receipt.constraint) == 64


def test_types_come_back_as_values(llama):
    result = Generator(llama, Person, Masking(seed=1))("Someone: ")
    assert isinstance(result.value, Person)
    assert isinstance(result.value.born, datetime.date)
    assert dataclasses.asdict(result.value).keys() == json.loads(result.text).keys()


@pytest.mark.parametrize(
    "output", [Regex(r"\d{3}-[a-z]{2,4}"), Choice(["yes", "no", "maybe"]), Grammar("a", {"a": Bytes(b"literal")})]
)
def test_other_outputs_are_their_text(llama, output):
    result = Generator(llama, output, Masking(seed=2))("Say: ")
    assert result.value == result.text
    assert re.fullmatch(r"\d{3}-[a-z]{2,4}|yes|no|maybe|literal", result.text)


def test_the_ledger_adds_up(llama):
    result = Generator(llama, Choice(["yes", "no"]), Masking(seed=3))([5, 6, 7])
    prefix, logp, logw = Prefix([5, 6, 7]), 0.0, 0.0
    for t, step in zip(result.tokens, result.ledger, strict=True):
        row = llama.logp_next([prefix])[0]
        logp += float(row[t])
        logw += step.logz
        assert step.token == t
        prefix = prefix.extend(t)
    assert result.tokens[-1] in llama.vocabulary.eos_ids
    assert result.logprob == pytest.approx(logp, abs=1e-3)
    assert result.logw == pytest.approx(logw)
    assert result.receipt.tokens_masked == sum(step.masked for step in result.ledger)
    assert result.receipt.checks == 0


def test_seeds_repeat(llama):
    gen = Generator(llama, Regex("[a-z]{8}"), Masking(seed=4))
    assert gen("x").tokens == gen("x").tokens
    assert gen("x", seed=5).tokens != gen("x").tokens
    assert gen.batch(["x", "y and more", "z"])[0].tokens == gen("x").tokens


def test_batches_hold_prompts_of_all_kinds(llama):
    gen = Generator(llama, PERSON, Masking(seed=6))
    results = gen.batch(["A person: ", CHAT, [5, 6], "Another "])
    assert all(r.finish_reason == "stop" and r.value == json.loads(r.text) for r in results)
    assert gen.batch([]) == []


# ---- streams


def test_streams_end_in_the_generation(llama):
    gen = Generator(llama, PERSON, Masking(seed=7))
    events = list(gen.stream("Someone: "))
    last = events[-1].generation
    assert last == gen("Someone: ")
    assert "".join(e.text for e in events) == last.text
    assert all(e.generation is None for e in events[:-1])
    assert events[-1].value == last.value
    for event in events[:-1]:
        assert event.value is None or event.value.keys() <= last.value.keys()


def test_streams_show_typed_values(llama):
    *events, last = Generator(llama, Person, Masking(seed=8)).stream("Someone: ")
    shown = [e.value for e in events if e.value is not None]
    assert all(isinstance(value, Person) for value in shown)
    assert shown[0].born is None
    for value in shown:
        assert value.born in (None, last.value.born)
        assert value.friends is None or value.friends == last.value.friends[: len(value.friends)]


def test_streams_of_text_show_the_text(llama):
    *events, last = Generator(llama, Regex("[a-z]{6}é"), Masking(seed=9)).stream("x ")
    assert [e.value for e in events] == ["".join(e.text for e in events[: k + 1]) for k in range(len(events))]
    assert last.value == last.generation.text


# ---- prompts


def test_conversations_show_the_schema(llama, monkeypatch):
    seen = []
    monkeypatch.setattr(llama, "encode_chat", lambda messages: seen.append(messages[-1]["content"]) or [0])
    Generator(llama, JsonSchema(PERSON), Masking(seed=0))(CHAT)
    Generator(llama, PERSON, Masking(seed=0), show_schema=False)(CHAT)
    Generator(llama, Choice(["yes"]), Masking(seed=0))(CHAT)
    assert seen[0] == "Who?\nAnswer with JSON for this schema: " + json.dumps(PERSON, separators=(",", ":"))
    assert seen[1:] == ["Who?", "Who?"]


class Spelling(RandomModel):
    """Reads a text as its longest tokens, from the left."""

    def encode(self, text):
        ids, tokens = [], [self.vocabulary.token_bytes(t).decode() for t in range(self.vocabulary.size)]
        while text:
            ids.append(max((t for t in range(len(tokens)) if text.startswith(tokens[t])), key=lambda t: len(tokens[t])))
            text = text[len(tokens[ids[-1]]) :]
        return ids


def test_prompts_of_text_are_healed():
    vocab = Vocabulary.from_tokens([b"is ", b"fal", b"false", b"f", b"a", b"l", b"s", b"e"], eos_ids=[8])
    model = Spelling(vocab, seed=1)
    assert model.encode("is fal") == [0, 1]
    healed = Generator(model, Regex("se|l"), Masking(seed=0), max_tokens=2).batch(["is fal"] * 40)
    assert {r.text for r in healed} == {"se", "l"}
    assert {r.tokens[0] for r in healed} >= {1, 2}  # fal, false
    assert all(r.text == r.value for r in healed)
    plain = Generator(model, Regex("se|l"), Masking(seed=0), heal=False).batch(["is fal"] * 40)
    assert {r.tokens[0] for r in plain} == {5, 6}
    events = Generator(model, Regex("se|l"), Masking(seed=0)).stream("is fal")
    assert "".join(e.text for e in events) == healed[0].text


# ---- limits and errors


def test_texts_end_within_max_tokens(llama):
    gen = Generator(llama, {"type": "array", "items": {"type": "string"}, "minItems": 1}, Masking(temperature=2.0))
    for n in (5, 8, 13):
        for result in gen.batch([[5, 6]] * 8, max_tokens=n, seed=n):
            assert result.finish_reason == "stop"
            assert len(result.tokens) <= n + 1
            assert isinstance(result.value, list)


def test_too_few_tokens_raise(llama):
    with pytest.raises(SamplingError, match="max_tokens=1"):
        Generator(llama, PERSON, max_tokens=1)([5])
    with pytest.raises(PromptTooLong, match="44 over"):
        Generator(llama, PERSON, max_tokens=100)([5] * 200)
    assert Generator(llama, Choice(["a"]))([5] * 250).text == "a"


class Never:
    pointer, keyword = "#", "never"

    def __call__(self, text):
        return text == b"ab"


def test_guards_are_asked(llama):
    letters = Repeat(ByteSet(0b111 << 97), 0, 2)
    gen = Generator(llama, Grammar("s", {"s": Guarded(letters, Never())}), Masking(seed=0, backtrack=0))
    results = gen.batch([[5]] * 30, return_errors=True)
    texts = {r.text for r in results if not isinstance(r, DeadEnd)}
    assert texts == {"ab"}
    assert any(isinstance(r, DeadEnd) for r in results)
    good = next(r for r in results if not isinstance(r, DeadEnd))
    assert good.receipt.checks > 0
    assert not good.receipt.exact
    assert good.ledger.weights == "estimated"
    with pytest.raises(DeadEnd, match="No token may follow"):
        gen.batch([[5]] * 30)


def test_models_without_a_tokenizer_take_token_ids():
    vocab = Vocabulary.from_tokens([bytes([b]) for b in range(256)], eos_ids=[256])
    gen = Generator(RandomModel(vocab), Choice(["yes", "no"]))
    assert gen([]).text in ("yes", "no")
    with pytest.raises(BackendError, match="no tokenizer"):
        gen("text")


def test_broken_outputs_raise_at_once(llama):
    with pytest.raises(GrammarError):
        Generator(llama, {"type": "nonsense"})
    with pytest.raises(GrammarError):
        Generator(llama, Regex("("))


def test_long_texts_stream_in_linear_time(llama):
    vocab = Vocabulary.from_tokens([bytes([b]) for b in range(256)], eos_ids=[256])
    gen = Generator(RandomModel(vocab), {"type": "array", "items": {"const": "ab"}, "minItems": 200, "maxItems": 200})
    *events, last = gen.stream([], max_tokens=2000)
    assert last.value == ["ab"] * 200
    assert len(events) == len(last.generation.text)
    assert np.isfinite(last.generation.logprob)
