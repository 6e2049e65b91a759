"""Tokenizers: the bytes of every family's tokens, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from oracles.small_tokenizers import LINES, byte_level, metaspace, save

from syntagma.automata.self_test import self_test
from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import VocabularyError

pytestmark = pytest.mark.usefixtures("cache")


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
    for line in LINES:
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
        sentence_iterator=iter(LINES),
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
