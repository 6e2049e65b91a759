"""Ray Data with two workers: every row once, valid or with an error of its own, also when a worker is killed.

Run by `make ray-test`, in an environment that has Ray.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray.data", reason="install syntagma[ray], or run: make ray-test")

import pyarrow as pa
import ray.data
from oracles.byte_model import ByteModel

import syntagma as sg
from syntagma.backends.ray import RowWorker, answer_rows

# Ray leaves sockets and processes to the end of the interpreter
pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("ignore")]

SCHEMAS = [
    {"enum": ["yes", "no"]},
    {"type": "integer", "minimum": 0, "maximum": 99},
    {"type": "string", "maxLength": 5},
    {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
]
BAD = {"type": "nonsense"}


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    os.environ["OMP_NUM_THREADS"] = "1"
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    # workers hold two, the tasks that read need others; as urgent as the tests, else they starve beside anything else
    ray.init(num_cpus=4, _system_config={"worker_niceness": 0}, **quiet)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def rows(n=60):
    """Rows with schemas of their own, every tenth with none and every tenth with a wrong one."""
    made = []
    for i in range(n):
        schema = SCHEMAS[i % len(SCHEMAS)] if i % 10 else None if i % 20 else BAD
        made.append({"n": i, "prompt": f"row {i}", "schema": schema and json.dumps(schema)})
    return made


class Noting(ByteModel):
    """Leaves a file with its process's number; kills its process at row 33, once."""

    def __init__(self, folder, deadly=False):
        super().__init__()
        self.folder = folder
        self.deadly = deadly
        (folder / str(os.getpid())).touch()

    def encode_chat(self, messages):
        if self.deadly and "row 33" in messages[0]["content"] and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_chat(messages)


def answered(folder, **options):
    given = {"workers": 2, "batch_size": 8, "seed": 5, "max_tokens": 60} | options
    deadly = given.pop("deadly", False)
    data = ray.data.from_items(rows(), override_num_blocks=8)
    found = answer_rows(data, partial(Noting, folder, deadly), sg.Regex("[ab]{6}"), **given).take_all()
    return sorted(found, key=lambda row: row["n"])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noted")
    return answered(folder), len(list(folder.iterdir()))


def test_two_workers_answer_every_row_once(found):
    jsonschema = pytest.importorskip("jsonschema", reason="install syntagma[test]")
    answers, n_workers = found
    assert n_workers == 2
    assert [row["n"] for row in answers] == list(range(60))
    assert Counter(row["status"] for row in answers) == {"ok": 57, "error": 3}
    for row in answers:
        if row["status"] == "error":
            assert row["n"] % 20 == 0
            assert "nonsense" in row["error"]
            assert row["text"] is row["tokens"] is row["logprob"] is None
            continue
        assert row["error"] is None
        assert row["tokens"] > 0
        if row["schema"] is None:
            assert re.fullmatch("[ab]{6}", row["text"])
        else:
            jsonschema.validate(json.loads(row["text"]), json.loads(row["schema"]))


def test_answers_do_not_depend_on_workers_and_batches(found, tmp_path):
    assert answered(tmp_path, workers=1, batch_size=23, concurrency=2) == found[0]


def test_a_worker_that_is_killed_loses_and_repeats_nothing(found, tmp_path):
    assert answered(tmp_path, deadly=True) == found[0]
    assert (tmp_path / "killed").exists()


@pytest.fixture(scope="module")
def worker():
    return RowWorker(ByteModel, sg.Regex("[ab]{3}"), seed=1)


def test_columns_are_handed_on_and_typed(worker):
    table = pa.table({"prompt": ["a", "b", "a"], "label": pa.array([1, 2, 3], pa.int8())})
    answers = worker(table)
    assert answers.column_names == ["prompt", "label", "text", "status", "error", "tokens", "logprob", "logw"]
    assert answers.select(["prompt", "label"]).equals(table)
    assert answers.schema.field("error").type == pa.string()
    one, other, same = answers["text"].to_pylist()
    assert one == same != other
    assert worker(table.slice(0, 0)).schema == answers.schema
    seeded = worker(table.append_column("seed", pa.array([1, 2, 3])))["text"].to_pylist()
    assert len(set(seeded)) == 3


def test_conversations(worker):
    system, user = {"role": "system", "content": "s"}, {"role": "user", "content": "u", "name": "n"}
    structs = worker(pa.table({"messages": [[system, user], [user]]}))
    texts = worker(pa.table({"messages": [json.dumps([system, user]), json.dumps([user])]}))
    assert structs["text"].to_pylist() == texts["text"].to_pylist()
    assert set(structs["status"].to_pylist()) == {"ok"}


ODD = {
    "schema": {"prompt": "a", "schema": "{"},
    "no prompt": {"prompt": None},
    "messages": {"messages": "{}"},
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_wrong_with_a_row_stands_in_it(worker, name):
    assert worker(pa.Table.from_pylist([ODD[name]]))["status"].to_pylist() == ["error"]


def test_schemas_that_arrow_would_mix_are_refused(worker):
    table = pa.Table.from_pylist(
        [{"prompt": "a", "schema": {"enum": ["b"]}}, {"prompt": "a", "schema": {"type": "null"}}]
    )
    assert all("JSON text" in error for error in worker(table)["error"].to_pylist())


def test_texts_that_are_cut_off_say_so():
    worker = RowWorker(ByteModel, sg.Lark('start: /a+/ "b"'), partial(sg.Masking, temperature=1.0), max_tokens=40)
    assert set(worker(pa.table({"prompt": ["a"] * 4}))["status"].to_pylist()) <= {"ok", "length"}


def test_tables_that_cannot_be_answered(worker):
    with pytest.raises(sg.BackendError, match="column `prompt` or `messages`, got label"):
        worker(pa.table({"label": [1]}))
    with pytest.raises(sg.BackendError, match=r"column `status` already.*prefix"):
        worker(pa.table({"prompt": ["a"], "status": [1]}))
    with pytest.raises(sg.BackendError, match="pyarrow"):
        worker({"prompt": ["a"]})
    named = RowWorker(ByteModel, sg.Regex("a"), prefix="answer_")(pa.table({"prompt": ["a"], "status": [1]}))
    assert named["answer_status"].to_pylist() == ["ok"]
    with pytest.raises(sg.GrammarError):
        RowWorker(ByteModel, sg.JsonSchema(BAD))


def test_the_page_is_right(tmp_path):
    (tmp_path / "prompts.jsonl").write_text(
        '{"id": 7, "prompt": "Ada Lovelace is 36 years old and lives in London."}\n'
        '{"id": 8, "prompt": "Yes or no?", "schema": {"enum": ["yes", "no"]}}\n'
    )
    page = Path(__file__).parents[2] / "docs" / "howto" / "ray.md"
    namespace = {"__name__": "page"}
    for block in re.findall(r"^```py\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(block.replace("/data", str(tmp_path)), namespace)
    (file,) = (tmp_path / "answers").glob("*.json")
    first, second = sorted(map(json.loads, file.read_text().splitlines()), key=lambda row: row["id"])
    assert json.loads(first["text"]) == {"name": "Ada Lovelace", "age": 36, "city": "London"}
    assert json.loads(second["text"]) in ("yes", "no")
