"""Vocabularies: bytes out of every family of tokenizers, what is refused, and the cache."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from syntagma.automata import vocabulary_cache
from syntagma.automata.self_test import self_test
from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import VocabularyError

_LINES = [
    "Überall hört man: naïve cafés, 日本語 und 😀!",
    'a line  of "text"\n\twith {1: 23}',
    "the thin then this that",
] * 4


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test."""
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vocabularies"


def byte_level() -> Any:
    """A byte-level BPE tokenizer with special and plain added tokens."""
    tokenizers = pytest.importorskip("tokenizers")
    tok = tokenizers.Tokenizer(tokenizers.models.BPE())
    tok.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["<eos>"])
    tok.train_from_iterator(_LINES, trainer)
    tok.add_tokens(["<tool call>"])
    return tok


def metaspace(model: str) -> Any:
    """A Unigram or BPE tokenizer with byte fallback, decoded as Llama 2's."""
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = [f"<0x{b:02X}>" for b in range(256)]
    words = ["▁", "▁the", "t", "h", "e", "é", "▁▁", "日", "A", " ", "th", "he", "▁t"]
    pieces = ["<unk>", "<s>", "</s>", *alphabet, *words]
    if model == "unigram":
        tok = tokenizers.Tokenizer(tokenizers.models.Unigram([(p, -1.0) for p in pieces], 0, byte_fallback=True))
    else:
        vocab = {p: i for i, p in enumerate(pieces)}
        bpe = tokenizers.models.BPE(vocab, [("t", "h"), ("h", "e")], unk_token="<unk>", byte_fallback=True)
        tok = tokenizers.Tokenizer(bpe)
    tok.add_special_tokens(["<unk>", "<s>", "</s>"])
    d = tokenizers.decoders
    tok.decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    return tok


def save(tok: Any, folder: Path, **configs: dict[str, Any]) -> Path:
    """A model's folder with the tokenizer and the configurations given."""
    folder.mkdir(exist_ok=True)
    tok.save(str(folder / "tokenizer.json"))
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    return folder


def text_of(vocabulary: Vocabulary, ids: list[int]) -> str:
    return b"".join(map(vocabulary.token_bytes, ids)).decode()


def test_llama3(data_dir: Path) -> None:
    vocabulary = Vocabulary.from_pretrained(data_dir / "tokenizers" / "llama3", width=128_300)
    assert (vocabulary.size, vocabulary.width, vocabulary.mask_words) == (128_256, 128_300, 4_010)
    assert vocabulary.eos_ids == (128_001,)
    assert vocabulary.special["<|eot_id|>"] == 128_009
    assert vocabulary.token_bytes(128_009) == b""
    assert vocabulary.token_bytes(15_339) == b"hello"
    assert vocabulary.tokens_with_bytes(b"hello") == (15_339,)
    assert all(len(vocabulary.tokens_with_bytes(bytes((b,)))) == 1 for b in range(256))
    assert len(vocabulary.trie.token_ids) == 128_000
    assert vocabulary.trie.max_depth == 128


def test_byte_level(tmp_path: Path) -> None:
    tok = byte_level()
    vocabulary = Vocabulary.from_tokenizer(tok, eos_ids=[0])
    for line in _LINES:
        assert text_of(vocabulary, tok.encode(line).ids) == line
    assert vocabulary.special == {"<eos>": 0}
    assert vocabulary.token_bytes(0) == b""
    assert vocabulary.token_bytes(tok.token_to_id("<tool call>")) == b"<tool call>"
    folder = save(tok, tmp_path / "model", config={"eos_token_id": 0})
    assert Vocabulary.from_pretrained(folder) == vocabulary
    assert Vocabulary.from_pretrained(folder / "tokenizer.json", eos_ids=[]).eos_ids == ()


@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_byte_fallback(model: str, tmp_path: Path) -> None:
    tok = metaspace(model)
    folder = save(tok, tmp_path / "model", tokenizer_config={"eos_token": {"content": "</s>"}})
    vocabulary = Vocabulary.from_tokenizer(tok, eos_ids=[2])
    assert Vocabulary.from_pretrained(folder) == vocabulary
    assert vocabulary.special == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert vocabulary.token_bytes(tok.token_to_id("▁the")) == b" the"
    assert vocabulary.token_bytes(3 + 0xE9) == b"\xe9"
    assert vocabulary.tokens_with_bytes(b"A") == (3 + 0x41, tok.token_to_id("A"))
    assert vocabulary.tokens_with_bytes(b" ") == (3 + 0x20, tok.token_to_id("▁"), tok.token_to_id(" "))


def test_metaspace_decoder() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tok = metaspace("unigram")
    tok.decoder = tokenizers.decoders.Metaspace()
    vocabulary = Vocabulary.from_tokenizer(tok)
    assert vocabulary.token_bytes(tok.token_to_id("▁the")) == b" the"
    assert vocabulary.token_bytes(3 + 0x0A) == b"<0x0A>"  # this decoder knows no byte fallback


def test_hugging_face_fast() -> None:
    transformers = pytest.importorskip("transformers")
    tok = transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level(), eos_token="<eos>")
    vocabulary = Vocabulary.from_tokenizer(tok, width=512)
    assert (vocabulary.eos_ids, vocabulary.width, vocabulary.size) == ((0,), 512, len(tok))
    assert vocabulary == Vocabulary.from_tokenizer(byte_level(), 512, eos_ids=[0])


@pytest.fixture(scope="module")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SentencePiece model with byte fallback."""
    sentencepiece = pytest.importorskip("sentencepiece")
    prefix = tmp_path_factory.mktemp("sentencepiece") / "small"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_LINES),
        model_prefix=str(prefix),
        vocab_size=320,
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    return prefix.with_suffix(".model")


def test_sentencepiece(sentencepiece_model: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(sentencepiece_model))
    vocabulary = Vocabulary.from_tokenizer(processor)
    assert vocabulary.eos_ids == (processor.eos_id(),)
    assert set(vocabulary.special) == {"<unk>", "<s>", "</s>"}
    text = "that naïve 😀 x"
    assert text_of(vocabulary, processor.encode(text)) == " " + text
    newline = processor.piece_to_id("<0x0A>")
    assert vocabulary.tokens_with_bytes(b"\n") == (newline,)


def test_hugging_face_slow(sentencepiece_model: Path) -> None:
    """A slow tokenizer that spells byte pieces out when it decodes is refused; the sentencepiece model is the way."""
    transformers = pytest.importorskip("transformers")
    backend = pytest.importorskip("transformers.tokenization_utils_sentencepiece").SentencePieceBackend
    assert issubclass(backend, transformers.PreTrainedTokenizer)
    tok = backend(vocab_file=str(sentencepiece_model), eos_token="</s>", unk_token="<unk>", bos_token="<s>")
    with pytest.raises(VocabularyError, match=r"Token 3 of the tokenizer should have the bytes b'\\x00', but decoding"):
        Vocabulary.from_tokenizer(tok)
    assert Vocabulary.from_tokenizer(tok.sp_model).eos_ids == (2,)


class Slow:
    """What a slow Hugging Face tokenizer with GPT-2's alphabet offers."""

    all_special_ids = (0,)
    eos_token_id = 0
    byte_decoder: ClassVar[dict[str, int]] = {}

    def __init__(self, tok: Any) -> None:
        self.tok = tok
        self.added_tokens_decoder = tok.get_added_tokens_decoder()

    def __len__(self) -> int:
        return int(self.tok.get_vocab_size())

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.tok.id_to_token(t) for t in ids]

    def decode(self, ids: list[int], skip_special_tokens: bool, **_: Any) -> str:
        return str(self.tok.decode(ids, skip_special_tokens=skip_special_tokens))


def test_slow_byte_level(monkeypatch: pytest.MonkeyPatch) -> None:
    tok = byte_level()
    assert Vocabulary.from_tokenizer(Slow(tok)) == Vocabulary.from_tokenizer(tok, eos_ids=[0])
    monkeypatch.delattr(Slow, "byte_decoder")
    with pytest.raises(VocabularyError, match="Slow does not say how its pieces become bytes"):
        Vocabulary.from_tokenizer(Slow(tok))


def test_tiktoken_with_holes() -> None:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes((b,)): b for b in range(256)} | {b"th": 256, b"the": 258, " 日".encode()[:3]: 259}
    special = {"<|endoftext|>": 300, "<|mark|>": 302}
    encoding = tiktoken.Encoding("small", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens=special)
    vocabulary = Vocabulary.from_tokenizer(encoding)
    assert (vocabulary.size, vocabulary.eos_ids, dict(vocabulary.special)) == (303, (300,), special)
    assert vocabulary.token_bytes(257) == b""
    assert vocabulary.token_bytes(258) == b"the"
    assert vocabulary.token_bytes(259) == b" \xe6\x97"
    assert len(vocabulary.trie.token_ids) == 259


def test_from_tokens() -> None:
    tokens = [b"a", None, b"b", b"", b"a", b"</s>", b"<|x|>", b"\0", b"a\0"]
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[5, 9, 5], special={"<|x|>": 6}, width=40)
    assert (vocabulary.size, vocabulary.width, vocabulary.mask_words) == (10, 40, 2)
    assert vocabulary.eos_ids == (5, 9)
    assert [vocabulary.token_bytes(t) for t in range(10)] == [b"a", b"", b"b", b"", b"a", b"", b"", b"\0", b"a\0", b""]
    assert vocabulary.tokens_with_bytes(b"a") == (0, 4)
    assert vocabulary.tokens_with_bytes(b"") == vocabulary.tokens_with_bytes(b"c") == ()
    assert vocabulary.trie.token_ids.tolist() == [7, 0, 4, 8, 2]
    assert vocabulary.token_start.shape == (41,)
    for token in (-1, 40):
        with pytest.raises(VocabularyError, match=r"in \[0, 40\)"):
            vocabulary.token_bytes(token)


def test_empty() -> None:
    vocabulary = Vocabulary.from_tokens([], eos_ids=[])
    assert (vocabulary.width, vocabulary.size, vocabulary.mask_words, vocabulary.trie.n_nodes) == (0, 0, 0, 1)


def test_value() -> None:
    make: Callable[..., Vocabulary] = Vocabulary.from_tokens
    vocabulary = make([b"a", b"bc"], eos_ids=[2])
    assert vocabulary == make([b"a", b"bc"], [2])
    assert hash(vocabulary) == hash(make([b"a", b"bc"], [2]))
    assert vocabulary == make([b"a", b"bc"], np.array([2]))
    others = [
        make([b"ab", b"c"], [2]),
        make([b"a", b"bc", None], [3]),
        make([b"a", b"bc"], [2], width=4),
        make([b"a", b"bc"], [2], special={"x": 2}),
    ]
    assert len({vocabulary, *others}) == 5
    copy = pickle.loads(pickle.dumps(vocabulary))
    assert copy == vocabulary
    assert copy.trie.token_ids.tolist() == [0, 1]
    for array in (copy.token_data, copy.token_start, vocabulary.token_data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        vocabulary.special["x"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        vocabulary.size = 3  # type: ignore[misc]


def test_width_too_small() -> None:
    with pytest.raises(VocabularyError, match="ids up to 3, but the logits' width is only 3"):
        Vocabulary.from_tokens([b"a"], eos_ids=[3], width=3)


def test_negative_id() -> None:
    with pytest.raises(VocabularyError, match="got -1"):
        Vocabulary.from_tokens([b"a"], eos_ids=[-1])


@pytest.mark.parametrize(
    "decoder", [{}, 3, {"type": "Sequence"}, {"type": "Replace"}, {"type": "Strip", "content": "a"}, {"type": "New"}]
)
def test_malformed_decoder(decoder: Any, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}, "decoder": decoder}))
    with pytest.raises(VocabularyError, match="decoder"):
        Vocabulary.from_pretrained(tmp_path)


@pytest.mark.parametrize("token", [-1, 1 << 40])
def test_absurd_id(token: int, tmp_path: Path) -> None:
    model = {"model": {"vocab": {"a": 0, "b": token}}, "decoder": {"type": "ByteLevel"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(model))
    with pytest.raises(VocabularyError, match=r"Expected token ids in \[0, 16777216\), got"):
        Vocabulary.from_pretrained(tmp_path)


def test_text_instead_of_bytes() -> None:
    with pytest.raises(VocabularyError, match="bytes or None for token 1, got 'b'"):
        Vocabulary.from_tokens([b"a", "b"], eos_ids=[])  # type: ignore[list-item]


def test_wordpiece_is_refused(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tok = tokenizers.Tokenizer(tokenizers.models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    tok.decoder = tokenizers.decoders.WordPiece()
    with pytest.raises(VocabularyError, match="WordPiece puts a space before each piece that starts a word"):
        Vocabulary.from_tokenizer(tok)
    with pytest.raises(VocabularyError, match="WordPiece"):
        Vocabulary.from_pretrained(save(tok, tmp_path / "model"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda d: None, "has no decoder"),
        (lambda d: d.BPEDecoder(), "end-of-word suffix"),
        (lambda d: d.CTC(), "merges repeated pieces"),
        (lambda d: d.Sequence([d.Fuse(), d.Replace("ab", "c")]), "Replace where pieces are already joined"),
        (lambda d: d.Sequence([d.ByteFallback(), d.ByteLevel()]), "both ByteFallback and ByteLevel"),
        (lambda d: d.Sequence([d.Fuse(), d.ByteFallback()]), "ByteFallback where pieces are already joined"),
    ],
)
def test_decoders_without_bytes_per_token(make: Callable[[Any], Any], reason: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tok = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1}, []))
    if (decoder := make(tokenizers.decoders)) is not None:
        tok.decoder = decoder
    with pytest.raises(VocabularyError, match=reason):
        Vocabulary.from_tokenizer(tok)


def test_unknown_object_is_refused() -> None:
    with pytest.raises(VocabularyError, match=r"got builtins\.dict"):
        Vocabulary.from_tokenizer({})


class Liar:
    """A tokenizer whose decode changes one token."""

    def __init__(self, tok: Any, change: Callable[[str], str]) -> None:
        self.tok, self.change = tok, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tok, name)

    def decode(self, ids: list[int], **options: Any) -> str:
        return self.change(str(self.tok.decode(ids, **options)))


def test_lying_tokenizer_is_refused() -> None:
    tok = byte_level()
    token = tok.token_to_id("<tool call>")
    found = rf"Token {token} of the tokenizer .* bytes b'<tool call>', .* gives '\w+<tool_call>\w+', and"
    with pytest.raises(VocabularyError, match=found):
        Vocabulary.from_tokenizer(Liar(tok, lambda text: text.replace("<tool call>", "<tool_call>")))
    with pytest.raises(VocabularyError, match=r"Token \d+ of the tokenizer should have the bytes b'.*\\xe6"):
        Vocabulary.from_tokenizer(Liar(tok, lambda text: text.replace("日", "本")))
    with pytest.raises(VocabularyError, match="one by one, but not in one text"):
        Vocabulary.from_tokenizer(Liar(tok, lambda text: text[:200]))
    assert Vocabulary.from_tokenizer(Liar(tok, str)).size == tok.get_vocab_size()


def test_self_test_completes_characters() -> None:
    tokens = [b"a", *(bytes((b,)) for b in range(0x80, 0x100)), b"x\xf0\x9f", b"\x98\x80y", b"\xed\x9f", b"\xe0"]
    asked: list[list[int]] = []

    def decode(ids: list[int]) -> str:
        asked.append(ids)
        return b"".join(tokens[t] for t in ids).decode("utf-8", "replace")

    self_test(tokens, decode)
    assert {t for ids in asked for t in ids} == set(range(len(tokens)))
    texts = b"".join(tokens[t] for ids in asked for t in ids)
    assert texts.decode("utf-8", "replace").count("\ufffd") == 13  # C0, C1 and F5 to FF are no UTF-8 anywhere


def test_broken_files(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"Cannot read .*tokenizer\.json: No such file"):
        Vocabulary.from_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    for text in (
        "",
        "[]",
        "{}",
        '{"model": {}}',
        '{"model": {"vocab": 3}}',
        '{"model": {"vocab": [[]]}}',
        "[" * 100_000,
    ):
        file.write_text(text)
        with pytest.raises(VocabularyError, match=r"Expected a tokenizer\.json"):
            Vocabulary.from_pretrained(tmp_path)
    save(byte_level(), tmp_path, config={"eos_token_id": [0, 9999]})
    with pytest.raises(VocabularyError, match=r"9999 is not in the vocabulary\. Pass eos_ids"):
        Vocabulary.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(VocabularyError, match=r"config\.json is no JSON"):
        Vocabulary.from_pretrained(tmp_path)


def test_eos_of_all_files(tmp_path: Path) -> None:
    folder = save(
        byte_level(),
        tmp_path / "model",
        tokenizer_config={"eos_token": "<tool call>"},
        generation_config={"eos_token_id": [0, 5]},
        config={"text_config": {"eos_token_id": 0}},
    )
    vocabulary = Vocabulary.from_pretrained(folder)
    assert vocabulary.eos_ids == (vocabulary.special["<tool call>"], 0, 5)
    assert all(vocabulary.token_bytes(t) == b"" for t in vocabulary.eos_ids)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(byte_level(), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert Vocabulary.from_pretrained(folder).tokens_with_bytes(b"the") != ()


def test_cache_hit(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tok = byte_level()
    folder = save(tok, tmp_path / "model", config={"eos_token_id": 0})
    first = Vocabulary.from_pretrained(folder)
    fromed = Vocabulary.from_tokenizer(tok, eos_ids=[0])
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr("syntagma.automata.vocabulary.TokenTrie.from_tokens", None)  # must not be called
    for again in (Vocabulary.from_pretrained(folder), Vocabulary.from_tokenizer(tok, eos_ids=[0])):
        assert again == first == fromed
        assert again.eos_ids == (0,)
        assert again.special == first.special
        assert np.array_equal(again.token_data, first.token_data)
        for name, array in again.trie.arrays().items():
            assert array.dtype == first.trie.arrays()[name].dtype
            assert np.array_equal(array, first.trie.arrays()[name])
            assert not array.flags.writeable
    assert pickle.loads(pickle.dumps(again)) == first


def test_cache_key_holds_all_inputs(tmp_path: Path, cache: Path) -> None:
    folder = save(byte_level(), tmp_path / "model", config={"eos_token_id": 0})
    Vocabulary.from_pretrained(folder)
    assert Vocabulary.from_pretrained(folder, width=1000).width == 1000
    assert Vocabulary.from_pretrained(folder, eos_ids=[5]).eos_ids == (5,)
    (folder / "config.json").write_text('{"eos_token_id": 6}')
    assert Vocabulary.from_pretrained(folder).eos_ids == (6,)
    assert len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("spoil", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw[:99] + b"!" + raw[100:]])
def test_broken_cache_is_rebuilt(tmp_path: Path, cache: Path, spoil: Callable[[bytes], bytes]) -> None:
    folder = save(byte_level(), tmp_path / "model")
    first = Vocabulary.from_pretrained(folder)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    spoiled = file.with_suffix(".spoiled")  # a new file: `first` may still be mapped
    spoiled.write_bytes(spoil(whole))
    spoiled.rename(file)
    assert Vocabulary.from_pretrained(folder) == first
    assert file.read_bytes() == whole


def test_unwritable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", str(blocked))
    assert not vocabulary_cache.store("00", {}, {})
    assert Vocabulary.from_tokenizer(byte_level()).size > 0


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert vocabulary_cache.cache_folder() == Path("/one/vocabularies")
    monkeypatch.delenv("SYNTAGMA_CACHE_DIR")
    assert vocabulary_cache.cache_folder() == Path("/two/syntagma/vocabularies")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert vocabulary_cache.cache_folder() == Path.home() / ".cache/syntagma/vocabularies"
