"""llama.cpp: models in GGUF files, through llama-cpp-python.

`LlamaCppModel` has a context of its own over the weights of a `Llama`, with many sequences in one cache of keys and
values. Prefixes that begin alike share what they have in common (`sequence_cache.py`), so the particles of a sampler
cost one token each at a step, and are read in one batch.

Law: a row depends on its own tokens only, up to the rounding of the cache's dtype (float16 unless `Llama` is told
otherwise by `type_k`, `type_v`) and of batches of different sizes (`sampling.laws.check_model`).
Not chosen: the context that `Llama` has itself, which holds one sequence, so particles would have to be read anew.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..automata.vocabulary import Vocabulary
from ..errors import BackendError, BackendMissing, PromptTooLong
from ..sampling.model import Prefix, log_softmax
from .sequence_cache import SequenceCache
from .transformers import Usage

if TYPE_CHECKING:
    from llama_cpp import Llama

#: Tokens that the cache has room for, unless the context is larger.
_CELLS = 4096


class _Full(Exception):
    """The cache has no room for the batch."""


class LlamaCppModel:
    """A `llama_cpp.Llama` as a model for the samplers.

    Parameters
    ----------
    llama : its weights, tokenizer and options are used, its own context is not; `n_ctx` is what a prefix may have.
    sequences : prefixes that are read in one batch and kept; more than that are read one batch after the other.
    cells : tokens that the cache has room for, all prefixes together, what they share counted once; `n_ctx`, and at
        least 4096, unless told otherwise. Where they run out, fewer prefixes are read at a time.

    Raises
    ------
    BackendMissing : llama-cpp-python is not installed.
    BackendError : llama.cpp gives no such context.
    """

    def __init__(self, llama: Llama, *, sequences: int = 16, cells: int | None = None) -> None:
        self._lib = lib = _library()
        self.llama = llama
        self.vocabulary = llama_vocabulary(llama)
        self.context: int | None = llama.n_ctx()
        params = type(llama.context_params).from_buffer_copy(llama.context_params)
        params.n_ctx = cells or max(llama.n_ctx(), _CELLS)
        params.n_seq_max, params.kv_unified, params.swa_full, params.embeddings = sequences, True, True, False
        params.n_batch, params.n_ubatch = max(params.n_batch, sequences), max(params.n_ubatch, sequences)
        self._pointer = lib.llama_init_from_model(llama.model, params)
        if self._pointer is None:
            raise BackendError(f"llama.cpp has no context of {params.n_ctx} cells and {sequences} sequences.")
        self._n_batch = int(lib.llama_n_batch(self._pointer))
        self._batch = lib.llama_batch_init(self._n_batch, 0, 1)
        self.close = weakref.finalize(self, _free, lib, self._pointer, self._batch)
        llama._stack.callback(self.close)  # the context goes before its weights do
        _apply_adapter(lib, llama, self._pointer)
        memory = lib.llama_get_memory(self._pointer)
        is_kept = not (lib.llama_model_is_recurrent(llama.model) or lib.llama_model_is_hybrid(llama.model))
        self._cache = SequenceCache(
            sequences,
            cut=lambda row, n: lib.llama_memory_seq_rm(memory, row, n, -1),
            copy=lambda source, target, n: lib.llama_memory_seq_cp(memory, source, target, 0, n),
            shares=is_kept,
        )
        self.usage = Usage()

    @property
    def has_chat_template(self) -> bool:
        """Whether conversations can be encoded."""
        return "tokenizer.chat_template" in self.llama.metadata

    def encode(self, text: str) -> list[int]:
        """Token ids of a plain prompt: with the token that the model wants in front, at least one, no end token.

        Raises
        ------
        BackendError : the prompt is empty and the model has no token to begin with.
        """
        ids: list[int] = self.llama.tokenize(text.encode(), add_bos=True, special=False)
        plain: list[int] = self.llama.tokenize(text.encode(), add_bos=False, special=False)
        if len(ids) > len(plain) and ids[-1] in self.vocabulary.eos_ids and plain == ids[-len(plain) - 1 : -1]:
            ids = ids[:-1]
        if not ids:
            start = self.llama.token_bos()
            if start < 0:
                raise BackendError("The prompt is empty, and the model has no token to begin with. Give a prompt.")
            ids = [start]
        return ids

    def encode_chat(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Token ids of a conversation in the chat template of the GGUF file, up to where the answer begins.

        Raises
        ------
        BackendError : the file has no chat template, or the template refuses the messages.
        """
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        if not self.has_chat_template:
            raise BackendError("The GGUF file has no chat template. Give the prompt as text.")
        template = self.llama.metadata["tokenizer.chat_template"]
        names = {t: name for name, t in self.vocabulary.special.items()}
        eos, bos = (names.get(t, "") for t in (self.llama.token_eos(), self.llama.token_bos()))
        try:
            formatted = Jinja2ChatFormatter(template=template, eos_token=eos, bos_token=bos)(messages=list(messages))
        except Exception as error:  # templates raise what they like
            raise BackendError(f"The chat template refuses the messages: {error}") from error
        ids: list[int] = self.llama.tokenize(formatted.prompt.encode(), add_bos=False, special=True)
        return ids

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """The log-probabilities of the next token, (n, width) float64, nats.

        Raises
        ------
        PromptTooLong : a prefix is longer than the context.
        BackendError : a prefix is empty, or too long for the cache's cells; the model has been closed.
        """
        if not self.close.alive:
            raise BackendError("The model has been closed.")
        texts = list(dict.fromkeys(prefix.tokens for prefix in prefixes))
        for text in texts:
            if not text:
                raise BackendError("Expected a prefix of at least one token; begin with the model's BOS token.")
            if self.context is not None and len(text) > self.context:
                raise PromptTooLong(len(text), 0, self.context)
        self.usage.asked += sum(map(len, prefixes))
        rows: dict[tuple[int, ...], NDArray[np.float64]] = {}
        for k in range(0, len(texts), self._cache.n_rows):
            rows |= self._rows(texts[k : k + self._cache.n_rows])
        return np.stack([rows[prefix.tokens] for prefix in prefixes])

    def _rows(self, texts: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], NDArray[np.float64]]:
        """The rows of at most as many texts as there are sequences; where the cells do not suffice, half by half."""
        for _ in range(2):  # the second time, with nothing else in the cache
            try:
                return self._read(texts)
            except _Full:
                self._cache.clear()
        if len(texts) == 1:
            raise BackendError(f"A prefix of {len(texts[0])} tokens does not fit into the cache. Raise `cells`.")
        half = len(texts) // 2
        return self._rows(texts[:half]) | self._rows(texts[half:])

    def _read(self, texts: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], NDArray[np.float64]]:
        """Read what the cache does not hold yet, in batches."""
        placed = zip(texts, self._cache.place(texts), strict=True)
        work = [(text, row, at) for text, (row, n) in placed for at in range(n, len(text))]
        rows = {}
        for k in range(0, len(work), self._n_batch):
            some = work[k : k + self._n_batch]
            self._decode(some)
            for i, (text, _, at) in enumerate(some):
                if at + 1 == len(text):
                    logits = self._lib.llama_get_logits_ith(self._pointer, i)
                    rows[text] = log_softmax(np.ctypeslib.as_array(logits, (self.vocabulary.width,)))
        return rows

    def _decode(self, work: Sequence[tuple[tuple[int, ...], int, int]]) -> None:
        """Run the model on (text, sequence, position) triples; the last position of a text gets logits."""
        batch = self._batch
        batch.n_tokens = len(work)
        for i, (text, row, at) in enumerate(work):
            batch.token[i] = text[at]
            batch.pos[i] = at
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = row
            batch.logits[i] = at + 1 == len(text)
        status = self._lib.llama_decode(self._pointer, batch)
        self.usage.calls += 1
        self.usage.computed += len(work)
        if status == 1:
            raise _Full
        if status != 0:
            self._cache.clear()
            raise BackendError(f"llama.cpp could not read the prefixes (llama_decode returned {status}).")


def load_gguf(path: str | Path, *, sequences: int = 16, cells: int | None = None, **options: Any) -> LlamaCppModel:
    """The model in a GGUF file.

    Parameters
    ----------
    options : of `llama_cpp.Llama` (`n_ctx`, `n_gpu_layers`, `n_threads`, ...). `n_ctx`, the tokens that prompt and text
        may have, is what the model was trained for unless told otherwise, and at most 4096.

    Raises
    ------
    BackendMissing : llama-cpp-python is not installed.
    BackendError : there is no such file, or llama.cpp cannot read it.
    """
    Llama, file = _library().Llama, Path(path).expanduser()
    if not file.is_file():
        raise BackendError(f"There is no file {str(path)!r}. Give a GGUF file on this machine.")
    given = {"verbose": False} | options
    try:
        if "n_ctx" not in options:
            known = Llama(str(file), vocab_only=True, verbose=False).metadata
            trained = int(known.get(f"{known.get('general.architecture')}.context_length", _CELLS))
            given["n_ctx"] = min(trained, _CELLS)
        llama = Llama(str(file), **given)
    except ValueError as error:
        raise BackendError(f"llama.cpp cannot read {str(path)!r}: {error}") from error
    return LlamaCppModel(llama, sequences=sequences, cells=cells)


def llama_vocabulary(llama: Llama) -> Vocabulary:
    """The vocabulary of a model, as wide as its logits; every id at which llama.cpp ends a text is an EOS id.

    Raises
    ------
    BackendMissing : llama-cpp-python is not installed.
    """
    lib = _library()
    vocab = lib.llama_model_get_vocab(llama.model)
    ids = range(lib.llama_vocab_n_tokens(vocab))
    names = {t: lib.llama_vocab_get_text(vocab, t).decode("utf-8", "replace") for t in ids if _is_mark(lib, vocab, t)}
    tokens = [b"" if t in names else _piece(lib, vocab, t) for t in ids]
    eos = [t for t in names if lib.llama_vocab_is_eog(vocab, t)]
    return Vocabulary.from_tokens(tokens, eos, {name: t for t, name in names.items()}, width=len(tokens))


def _is_mark(lib: Any, vocab: Any, token: int) -> bool:
    return bool(lib.llama_vocab_is_control(vocab, token) or lib.llama_vocab_is_eog(vocab, token))


def _piece(lib: Any, vocab: Any, token: int) -> bytes:
    """What a token adds in the middle of a text."""
    size = 64
    while True:
        buffer = ctypes.create_string_buffer(size)
        n = int(lib.llama_token_to_piece(vocab, token, buffer, size, 0, False))
        if n >= 0:
            return buffer.raw[:n]
        size = -n


def _apply_adapter(lib: Any, llama: Llama, context: Any) -> None:
    """The LoRA adapter of the `Llama`, if it has one, for this context too."""
    if (adapter := llama._lora_adapter) is not None:
        adapters, scales = (lib.llama_adapter_lora_p_ctypes * 1)(adapter), (ctypes.c_float * 1)(llama.lora_scale)
        if lib.llama_set_adapters_lora(context, adapters, 1, scales):
            raise BackendError("llama.cpp could not apply the LoRA adapter.")


def _free(lib: Any, context: Any, batch: Any) -> None:
    lib.llama_batch_free(batch)
    lib.llama_free(context)


def _library() -> Any:
    try:
        import llama_cpp
    except ImportError as error:
        raise BackendMissing("llama-cpp-python", "llama-cpp") from error
    return llama_cpp
