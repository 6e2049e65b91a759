"""Prompts: text, chat messages or token ids -> the tokens that the model reads.

Messages go through the model's chat template; a schema is shown at the end of the last user message. A plain text that
ends inside a token is *healed*: its last tokens are dropped as far as a token of the vocabulary spans the prompt's end,
and the text generated has to begin with the bytes dropped. That conditions the model on the prompt's bytes instead of
on one way to cut them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

import numpy as np

from ..errors import BackendError
from ..sampling.model import Model

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary

Message: TypeAlias = Mapping[str, Any]
#: A text, a conversation, or token ids.
Prompt: TypeAlias = str | Sequence[Message] | Sequence[int]


class TextModel(Model, Protocol):
    """A model that reads text and conversations."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a plain prompt, at least one."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation, up to where the answer begins."""


def is_chat(prompt: Prompt) -> TypeGuard[Sequence[Message]]:
    """Whether the prompt is a conversation."""
    return not isinstance(prompt, str) and len(prompt) > 0 and isinstance(prompt[0], Mapping)


def encode_prompt(model: Model | TextModel, prompt: Prompt, schema: Any, show_schema: bool | None) -> list[int]:
    """Token ids of a prompt, the schema shown as told; `None`: shown in conversations, not in text.

    Raises
    ------
    BackendError : the model does not read such prompts, there is no message to show the schema in, or the text is none.
    TypeError : the prompt is neither text, nor messages, nor token ids.
    """
    if isinstance(prompt, Mapping) or not isinstance(prompt, Sequence | np.ndarray):
        found = "one message: put it into a list" if isinstance(prompt, Mapping) else type(prompt).__name__
        raise TypeError(f"Expected a prompt as text, a list of messages or a list of token ids, got {found}.")
    _refuse_halves(prompt)
    wants = is_chat(prompt) if show_schema is None else show_schema
    shown = schema if wants else None
    if is_chat(prompt):
        encode_chat = getattr(model, "encode_chat", None)
        if encode_chat is None:
            raise BackendError(f"{type(model).__name__} reads no conversations. Give the prompt as text.")
        ids: list[int] = encode_chat(prompt if shown is None else with_schema(prompt, shown))
        return ids
    if isinstance(prompt, str):
        encode = getattr(model, "encode", None)
        if encode is None:
            raise BackendError(f"{type(model).__name__} has no tokenizer. Give the prompt as token ids.")
        ids = encode(prompt if shown is None else f"{prompt}{schema_note(shown)}\n")
        return ids
    if shown is not None and show_schema:
        raise BackendError("The schema cannot be shown in a prompt of token ids. Give text or messages.")
    if not all(isinstance(t, int | np.integer) for t in prompt):
        raise BackendError("Expected a prompt as text, as messages with role and content, or as token ids.")
    return [int(t) for t in prompt if not isinstance(t, Mapping)]


def _refuse_halves(prompt: Prompt) -> None:
    """No tokenizer reads half of a surrogate pair."""
    texts = [prompt] if isinstance(prompt, str) else []
    if is_chat(prompt):
        texts = [json.dumps(dict(message), ensure_ascii=False, default=str) for message in prompt]
    for k, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            where = f"message {k + 1}" if is_chat(prompt) else f"character {error.start + 1}"
            raise BackendError(f"The prompt holds half of a surrogate pair ({where}). Decode it anew.") from None


def schema_note(schema: Any) -> str:
    """The line that shows a schema."""
    return "\nAnswer with JSON for this schema: " + json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def with_schema(messages: Sequence[Message], schema: Any) -> list[Message]:
    """The messages, with the schema shown at the end of the last user message.

    Raises
    ------
    BackendError : no message is the user's.
    """
    shown = [dict(message) for message in messages]
    for message in reversed(shown):
        if message.get("role") == "user":
            note, content = schema_note(schema), message.get("content")
            is_parts = isinstance(content, list)
            message["content"] = [*content, {"type": "text", "text": note}] if is_parts else f"{content or ''}{note}"
            return list(shown)
    raise BackendError("No message has the role 'user' to show the schema in. Add one, or pass show_schema=False.")


def heal(vocabulary: Vocabulary, tokens: Sequence[int]) -> tuple[list[int], bytes]:
    """A prompt's tokens without those that a longer token may replace, and the bytes so dropped.

    As many are dropped as some token of the vocabulary has their bytes as a proper beginning; special tokens and the
    first token stay.

    Returns
    -------
    tokens, dropped : b"" if the prompt need not be healed.
    """
    longest = int(np.diff(vocabulary.token_start).max(initial=0))
    cut, dropped, tail = len(tokens), b"", b""
    for k in range(len(tokens) - 1, 0, -1):
        data = vocabulary.token_bytes(tokens[k])
        tail = data + tail
        if not data or len(tail) >= longest:
            break
        if _is_beginning(vocabulary, tail):
            cut, dropped = k, tail
    return list(tokens[:cut]), dropped


def _is_beginning(vocabulary: Vocabulary, data: bytes) -> bool:
    """Whether some token goes on behind these bytes."""
    ids = vocabulary.trie.token_ids
    at = bisect_right(ids, data, key=vocabulary.token_bytes)
    return at < len(ids) and vocabulary.token_bytes(int(ids[at])).startswith(data)
