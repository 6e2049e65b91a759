"""Ray's own batches over vLLM with the plugin: a schema per row, all answers valid.

Run by `make serve-test`, in an environment that has vLLM and Ray.
"""

from __future__ import annotations

import json
import os

import pytest
from oracles.served import ENVIRONMENT, need

pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("ignore")]

SCHEMAS = [
    {"enum": ["yes", "no"]},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 99}}, "required": ["a"]},
]


@pytest.fixture
def _cluster():
    need("vllm")
    ray = pytest.importorskip("ray", reason="run: make serve-test")
    os.environ.update(ENVIRONMENT)
    ray.init(num_cpus=4, include_dashboard=False, logging_level="ERROR", _system_config={"worker_niceness": 0})
    yield
    ray.shutdown()


@pytest.mark.usefixtures("_cluster")
def test_every_row_has_an_answer_of_its_schema(model_folder):
    jsonschema = pytest.importorskip("jsonschema", reason="install syntagma[test]")
    import ray.data
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig
    from vllm.plugins import load_general_plugins

    load_general_plugins()
    from vllm.config import StructuredOutputsConfig

    config = vLLMEngineProcessorConfig(
        model_source=str(model_folder),
        engine_kwargs={
            "dtype": "float32",
            "enforce_eager": True,
            "max_model_len": 512,
            "max_num_seqs": 8,
            "distributed_executor_backend": "uni",
            "structured_outputs_config": StructuredOutputsConfig(backend="syntagma"),
        },
        placement_group_config={"bundles": [{"CPU": 1}]},
        log_engine_metrics=False,
        concurrency=1,
        batch_size=8,
    )

    def request(row):
        outputs = {"json": row["schema"]}
        messages = [{"role": "user", "content": "Answer."}]
        return {"messages": messages, "sampling_params": {"max_tokens": 60, "structured_outputs": outputs}}

    answer = build_processor(
        config, preprocess=request, postprocess=lambda row: {key: row[key] for key in ("n", "schema", "generated_text")}
    )
    rows = [{"n": i, "schema": json.dumps(SCHEMAS[i % 3])} for i in range(24)]
    found = answer(ray.data.from_items(rows)).take_all()
    assert sorted(row["n"] for row in found) == list(range(24))
    for row in found:
        jsonschema.validate(json.loads(row["generated_text"]), json.loads(row["schema"]))
