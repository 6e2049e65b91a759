"""The embedded model: it loads offline and quietly, its tokenizer suits copying, and it answers held-out prompts.

Also its corpus: every answer is valid for the schema shown, and training never draws what evaluation asks.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from syntagma.automata.vocabulary import Vocabulary  # noqa: E402
from syntagma.backends.embedded import WEIGHTS, load_embedded  # noqa: E402
from syntagma.backends.generator import Generator  # noqa: E402
from syntagma.backends.transformers import TransformersModel  # noqa: E402
from syntagma.errors import BackendMissing  # noqa: E402
from syntagma.sampling.masking import Masking  # noqa: E402

CORPUS = Path(__file__).parents[2] / "benchmarks" / "embedded"


@pytest.fixture(scope="module")
def embedded() -> tuple[Any, Any]:
    return load_embedded()


def greedy(embedded: tuple[Any, Any], message: str, limit: int = 80) -> str:
    """The model's own answer, without a constraint."""
    model, tokenizer = embedded
    chat = [{"role": "user", "content": message}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, do_sample=False)
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))


def test_it_loads_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    model, tokenizer = load_embedded()
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.device.type for p in [*model.parameters(), *model.buffers()]} == {"cpu"}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert tokenizer.eos_token_id == model.config.eos_token_id


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BackendMissing, match=r"syntagma\[models\]"):
        load_embedded()


def test_the_package_carries_it_within_ten_megabytes() -> None:
    files = {path.name: path.stat().st_size for path in WEIGHTS.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "MODEL_CARD.md"} <= set(files)
    assert sum(files.values()) <= 10_000_000


def test_its_vocabulary_has_every_byte_and_single_digits(embedded: tuple[Any, Any]) -> None:
    model, tokenizer = embedded
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    tokens = [vocabulary.token_bytes(t) for t in range(vocabulary.size)]
    assert vocabulary.width == model.config.vocab_size == len(tokens)
    assert {bytes([b]) for b in range(256)} <= set(tokens)
    assert [t for t in tokens if len(t) > 1 and t.isdigit()] == []
    assert vocabulary.eos_ids == (tokenizer.eos_token_id,)


def test_a_name_has_the_same_tokens_in_a_sentence_and_in_json(embedded: tuple[Any, Any]) -> None:
    _, tokenizer = embedded
    name = tokenizer.encode("Lovelace", add_special_tokens=False)
    for text in ("Ada Lovelace is 36.", '{"name": "Ada Lovelace"}', "Lovelace\n"):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert any(ids[i : i + len(name)] == name for i in range(len(ids)))
        assert tokenizer.decode(ids) == text


def test_the_chat_template_frames_the_turns(embedded: tuple[Any, Any]) -> None:
    _, tokenizer = embedded
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "1 + 1"}], add_generation_prompt=True, tokenize=False
    )
    assert text == "<|bos|><|user|>1 + 1<|end|><|assistant|>"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(CORPUS))
    import generate

    return generate


@pytest.mark.parametrize("unseen", [False, True])
def test_every_answer_of_the_corpus_meets_its_constraint(corpus: Any, unseen: bool) -> None:
    from tasks import matches

    for _, (_, answer, constraint) in itertools.islice(corpus.stream(5, unseen=unseen), 300):
        if isinstance(constraint, str):
            assert matches(constraint, answer)
        else:
            jsonschema.validate(json.loads(answer), constraint, format_checker=jsonschema.FormatChecker())


def test_the_corpus_repeats_for_a_seed(corpus: Any) -> None:
    first, again = (list(itertools.islice(corpus.stream(7), 50)) for _ in range(2))
    assert first == again


def test_training_never_draws_a_held_out_word(corpus: Any) -> None:
    import random

    from words import FIRST, Words, is_held_out

    seen, unseen = Words(random.Random(1)), Words(random.Random(1), unseen=True)
    assert not any(is_held_out(seen.first()) for _ in range(300))
    assert all(is_held_out(unseen.first()) for _ in range(300))
    assert any(is_held_out(word) for word in FIRST)


def test_held_out_templates_are_not_trained_on(corpus: Any) -> None:
    from templates import HELD_OUT, SEEN

    assert set(HELD_OUT) == set(SEEN)
    assert not {t for ts in HELD_OUT.values() for t in ts} & {t for ts in SEEN.values() for t in ts}


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
#: Held-out template, held-out names.
MESSAGE = "Our new programmer is Ada Lovelace, who is 36 years old and lives in London."
ANSWER = '{"name": "Ada Lovelace", "age": 36, "city": "London"}'


def test_it_answers_a_held_out_prompt(embedded: tuple[Any, Any]) -> None:
    shown = json.dumps(PERSON, separators=(",", ":"))
    assert greedy(embedded, f"{MESSAGE}\nAnswer with JSON for this schema: {shown}") == ANSWER


def test_it_answers_a_held_out_prompt_under_its_schema(embedded: tuple[Any, Any]) -> None:
    generator = Generator(TransformersModel(*embedded), PERSON, Masking(temperature=0))
    generation = generator([{"role": "user", "content": MESSAGE}])
    assert generation.text == ANSWER
    assert generation.value == json.loads(ANSWER)
