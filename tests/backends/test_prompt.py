"""Prompts: what is shown, and how they are healed."""

import json

import numpy as np
import pytest
from oracles.naive_automaton import NaiveAutomaton, vocabulary

from syntagma.automata.vocabulary import Vocabulary
from syntagma.backends.generation import TextReader
from syntagma.backends.prompt import encode_prompt, heal, with_schema
from syntagma.errors import BackendError
from syntagma.sampling import Masking, RandomModel
from syntagma.sampling.model import Prefix

SCHEMA = {"type": "object", "title": "Ü"}
NOTE = '\nAnswer with JSON for this schema: {"type":"object","title":"Ü"}'


class Reader:
    """Keeps what it was given."""

    def encode(self, text):
        return [text]

    def encode_chat(self, messages):
        return messages


def test_the_schema_is_shown_to_conversations():
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    shown = encode_prompt(Reader(), chat, SCHEMA, None)
    assert [m["content"] for m in shown] == ["s", "a" + NOTE, "b"]
    assert chat[1]["content"] == "a"
    assert encode_prompt(Reader(), chat, SCHEMA, False) == chat
    assert encode_prompt(Reader(), chat, None, None) == chat


def test_the_schema_is_shown_in_text_when_asked_for():
    assert encode_prompt(Reader(), "a", SCHEMA, None) == ["a"]
    assert encode_prompt(Reader(), "a", SCHEMA, True) == ["a" + NOTE + "\n"]
    assert encode_prompt(Reader(), "a", None, True) == ["a"]


def test_contents_in_parts_get_a_part():
    (message,) = with_schema([{"role": "user", "content": [{"type": "text", "text": "a"}]}], SCHEMA)
    assert message["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": NOTE}]


def test_prompts_that_cannot_be_read_raise():
    model = RandomModel(vocabulary([b"a"]))
    assert encode_prompt(model, np.array([0, 1]), None, None) == [0, 1]
    for prompt, schema, show, message in [
        ("a", None, None, "no tokenizer"),
        ([{"role": "user", "content": "a"}], None, None, "no conversations"),
        ([0.5], None, None, "as text"),
        ([0], SCHEMA, True, "token ids"),
    ]:
        with pytest.raises(BackendError, match=message):
            encode_prompt(model, prompt, schema, show)
    with pytest.raises(BackendError, match="role 'user'"):
        encode_prompt(Reader(), [{"role": "system", "content": "s"}], SCHEMA, None)


# ---- healing

TOKENS = [b"a", b"b", b" ", b"ab", b"abc", b" a", b"xyzw", b"x", b"y", b"z", b"c"]
VOCABULARY = Vocabulary.from_tokens(TOKENS, eos_ids=[11], special={"<s>": 12})


def spell(*tokens):
    return [12 if t == b"<s>" else TOKENS.index(t) for t in tokens]


@pytest.mark.parametrize(
    ("prompt", "dropped"),
    [
        ([b"<s>", b"b", b" "], b" "),  # " a" goes on
        ([b"<s>", b"a", b"b"], b"ab"),  # "abc" goes on; "b" alone nothing
        ([b"<s>", b"x", b"y", b"z"], b"xyz"),  # "z" and "yz" go on as nothing, "xyz" does
        ([b"<s>", b"abc"], b""),
        ([b"<s>", b"c", b"b"], b""),
        ([b"a", b"b"], b""),  # the first token stays, and "b" is no beginning
        ([b" ", b"a"], b"a"),
        ([b"a", b"<s>"], b""),
        ([b"x", b"<s>", b"a"], b"a"),
        ([b"<s>"], b""),
    ],
)
def test_prompts_are_cut_where_a_token_spans_their_end(prompt, dropped):
    tokens, healed = heal(VOCABULARY, spell(*prompt))
    assert healed == dropped
    assert b"".join(prompt) == b"".join(prompt[: len(tokens)]) + dropped


def test_healing_is_conditioning_on_bytes():
    """Greedy continuation of a healed prompt: the best of all tokens that begin with, or spell, the dropped bytes."""
    naive = vocabulary([b"a", b"b", b"ab", b"abc", b"c"])
    model = RandomModel(naive, seed=2)
    auto = NaiveAutomaton(naive, [b"ab" + x for x in (b"c", b"a", b"")])
    (sample,) = Masking(greedy=True).sample(model, auto, [[4]], 4)
    row = model.logp_next([Prefix([4])])[0]
    assert sample.tokens[0] == max([0, 2, 3], key=lambda t: row[t])
    assert sample.ledger.steps[0].logz == pytest.approx(np.log(np.exp(row[[0, 2, 3]]).sum()))


# ---- tokens as text


def test_text_comes_in_whole_characters_without_the_healed_bytes():
    euro = "€".encode()
    words = [b"say ", euro[:1], euro[1:], b"!", b"\xff"]
    vocab = Vocabulary.from_tokens(words, eos_ids=[5], special={"<call>": 6, "</s>": 5})
    reader = TextReader(vocab, [5], skip=2)
    assert [reader.read([t]) for t in (0, 1, 2, 3, 6, 1)] == ["y ", "", "€", "!", "<call>", ""]
    assert reader.read([], last=True) == "�"
    assert TextReader(vocab, [5], skip=6).read([0, 1, 2, 3, 5], last=True) == "�!"
    assert TextReader(vocab, [5]).read([0, 4, 3], last=True) == "say �!"
    assert json.dumps(TextReader(vocab, [5], skip=4).read([0], last=True)) == '""'


@pytest.mark.parametrize(
    ("prompt", "where"), [("ab\ud83d", "character 3"), ([{"role": "user", "content": "\ude00"}], "message 1")]
)
def test_half_a_character_is_refused(prompt, where):
    with pytest.raises(BackendError, match=where):
        encode_prompt(Reader(), prompt, SCHEMA, None)


@pytest.mark.parametrize(
    ("prompt", "words"), [({"role": "user", "content": "Hi"}, "put it into a list"), (None, "NoneType"), (7, "int")]
)
def test_what_is_no_prompt(prompt: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        encode_prompt(object(), prompt, None, None)  # type: ignore[arg-type]
