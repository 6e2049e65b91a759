"""Generate with SGLang in this process. Prints one JSON line of results.

python tests/serving/generate_sglang.py MODEL_FOLDER
"""

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    import sglang
    from oracles.bounded_schema import bounded_schema

    engine = sglang.Engine(
        model_path=sys.argv[1],
        device="cpu",
        dtype="float32",
        attention_backend="torch_native",
        sampling_backend="pytorch",
        grammar_backend="syntagma",
        disable_cuda_graph=True,
        mem_fraction_static=0.3,
        max_running_requests=16,
        max_total_tokens=20000,
        context_length=1024,
    )
    rng = random.Random(7)
    # 50 schemas, 4 requests each, all at once
    schemas = [bounded_schema(rng) for _ in range(50)]
    schemas *= 4
    constraints = [{"json_schema": json.dumps(schema)} for schema in schemas]
    constraints += [{"regex": "[a-z]{3}-[0-9]{4}"}, {"ebnf": 'root ::= "x" [0-9]{2}'}]
    content = {"type": "regex", "pattern": "b{1,9}"}
    tag = {"type": "structural_tag", "format": {"type": "tag", "begin": "<a>", "content": content, "end": "</a>"}}
    constraints.append({"structural_tag": json.dumps(tag)})
    params = [{"max_new_tokens": 500, "temperature": 1.0, **c} for c in constraints]
    answers = engine.generate(["Answer."] * len(params), params)
    refused = []
    for bad in (
        {"json_schema": '{"properties": {"a": {"minimum": "3"}}}'},
        {"regex": "[a"},
        {"ebnf": 'root ::= "a" b'},
    ):
        try:
            engine.generate("x", {"max_new_tokens": 5, **bad})
            refused.append(None)
        except ValueError as error:
            refused.append(str(error))
    after = engine.generate("x", {"max_new_tokens": 20, "regex": "[ab]{5}"})
    found = [[a["text"], a["meta_info"]["finish_reason"]["type"]] for a in [*answers, after]]
    print("RESULT " + json.dumps({"schemas": schemas, "answers": found, "refused": refused}))
    engine.shutdown()


if __name__ == "__main__":
    main()
