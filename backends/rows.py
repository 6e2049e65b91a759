"""Rows: prompts as plain data in, answers as plain data out, many at the same time.

A row is a mapping with
    prompt    text, given to the model as a user's message; or
    messages  a conversation: a list of messages with role and content
    schema    optional: a JSON Schema of its own, instead of the output for all
    seed      optional: makes its answer repeatable
    id        optional: handed on
Its answer has the `id`, and either `text`, `value` (of JSON that is complete), `finish_reason`, `tokens` (their
number), `logprob` and `logw` (nats), or an `error` with `type` and `message`: where a row is wrong or its text meets a
dead end, the others go on.

Laws
    1. Answers come in the order of the rows, one for each. 2. With a seed, an answer is a function of its row, up to
    the model's rounding: not of the rows beside it. 3. JSON and UTF-8 can hold what an answer has of its row.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..errors import BackendError, SyntagmaError
from ..sampling.decode import Sampler
from .constraint_spec import ConstraintSpec
from .generator import Generator
from .output import Output, compiled, output_of
from .server.batcher import Batcher, Session

if TYPE_CHECKING:
    from .generation import Generation
    from .prompt import Prompt, TextModel

T = TypeVar("T")

#: Fields by which servers take other constraints; here they would be ignored, so they are refused.
_FOREIGN = frozenset({"choice", "ebnf", "grammar", "json_schema", "regex", "response_format", "structured_outputs"})


class RowError(BackendError):
    """A row does not say what to do."""


class RowAnswerer:
    """Answers rows with one model; `close`, or `with`, ends its threads.

    Parameters
    ----------
    output : what the answers to rows without a schema are to be, see `output_of`; `None`: every row needs one.
    sampler : makes the sampler of a row.
    max_tokens, show_schema : as in `Generator`.
    profile : how the rows' schemas are read.
    concurrency : rows that run at the same time.

    Raises
    ------
    GrammarError, BudgetExceeded : `output` cannot be compiled.
    """

    def __init__(
        self,
        model: TextModel,
        output: Any,
        sampler: Callable[[], Sampler],
        *,
        max_tokens: int | None = None,
        show_schema: bool | None = None,
        profile: Literal["generation", "spec"] = "generation",
        concurrency: int = 16,
    ) -> None:
        self._output = None if output is None else output_of(output)
        if self._output is not None:
            compiled(self._output.constraint, model.vocabulary, b"", None)
        self._sampler = sampler
        self._options: dict[str, Any] = {"max_tokens": max_tokens, "show_schema": show_schema}
        self._profile = profile
        #: The output of a schema: the same object for the same text, so that its automaton is found again.
        self.output_of_schema = lru_cache(maxsize=64)(self._read_schema)
        self._batcher = Batcher(model)
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency)

    def answers(self, items: Iterable[T], read: Callable[[T], Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The answers to the rows that `read` makes of the items, in order; some more than run are under way.

        `read` is called in the row's own thread; its `ValueError` is the row's error.
        """
        waiting: deque[Future[dict[str, Any]]] = deque()
        for item in items:
            waiting.append(self._pool.submit(self._answer, item, read))
            if len(waiting) > 4 * self._concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        """End the threads; rows under way come to nothing."""
        self._batcher.close()
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> RowAnswerer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, item: T, read: Callable[[T], Mapping[str, Any]]) -> dict[str, Any]:
        head: dict[str, Any] = {}
        self._batcher.count(1)
        try:
            row = read(item)
            _check_text(row)
            head = {"id": row["id"]} if "id" in row else {}
            return head | self._generate(row)
        except (SyntagmaError, ValueError, RecursionError) as error:
            return head | {"error": {"type": type(error).__name__, "message": str(error)}}
        finally:
            self._batcher.count(-1)

    def _generate(self, row: Mapping[str, Any]) -> dict[str, Any]:
        output = self._output_of_row(row)
        session = Session(self._batcher, math.inf)
        generator = Generator(session, output.constraint, self._sampler(), **self._options)
        return _fields(generator(_prompt(row), seed=_seed(row)), output.is_json)

    def _output_of_row(self, row: Mapping[str, Any]) -> Output:
        if foreign := sorted(_FOREIGN & row.keys()):
            raise RowError(f"A row takes no `{foreign[0]}`. Give it a `schema`, or one constraint for all rows.")
        schema = row.get("schema")
        if schema is not None:
            return self.output_of_schema(json.dumps(schema))
        if self._output is None:
            raise RowError("The row has no schema, and none was given for all.")
        return self._output

    def _read_schema(self, text: str) -> Output:
        return output_of(ConstraintSpec("json", text, profile=self._profile).constraint())


def _check_text(row: Mapping[str, Any]) -> None:
    """See that UTF-8 can hold the row's text and JSON its numbers."""
    try:
        json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise RowError(f"Expected a row of Unicode text and finite numbers: {error}.") from error


def _prompt(row: Mapping[str, Any]) -> Prompt:
    """A row's prompt: messages as they are, a text as a user's message."""
    prompt, messages = row.get("prompt"), row.get("messages")
    if isinstance(prompt, str) and messages is None:
        return [{"role": "user", "content": prompt}]
    if isinstance(messages, list) and messages and prompt is None and all(isinstance(m, dict) for m in messages):
        return messages
    raise RowError("Expected a row with a `prompt` (text) or `messages`.")


def _seed(row: Mapping[str, Any]) -> int | None:
    seed = row.get("seed")
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0):
        return seed
    raise RowError(f"Expected `seed` to be an integer of 0 or above, got {seed!r}.")


def _fields(result: Generation, is_json: bool) -> dict[str, Any]:
    value = {"value": json.loads(result.text)} if is_json and result.finish_reason == "stop" else {}
    counts = {"tokens": len(result.tokens), "logprob": result.logprob, "logw": result.logw}
    return {"text": result.text, "finish_reason": result.finish_reason} | value | counts
