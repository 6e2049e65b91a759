"""Generate with vLLM in this process: drafts from n-grams, reasoning first. Prints one JSON line of results.

python tests/serving/speculative_vllm.py MODEL_FOLDER
"""

import json
import sys

from vllm.plugins import load_general_plugins

load_general_plugins()  # offline, the configuration is checked before vLLM loads plugins

from vllm import LLM, SamplingParams  # noqa: E402
from vllm.sampling_params import StructuredOutputsParams  # noqa: E402

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "tags": {"items": {"enum": ["a", "b"]}, "type": "array"},
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}
SCHEMA["properties"]["tags"] |= {"minItems": 6, "maxItems": 9}
PROMPT = (
    'Like {"name": "abc", "tags": ["a", "b", "a", "b", "a", "b", "a"]} and {"name": "abc", "tags": ["a", "b", "a"]} '
)


def main() -> None:
    llm = LLM(
        sys.argv[1],
        dtype="float32",
        enforce_eager=True,
        max_model_len=512,
        max_num_seqs=8,
        disable_log_stats=False,
        speculative_config={"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3},
        structured_outputs_config={"backend": "syntagma", "reasoning_parser": "deepseek_r1"},
    )
    tokenizer = llm.get_tokenizer()  # so that a random model thinks of </think> soon
    few_ids = [tokenizer.convert_tokens_to_ids(t) for t in ["</think>", "</s>", *'{}":,[]abegmnst']]
    outputs = StructuredOutputsParams(json=SCHEMA)
    # no temperature of 0 among others: with drafts vLLM 0.32 on a processor then draws what no backend allowed
    plain = [
        SamplingParams(max_tokens=200, seed=i, temperature=(i + 1) / 4, structured_outputs=outputs) for i in range(8)
    ]
    few = {"allowed_token_ids": few_ids, "structured_outputs": outputs}
    thoughtful = [SamplingParams(max_tokens=400, seed=i, **few) for i in range(8)]
    answers = llm.generate([f"<think></think>{PROMPT}"] * 8, plain, use_tqdm=False)
    thought = llm.generate([f"<think>{PROMPT}"] * 8, thoughtful, use_tqdm=False)
    counts = {m.name: m.value for m in llm.get_metrics() if "spec_decode" in m.name and hasattr(m, "value")}
    result = {
        "plain": [a.outputs[0].text for a in answers],
        "thought": [tokenizer.decode(a.outputs[0].token_ids) for a in thought],
        "finish": [a.outputs[0].finish_reason for a in answers],
        "counts": counts,
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
