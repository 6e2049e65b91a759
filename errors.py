"""Errors: everything that syntagma raises on purpose.

    SyntagmaError
    ├─ GrammarError (ValueError)        the text is wrong: source, span or JSON pointer
    │   ├─ GrammarSyntaxError
    │   ├─ UnsupportedFeature           names the feature; never silently ignored
    │   └─ EmptyLanguage                no string satisfies it
    ├─ BudgetExceeded                   what, needed, limit
    ├─ VocabularyError (ValueError)     tokenizer and grammar do not fit
    ├─ SamplingError
    │   └─ DeadEnd                      prefix, state: no token may follow
    │       └─ AllParticlesDied         step
    └─ BackendError
        ├─ BackendMissing (ImportError) which extra to install
        ├─ BackendMismatch              logits shape or dtype against the vocabulary
        └─ PromptTooLong                by how many tokens

An error says what was found, what was expected, where, and the next step if one is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

#: What stood in the way: pointer and keyword of a guard, ("where", name) of a predicate, ("critic", class) of a critic.
Refusal: TypeAlias = tuple[str, str]


class SyntagmaError(Exception):
    """Base of all errors raised on purpose."""


class GrammarError(SyntagmaError, ValueError):
    """A grammar or schema cannot be used as given.

    Parameters
    ----------
    message : what is wrong and what to do.
    source, offset : the grammar's text and the character offset of the fault; they give line, column and caret.
    pointer : a JSON pointer such as "#/properties/age", for schemas.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        offset: int | None = None,
        pointer: str | None = None,
    ) -> None:
        self.message = message
        self.source = source
        self.offset = offset
        self.pointer = pointer
        super().__init__(message)

    @property
    def line(self) -> int | None:
        """Line of the fault, from 1."""
        if self.source is None or self.offset is None:
            return None
        return self.source.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int | None:
        """Column of the fault in characters, from 1."""
        if self.source is None or self.offset is None:
            return None
        return self.offset - (self.source.rfind("\n", 0, self.offset) + 1) + 1

    def __str__(self) -> str:
        text = self.message
        if self.pointer is not None:
            text += f" at {self.pointer}"
        if self.source is not None and self.offset is not None and self.line and self.column:
            lines = self.source.split("\n")
            row = lines[self.line - 1]
            start = max(0, self.column - 60)
            text += f" (line {self.line}, column {self.column})\n  {row[start : start + 100]}\n  "
            text += " " * (self.column - 1 - start) + "^"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.source, self.offset, self.pointer))


def _rebuild(
    cls: type[GrammarError], message: str, source: str | None, offset: int | None, pointer: str | None
) -> GrammarError:
    return cls(message, source=source, offset=offset, pointer=pointer)


class GrammarSyntaxError(GrammarError):
    """The text does not follow the syntax of its language."""


class UnsupportedFeature(GrammarError):
    """The text asks for something that has no exact translation here."""


class EmptyLanguage(GrammarError):
    """No string satisfies the constraint.

    Parameters
    ----------
    conflict : pointer and keyword of what contradicts each other, such as ("#", "minimum"), as far as that can be told.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        offset: int | None = None,
        pointer: str | None = None,
        conflict: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.conflict = tuple(conflict)
        super().__init__(message, source=source, offset=offset, pointer=pointer)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_empty, (self.message, self.source, self.offset, self.pointer, self.conflict))


def _rebuild_empty(
    message: str, source: str | None, offset: int | None, pointer: str | None, conflict: tuple[tuple[str, str], ...]
) -> EmptyLanguage:
    return EmptyLanguage(message, source=source, offset=offset, pointer=pointer, conflict=conflict)


class BudgetExceeded(SyntagmaError):
    """Compilation needs more than its limits allow."""

    def __init__(self, what: str, limit: float, hint: str = "raise it in `limits=`") -> None:
        self.what = what
        self.limit = limit
        self.hint = hint
        super().__init__(what, limit, hint)

    def __str__(self) -> str:
        return f"Compilation exceeds its limit on {self.what} ({self.limit:g}); {self.hint}."


class VocabularyError(SyntagmaError, ValueError):
    """The tokenizer cannot be used, or does not fit the constraint."""


class SamplingError(SyntagmaError):
    """Sampling could not go on."""


class DeadEnd(SamplingError):
    """No token may follow the text so far.

    Parameters
    ----------
    refused_by : what stood in the way, such as ("#/items", "uniqueItems") or ("where", "is_odd").
    """

    def __init__(self, text: str, reason: str = "", refused_by: Sequence[Refusal] = ()) -> None:
        self.text = text
        self.reason = reason
        self.refused_by = tuple(refused_by)
        super().__init__(text, reason, self.refused_by)

    def __str__(self) -> str:
        tail = self.text[-80:]
        return f"No token may follow {tail!r}." + (f" {self.reason}" if self.reason else "")


class AllParticlesDied(DeadEnd):
    """Every particle met a dead end.

    Parameters
    ----------
    refused_by : as of a `DeadEnd`, what killed most of them first.
    """

    def __init__(self, step: int, refused_by: Sequence[Refusal] = ()) -> None:
        super().__init__("", "", refused_by)
        self.step = step
        self.args = (step, self.refused_by)

    def __str__(self) -> str:
        names = ", ".join(f"`{what}` ({where})" for where, what in self.refused_by)
        killed = f", refused by {names}" if names else ""
        return f"All particles died at step {self.step}{killed}. Take more particles, or loosen constraint and critic."


class BackendError(SyntagmaError):
    """A model or server backend failed."""


class BackendMissing(BackendError, ImportError):
    """A library that the backend needs is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        self.library = library
        self.extra = extra
        super().__init__(library, extra)

    def __str__(self) -> str:
        return f"This needs {self.library}, which is not installed. Run: pip install 'syntagma[{self.extra}]'"


class BackendMismatch(BackendError):
    """The model's output does not fit the vocabulary."""


class PromptTooLong(BackendError):
    """The prompt and the tokens asked for exceed the model's context."""

    def __init__(self, prompt_tokens: int, max_tokens: int, context: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self.context = context
        super().__init__(prompt_tokens, max_tokens, context)

    def __str__(self) -> str:
        over = self.prompt_tokens + self.max_tokens - self.context
        return (
            f"The prompt has {self.prompt_tokens} tokens and {self.max_tokens} more were asked for: {over} over the "
            f"model's context of {self.context}. Shorten the prompt or lower max_tokens."
        )
