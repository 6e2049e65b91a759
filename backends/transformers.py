"""Hugging Face transformers: causal language models, batched, with their KV cache.

Keys and values of a batch are kept as one immutable value, `_Kept`, that prefixes point into:

    cache     one (n, heads, width, dim) pair per layer; row i ends at the right, with its padding on the left
    lengths   (n,) tokens of each row
    a prefix's handle is (kept, row, n): its first n tokens are the first n of that row

A step whose prefixes are just the rows of one batch, each a token longer, goes on with it as it is; any other (a
sequence has ended, particles were resampled, caches come from different batches) first gathers the rows it needs.
Padding is on the left only, so positions, windows and biases by distance are those of the sequence alone.

Equal prefixes of a call are read once, and a prefix that was cut keeps its row. With `keep_tokens`, a prefix without a
handle takes the longest beginning that it shares with a row of the last batches. `usage` counts the tokens of all
prefixes, and those that were read.

Drafts are read in one call: `logp_along` gives the rows of a prefix's last tokens. In a batch all of them get as many,
by tokens at their ends that nobody looks at; handles are cut to what was asked.

Law: a row depends on its own tokens only, up to the rounding of the model's dtype (`sampling.laws.check_model`).
Not chosen: one mutable cache per run, which forks would have to copy.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..automata.vocabulary import Vocabulary
from ..errors import BackendError, BackendMismatch, BackendMissing, PromptTooLong
from ..sampling.model import Prefix

if TYPE_CHECKING:
    import torch

_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}


@dataclass(frozen=True, eq=False)
class _Kept:
    """The keys and values of a batch; see the module's layout. `owner` is the model that made it."""

    owner: TransformersModel
    cache: Any
    tokens: tuple[tuple[int, ...], ...]

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """(n,) tokens of each row."""
        return tuple(map(len, self.tokens))

    @cached_property
    def size(self) -> int:
        """Tokens that the tensors have room for."""
        return len(self.tokens) * max(self.lengths)


class _Handle(NamedTuple):
    """What a prefix points to."""

    kept: _Kept
    row: int
    n: int

    def cut(self, n: int) -> _Handle:
        """The handle of the first n tokens."""
        return self._replace(n=min(n, self.n))


@dataclass(slots=True)
class Usage:
    """What a model was asked, and what it did for it."""

    #: Tokens of all prefixes: what a model that keeps nothing would read.
    asked: int = 0
    #: Tokens read.
    computed: int = 0
    #: Calls of the model.
    calls: int = 0


class TransformersModel:
    """A causal language model and its tokenizer.

    Parameters
    ----------
    model : a `transformers` causal language model, on any device; switched to evaluation mode.
    tokenizer : its tokenizer.
    vocabulary : the tokenizer's vocabulary with the width of the model's logits, where it is at hand already.
    keep_tokens : tokens of finished batches whose keys and values are kept for prefixes that begin alike. Rows, and so
        seeded runs, then repeat up to rounding only, as it depends on what was kept; 0 keeps none.

    Raises
    ------
    BackendMissing : torch or transformers is not installed.
    BackendMismatch : the tokenizer or `vocabulary` does not fit the model's logits.
    VocabularyError : the tokenizer cannot be used.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, vocabulary: Vocabulary | None = None, keep_tokens: int = 0
    ) -> None:
        require_library("torch", "transformers")
        self.model = model.eval()
        self.tokenizer = tokenizer
        config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
        #: How many tokens the model can read; `None`: its configuration names no bound.
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self.vocabulary = vocabulary or _read_vocabulary(model, tokenizer)
        if self.vocabulary.width != (width := _logits_width(model)):
            raise BackendMismatch(
                f"The model's logits have {width} columns, the vocabulary {self.vocabulary.width}. Make it with "
                f"Vocabulary.from_tokenizer(tokenizer, width={width})."
            )
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model  # behind an adapter of peft
        options = inspect.signature(inner.forward).parameters
        self._takes_positions = "position_ids" in options
        self._takes_keep = "logits_to_keep" in options
        layers = getattr(config, "layer_types", None) or ()
        is_attention = not getattr(model, "_is_stateful", False) and _ATTENTION.issuperset(layers)
        self._keeps = is_attention and _has_layered_cache()
        self.keep_tokens = keep_tokens
        self.usage = Usage()
        self._recent: tuple[_Kept, ...] = ()

    def __repr__(self) -> str:
        name = getattr(self.model, "name_or_path", "") or "made here"
        return f"TransformersModel({type(self.model).__name__}, {name!r}, context={self.context}, {self.vocabulary})"

    @property
    def has_chat_template(self) -> bool:
        """Whether conversations can be encoded."""
        return getattr(self.tokenizer, "chat_template", None) is not None

    def encode(self, text: str) -> list[int]:
        """Token ids of a plain prompt: with the tokens that the tokenizer puts in front, at least one, no end token.

        Raises
        ------
        BackendError : the prompt is empty and the tokenizer has no token to begin with.
        """
        ids: list[int] = self.tokenizer(text)["input_ids"]
        plain: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) > len(plain) and ids[-1] in self.vocabulary.eos_ids and plain == ids[-len(plain) - 1 : -1]:
            ids = ids[:-1]
        if not ids:
            start = self.tokenizer.bos_token_id
            if start is None and not self.vocabulary.eos_ids:
                raise BackendError("The prompt is empty, and the tokenizer has no token to begin with. Give a prompt.")
            ids = [self.vocabulary.eos_ids[0] if start is None else start]
        return ids

    def encode_chat(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Token ids of a conversation in the tokenizer's chat template, up to where the answer begins.

        Raises
        ------
        BackendError : the tokenizer has no chat template, or the template refuses the messages.
        """
        if not self.has_chat_template:
            raise BackendError(
                "The tokenizer has no chat template. Give the prompt as text, or set tokenizer.chat_template."
            )
        try:
            text = self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        except ImportError as error:
            raise BackendMissing("jinja2", "models") from error
        except Exception as error:  # templates raise what they like
            raise BackendError(f"The chat template refuses the messages: {error}") from error
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def cut(self, text: str) -> list[int]:
        """Token ids of a text alone, none put in front; none without a tokenizer."""
        if self.tokenizer is None:
            return []
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.floating[Any]]:
        """The log-probabilities of the next token, (n, width) float32 (float64 for a float64 model), nats.

        Padding columns get -inf before normalising. Each prefix keeps a handle to its keys and values.

        Raises
        ------
        PromptTooLong : a prefix is longer than the model's context.
        BackendError : a prefix is empty.
        """
        return np.concatenate(self.logp_along(prefixes, [0] * len(prefixes)))

    def logp_along(self, paths: Sequence[Prefix], ns: Sequence[int]) -> list[NDArray[np.floating[Any]]]:
        """The rows behind the last tokens of every path, (n + 1, width) for its n < len(path); else as `logp_next`."""
        import torch

        unique = {(path.tokens, n): path for path, n in zip(paths, ns, strict=True)}
        if len(unique) < len(paths):
            found = dict(zip(unique, self.logp_along(list(unique.values()), [n for _, n in unique]), strict=True))
            self.usage.asked += sum(map(len, paths)) - sum(map(len, unique.values()))
            for path, n in zip(paths, ns, strict=True):
                path.cache = unique[path.tokens, n].cache
            return [found[path.tokens, n] for path, n in zip(paths, ns, strict=True)]
        level = self._levelled(paths, ns)
        groups: dict[tuple[bool, int, int], list[int]] = {}
        for i, (prefix, n) in enumerate(level):
            self._recall(prefix)
            known = self._known(prefix, n)
            alike = 0 if self._keeps and not known else len(prefix) - known  # padding is for attention, and on the left
            groups.setdefault((known > 0, alike, n), []).append(i)
        rows: dict[int, NDArray[np.floating[Any]]] = {}
        with torch.inference_mode():
            for (_, _, n), members in groups.items():
                rows.update(zip(members, self._forward([level[i][0] for i in members], n), strict=True))
        for path, (prefix, _) in zip(paths, level, strict=True):
            path.cache = prefix.cut(len(path)).cache
        return [rows[i][: n + 1] for i, n in enumerate(ns)]

    def _levelled(self, paths: Sequence[Prefix], ns: Sequence[int]) -> list[tuple[Prefix, int]]:
        """The paths, with tokens at their ends so that all ask for equally many rows where the context has room."""
        most, level = max(ns, default=0), list[tuple[Prefix, int]]()
        for path, n in zip(paths, ns, strict=True):
            if len(path) <= n:
                raise BackendError("Expected a prefix of at least one token; begin with the tokenizer's BOS token.")
            if self.context is not None and len(path) > self.context:
                raise PromptTooLong(len(path), 0, self.context)
            more = most - n if self.context is None or len(path) + most - n <= self.context else 0
            level.append((Prefix(path.tokens + more * path.tokens[-1:], path.cache), n + more))
        return level

    def _recall(self, prefix: Prefix) -> None:
        """Give a prefix without a handle the longest beginning that a row of the last batches has of it."""
        if not self._keeps or (isinstance(prefix.cache, _Handle) and prefix.cache.kept.owner is self):
            return
        rows = [(_common(row, prefix.tokens), k, kept) for kept in self._recent for k, row in enumerate(kept.tokens)]
        n, k, kept = max(rows, key=lambda found: found[0], default=(0, 0, None))
        if n > 0 and kept is not None:
            prefix.cache = _Handle(kept, k, n)

    def _remember(self, kept: _Kept) -> None:
        """Keep a batch, and of those before it as many as there is room for."""
        recent, room = [], self.keep_tokens
        for batch in (kept, *self._recent):
            room -= batch.size
            if room < 0:
                break
            recent.append(batch)
        self._recent = tuple(recent)

    def _known(self, prefix: Prefix, n: int) -> int:
        """How many of the prefix's tokens need not be read again; the last n, and one before them, are read."""
        handle = prefix.cache
        own = isinstance(handle, _Handle) and handle.kept.owner is self
        return min(handle.n, len(prefix) - 1 - n) if own else 0

    def _forward(self, prefixes: Sequence[Prefix], n: int) -> NDArray[np.floating[Any]]:
        """One call of the model, the rows of the last n + 1 tokens, (len(prefixes), n + 1, width): either all prefixes
        are read whole, or all have equally many new tokens.
        """
        import torch

        device = self.model.get_input_embeddings().weight.device
        known = [self._known(p, n) for p in prefixes]
        lengths = [len(p) for p in prefixes]
        past, new = max(known), max(length - k for length, k in zip(lengths, known, strict=True))
        self.usage.calls += 1
        self.usage.asked += sum(lengths)
        self.usage.computed += sum(lengths) - sum(known)
        ids = torch.zeros((len(prefixes), new), dtype=torch.long)
        for i, (prefix, k) in enumerate(zip(prefixes, known, strict=True)):
            fresh = torch.tensor(prefix.tokens[k:])
            ids[i, new - len(fresh) :] = fresh
        columns = torch.arange(past + new) - (past + new - torch.tensor(lengths))[:, None]  # position of each column
        inputs: dict[str, Any] = {
            "input_ids": ids.to(device),
            "attention_mask": (columns >= 0).long().to(device),
            "use_cache": self._keeps,
        }
        if self._takes_positions:
            inputs["position_ids"] = columns[:, past:].clamp(min=0).to(device)
        if self._takes_keep:
            inputs["logits_to_keep"] = n + 1
        if self._keeps:
            inputs["past_key_values"] = self._gather(prefixes, known)
        logits = self.model(**inputs).logits[:, -n - 1 :]
        if self._keeps:
            kept = _Kept(self, inputs["past_key_values"], tuple(p.tokens for p in prefixes))
            self._remember(kept)
            for i, prefix in enumerate(prefixes):
                prefix.cache = _Handle(kept, i, len(prefix))
        return self._normalise(logits)

    def _normalise(self, logits: torch.Tensor) -> NDArray[np.floating[Any]]:
        """Log-probabilities, in float32 at least; padding columns get none."""
        import torch

        if logits.shape[-1] != self.vocabulary.width:
            raise BackendMismatch(f"Expected {self.vocabulary.width} logits a row, the model gave {logits.shape[-1]}.")
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32), copy=True)
        logits[..., self.vocabulary.size :] = -torch.inf
        rows: NDArray[np.floating[Any]] = torch.log_softmax(logits, -1).cpu().numpy()
        return rows

    def _gather(self, prefixes: Sequence[Prefix], known: Sequence[int]) -> Any:
        """A cache whose row i holds the first `known[i]` tokens of prefix i; a step does not change what others see."""
        from transformers import DynamicCache

        cache = DynamicCache()
        if not max(known):
            return cache
        handles: list[_Handle] = [p.cache for p in prefixes]
        kept = handles[0].kept
        whole = all(h.kept is kept and n == kept.lengths[h.row] for h, n in zip(handles, known, strict=True))
        rows = [h.row for h in handles]
        if whole and rows == list(range(len(kept.lengths))):
            return _shallow(kept.cache)
        for k in range(len(kept.cache.layers)):
            if whole:
                layer, lo = kept.cache.layers[k], max(kept.lengths) - max(known)
                keys, values = layer.keys[rows, :, lo:], layer.values[rows, :, lo:]
            else:
                keys = _stack([_columns(h.kept, k, h.row, n)[0] for h, n in zip(handles, known, strict=True)])
                values = _stack([_columns(h.kept, k, h.row, n)[1] for h, n in zip(handles, known, strict=True)])
            cache.update(keys, values, k)
        return cache


def _common(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    lo, hi = 0, min(len(one), len(two))
    while lo < hi:
        middle = (lo + hi + 1) // 2
        lo, hi = (middle, hi) if one[lo:middle] == two[lo:middle] else (lo, middle - 1)
    return lo


def _columns(kept: _Kept, layer: int, row: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first n tokens' keys and values of a row, (heads, n, dim) each."""
    pair = kept.cache.layers[layer]
    lo = pair.keys.shape[2] - kept.lengths[row]
    return pair.keys[row, :, lo : lo + n], pair.values[row, :, lo : lo + n]


def _stack(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The parts, (heads, n, dim) each, as rows of one tensor, padded with zeros on the left."""
    width = max(part.shape[1] for part in parts)
    out = parts[0].new_zeros((len(parts), parts[0].shape[0], width, parts[0].shape[2]))
    for row, part in zip(out, parts, strict=True):
        row[:, width - part.shape[1] :] = part
    return out


def _shallow(cache: Any) -> Any:
    """A cache with the same tensors; appending makes new ones, so the old cache keeps what it has."""
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


def require_library(*names: str) -> None:
    """Raise `BackendMissing` for the first library that cannot be imported."""
    for name in names:
        try:
            __import__(name)
        except ImportError as error:
            raise BackendMissing(name, "models") from error


def _has_layered_cache() -> bool:
    """Whether this transformers keeps caches by layers; with older ones prefixes are read anew at every step."""
    from transformers import DynamicCache

    return hasattr(DynamicCache(), "layers")


def _logits_width(model: Any) -> int:
    head = model.get_output_embeddings()
    return int(model.config.get_text_config().vocab_size if head is None else head.weight.shape[0])


def _read_vocabulary(model: Any, tokenizer: Any) -> Vocabulary:
    """The tokenizer's vocabulary, as wide as the logits, with every EOS id that model or tokenizer name."""
    width = _logits_width(model)
    size = 1 + max(tokenizer.get_vocab().values(), default=-1)
    if size > width:
        raise BackendMismatch(
            f"The tokenizer has ids up to {size - 1}, the model's logits only {width} columns. Is it this model's "
            f"tokenizer? For added tokens call model.resize_token_embeddings({size})."
        )
    named: list[int] = []
    for holder in (getattr(model, "generation_config", None), model.config, tokenizer):
        eos = getattr(holder, "eos_token_id", None)
        named.extend(eos if isinstance(eos, Iterable) else [] if eos is None else [eos])
    return Vocabulary.from_tokenizer(tokenizer, width, eos_ids=sorted({t for t in named if 0 <= t < width}))
