"""Ray Data: datasets of prompts to datasets of answers, by many workers.

A dataset's rows have the fields of `rows.py` as columns: `prompt` (text) or `messages` (a list of structs, or JSON
text), and optionally `schema` (JSON text) and `seed`. What else they have is handed on. Each answer adds

    text     string   the text, null where the row failed
    status   string   "ok", "length" (the tokens ran out, the text is incomplete) or "error"
    error    string   what was wrong with the row, else null
    tokens   int64    how many the text took, null where the row failed
    logprob  float64  log-probability of the tokens under the model, nats
    logw     float64  log weight, nats; see `Generation.logw`

A worker keeps its model, and the automata of the last 64 schemas, from batch to batch. It counts `syntagma_rows`, by
status, and `syntagma_tokens` among Ray's metrics, beside Ray's own progress bars.

Schemas are text, because Arrow gives all objects of a column the same fields: a schema would come back with others'
keywords, set to null.

Law: with a seed, an answer is a function of its row, up to the model's rounding: not of how the dataset was cut into
batches, nor of workers that were lost and batches that ran again. Equal rows have equal answers; a column `seed` tells
them apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BackendError, BackendMissing
from ..sampling.decode import Sampler
from ..sampling.masking import Masking
from .load import load
from .rows import RowAnswerer, RowError

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

    from .prompt import TextModel

_READ = ("prompt", "messages", "schema", "seed")
_COUNTS = ("tokens", "logprob", "logw")


class RowWorker:
    """Answers Arrow tables of rows: a callable class for `Dataset.map_batches(..., batch_format="pyarrow")`.

    Parameters
    ----------
    model : a name for `load`, or a function that makes a model.
    output : what the answers to rows without a schema are to be, see `output_of`; `None`: every row needs one.
    sampler : makes the sampler of a row.
    seed : makes answers repeatable, row by row.
    max_tokens, show_schema : as in `Generator`.
    profile : how the rows' schemas are read.
    concurrency : rows of a batch that run at the same time.
    prefix : begins the names of the columns that are added.

    Raises
    ------
    GrammarError, BudgetExceeded : `output` cannot be compiled.
    BackendMissing : ray is not installed.
    """

    def __init__(
        self,
        model: str | Callable[[], TextModel] = "embedded",
        output: Any = None,
        sampler: Callable[[], Sampler] = Masking,
        *,
        seed: int | None = None,
        max_tokens: int | None = None,
        show_schema: bool | None = None,
        profile: Literal["generation", "spec"] = "generation",
        concurrency: int = 16,
        prefix: str = "",
    ) -> None:
        self._seed = seed
        self._prefix = prefix
        self._count = _counter()
        self._rows = RowAnswerer(
            load(model) if isinstance(model, str) else model(),
            output,
            sampler,
            max_tokens=max_tokens,
            show_schema=show_schema,
            profile=profile,
            concurrency=concurrency,
        )

    def __call__(self, table: pa.Table) -> pa.Table:
        """The table with the answers' columns behind its own.

        Raises
        ------
        BackendError : the table has no prompts, or has a column of an answer's name already; it is no Arrow table.
        """
        import pyarrow as pa

        if not isinstance(table, pa.Table):
            raise BackendError(f'Expected an Arrow table, got {type(table).__name__}. Pass batch_format="pyarrow".')
        rows = table.select([name for name in _READ if name in self._checked(table)]).to_pylist()
        answers = list(self._rows.answers(rows, self._read))
        self._count(answers)
        columns: dict[str, Any] = {
            "text": pa.array([answer.get("text") for answer in answers], pa.string()),
            "status": pa.array(map(_status, answers), pa.string()),
            "error": pa.array([answer.get("error", {}).get("message") for answer in answers], pa.string()),
            "tokens": pa.array([answer.get("tokens") for answer in answers], pa.int64()),
            "logprob": pa.array([answer.get("logprob") for answer in answers], pa.float64()),
            "logw": pa.array([answer.get("logw") for answer in answers], pa.float64()),
        }
        for name, column in columns.items():
            table = table.append_column(self._prefix + name, column)
        return table

    def _checked(self, table: pa.Table) -> list[str]:
        """The table's columns, of which all is well."""
        names: list[str] = table.column_names
        if "prompt" not in names and "messages" not in names:
            raise BackendError(f"Expected a column `prompt` or `messages`, got {', '.join(names)}.")
        for name in ("text", "status", "error", *_COUNTS):
            if self._prefix + name in names:
                raise BackendError(f"There is a column `{self._prefix + name}` already. Rename it, or pass prefix=.")
        return names

    def _read(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """A row of a table as `rows.py` has it: without nulls, with JSON read, with a seed."""
        row = {name: value for name, value in found.items() if value is not None}
        if (schema := row.get("schema")) is not None:
            if not isinstance(schema, str):
                raise RowError(f"Expected `schema` as JSON text, got {type(schema).__name__}: Arrow would mix fields.")
            row["schema"] = json.loads(schema)
        if (messages := row.get("messages")) is not None:
            row["messages"] = json.loads(messages) if isinstance(messages, str) else _without_nulls(messages)
        if self._seed is not None and "seed" not in row:
            digest = hashlib.sha256(json.dumps([self._seed, row], sort_keys=True).encode())
            row["seed"] = int.from_bytes(digest.digest()[:6], "big")
        return row


def answer_rows(
    rows: Dataset, model: str | Callable[[], TextModel] = "embedded", output: Any = None, **options: Any
) -> Dataset:
    """The dataset with an answer in every row, made when it is read.

    Parameters
    ----------
    options : those of `RowWorker`; and for `Dataset.map_batches`: `workers` (how many, 1 unless told otherwise, or
        the least and the most), `batch_size` (rows that a worker takes at a time, 64), `num_cpus`, `num_gpus` and
        whatever else it takes.
    """
    import ray.data

    own = ("sampler", "seed", "max_tokens", "show_schema", "profile", "concurrency", "prefix")
    arguments = {"model": model, "output": output} | {name: options.pop(name) for name in own if name in options}
    workers = options.pop("workers", 1)
    lo, hi = (workers, workers) if isinstance(workers, int) else workers
    return rows.map_batches(
        RowWorker,
        fn_constructor_kwargs=arguments,
        batch_format="pyarrow",
        batch_size=options.pop("batch_size", 64),
        compute=ray.data.ActorPoolStrategy(min_size=lo, max_size=hi),
        **options,
    )


def _status(answer: Mapping[str, Any]) -> str:
    if "error" in answer:
        return "error"
    return "ok" if answer["finish_reason"] == "stop" else "length"


def _without_nulls(messages: Any) -> Any:
    """The messages without the fields that only others of their column have."""
    return [{name: value for name, value in message.items() if value is not None} for message in messages]


def _counter() -> Callable[[list[dict[str, Any]]], None]:
    """Counts answers among Ray's metrics."""
    try:
        from ray.util.metrics import Counter
    except ImportError as error:
        raise BackendMissing("ray", "ray") from error
    rows = Counter("syntagma_rows", "Rows answered, by status.", tag_keys=("status",))
    tokens = Counter("syntagma_tokens", "Tokens of the answers.")

    def count(answers: list[dict[str, Any]]) -> None:
        for answer in answers:
            rows.inc(1, {"status": _status(answer)})
        if total := sum(answer.get("tokens", 0) for answer in answers):
            tokens.inc(total)

    return count
