"""Answers: what the endpoints send, whole or in pieces."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ..generation import Generation
from .plan import Plan
from .tools import message_of


def new_id(prefix: str) -> str:
    """A name for an answer."""
    return f"{prefix}{uuid.uuid4().hex}"


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def sse(data: Any, event: str | None = None) -> bytes:
    """One event of a stream."""
    head = f"event: {event}\n" if event else ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{head}data: {text}\n\n".encode()


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Tokens, counted."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def extension(generation: Generation) -> dict[str, Any]:
    """The receipt of the enforcement, and the weights."""
    receipt, ledger = generation.receipt, generation.ledger
    drafted = {} if receipt.tokens_per_pass is None else {"tokens_per_pass": receipt.tokens_per_pass}
    return drafted | {
        "constraint": receipt.constraint,
        "accepted": receipt.accepted,
        "exact": receipt.exact,
        "tokens_masked": receipt.tokens_masked,
        "guard_checks": receipt.checks,
        "logprob": generation.logprob,
        "logw": generation.logw,
        "weights": ledger.weights,
    }


class Collected:
    """What came of one plan: the text, cut at a stop text if there is one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.text = ""
        self.prompt_tokens = 0
        self.generation: Generation | None = None
        self.stopped = False
        self._sent = 0

    def add(self, text: str, generation: Generation | None) -> str:
        """Take a piece; what of the text may be sent now. What may become a stop text is held back."""
        self.text += text
        self.generation = generation
        found = [at for stop in self.plan.stop if (at := self.text.find(stop)) >= 0]
        if found:
            self.text, self.stopped = self.text[: min(found)], True
        hold = 0 if generation is not None or found else max((len(s) - 1 for s in self.plan.stop), default=0)
        end = max(self._sent, len(self.text) - hold)
        piece, self._sent = self.text[self._sent : end], end
        return piece

    @property
    def n_tokens(self) -> int:
        """Tokens generated, as far as they are known."""
        return len(self.generation.tokens) if self.generation else 0

    @property
    def reason(self) -> str:
        """The finish reason in OpenAI's words."""
        return "stop" if self.stopped or self.generation is None else self.generation.finish_reason

    def chat_choice(self, index: int) -> dict[str, Any]:
        """A choice of a chat completion."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        reason = self.reason
        if self.plan.tools is not None and reason == "stop":
            message = message_of(self.plan.tools, self.text)
            reason = "tool_calls" if "tool_calls" in message else reason
        return self._with_receipt({"index": index, "message": message, "finish_reason": reason, "logprobs": None})

    def completion_choice(self, index: int) -> dict[str, Any]:
        """A choice of a completion."""
        choice = {"index": index, "text": self.text, "finish_reason": self.reason, "logprobs": None}
        return self._with_receipt(choice)

    def _with_receipt(self, choice: dict[str, Any]) -> dict[str, Any]:
        return choice if self.generation is None else choice | {"syntagma": extension(self.generation)}


def response(ident: str, model: str, done: Collected | None, status: str) -> dict[str, Any]:
    """A response object, finished or not."""
    answer: dict[str, Any] = {
        "id": ident,
        "object": "response",
        "created_at": now(),
        "status": status,
        "model": model,
        "output": [],
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "temperature": None,
        "top_p": None,
        "usage": None,
    }
    if done is not None and done.generation is not None:
        counts = {"input_tokens": done.prompt_tokens, "output_tokens": done.n_tokens}
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        answer["output"] = [output_item(ident, done.text, status)]
        answer["usage"] = counts | details | {"total_tokens": done.prompt_tokens + done.n_tokens}
        answer["syntagma"] = extension(done.generation)
    return answer


def output_item(ident: str, text: str | None, status: str) -> dict[str, Any]:
    """The one message of a response."""
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": f"msg_{ident[5:]}", "type": "message", "role": "assistant", "status": status, "content": content}
