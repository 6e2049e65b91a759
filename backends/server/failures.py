"""Failures: what went wrong, as HTTP status and in OpenAI's form."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ...errors import (
    BackendMismatch,
    BudgetExceeded,
    DeadEnd,
    GrammarError,
    PromptTooLong,
    SamplingError,
    SyntagmaError,
    VocabularyError,
)
from .batcher import Cancelled, TimedOut
from .constraint import BadRequest
from .jobs import Busy, Closing


class Refused(SyntagmaError):
    """The HTTP request itself is refused."""

    def __init__(self, status: int, message: str, code: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


#: The first class that fits says status and code; what is not listed is a fault of the server's.
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (BadRequest, 400, "bad_request"),
    (BudgetExceeded, 400, "constraint_too_large"),
    (GrammarError, 400, "invalid_constraint"),
    (VocabularyError, 400, "invalid_constraint"),
    (PromptTooLong, 400, "context_length_exceeded"),
    (DeadEnd, 422, "dead_end"),
    (SamplingError, 400, "max_tokens_too_small"),
    (Busy, 429, "queue_full"),
    (Closing, 503, "closing"),
    (TimedOut, 504, "timeout"),
    (Cancelled, 499, "cancelled"),
    (BackendMismatch, 500, "model_failed"),
    (SyntagmaError, 400, "bad_request"),
)


def failure(error: Exception) -> tuple[int, dict[str, Any]]:
    """Status and body; the inside of unexpected errors is not shown."""
    if isinstance(error, Refused):
        return error.status, _body(str(error), error.code, error.status)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or None
        what = "This field is not known" if first["type"] == "extra_forbidden" else first["msg"]
        return 400, _body(f"{what}: {where}" if where else what, "bad_request", 400, where)
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            parameter = getattr(error, "parameter", None)
            pointer = error.pointer if isinstance(error, GrammarError) else None
            return status, _body(str(error), code, status, parameter, pointer)
    return 500, _body("The server failed; its log says how.", "internal_error", 500)


def _body(message: str, code: str, status: int, param: str | None = None, pointer: str | None = None) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    error = {"message": message, "type": "rate_limit_error" if status == 429 else kind, "param": param, "code": code}
    return {"error": error | ({"pointer": pointer} if pointer else {})}
