"""How often the embedded model's answer is exactly right, unconstrained against constrained.

    python benchmarks/embedded/evaluate.py --record benchmarks/record/embedded.json
    python benchmarks/embedded/evaluate.py --unconstrained --failures

Prompts come from templates and words that training never saw (`words.is_held_out`, `templates.HELD_OUT`), or with
`--known-wording` from such words in the templates of training, under a fixed seed. Decoding is greedy; an answer counts
when its text is the expected one, character by character. Constrained decoding masks with syntagma: the prompt's own
JSON schema, or a regular expression for SQL, plain numbers and dates.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generate import TASKS, examples
from tasks import Example

from syntagma.backends.embedded import load_embedded

SEED = 20261
COUNTS = {"extraction": 200, "tool_call": 40, "sql": 40, "arithmetic": 40, "date": 40, "list": 40}
LIMIT = 160  # tokens of an answer


class Decoder:
    """Greedy decoding, with or without a constraint."""

    def __init__(self) -> None:
        self.model, self.tokenizer = load_embedded()
        self.end = self.tokenizer.eos_token_id
        self._vocabulary: Any = None

    @torch.inference_mode()
    def answer(self, message: str, constraint: Any = None) -> str:
        """The answer to a user message; with a constraint, the best token that it allows at every step."""
        chat = [{"role": "user", "content": message}]
        text = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        tokens = self.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        matcher = None if constraint is None else self._matcher(constraint)
        answer: list[int] = []
        cache = None
        while len(answer) < LIMIT:
            output = self.model(input_ids=tokens, past_key_values=cache, use_cache=True)
            cache, logits = output.past_key_values, output.logits[0, -1]
            token = int(logits.argmax()) if matcher is None else _best_allowed(logits.numpy(), matcher)
            if token == self.end:
                break
            answer.append(token)
            tokens = torch.tensor([[token]])
        return str(self.tokenizer.decode(answer))

    def _matcher(self, constraint: Any) -> Any:
        from syntagma.automata import compile_grammar
        from syntagma.automata.vocabulary import Vocabulary
        from syntagma.grammar.jsonschema import JsonSchema
        from syntagma.grammar.regex import Regex

        self._vocabulary = self._vocabulary or Vocabulary.from_tokenizer(self.tokenizer)
        front = Regex(constraint) if isinstance(constraint, str) else JsonSchema(constraint)
        return compile_grammar(front.grammar(), self._vocabulary).matcher()


def _best_allowed(logits: np.ndarray, matcher: Any) -> int:
    row = np.zeros((len(logits) + 31) // 32, np.int32)
    matcher.fill_mask(row)
    allowed = np.unpackbits(row.view(np.uint8), bitorder="little")[: len(logits)].astype(bool)
    token = int(np.where(allowed, logits, -np.inf).argmax())
    if not matcher.accept(token):
        raise RuntimeError(f"token {token} is in the mask and was refused")
    return token


def score(task: str, answer: Callable[[Example], str], *, new_wording: bool, failures: bool) -> dict[str, Any]:
    """The exact matches of one task."""
    prompts, right = examples(task, COUNTS[task], SEED, new_wording=new_wording), 0
    for example in prompts:
        text = answer(example)
        right += text == example[1]
        if failures and text != example[1]:
            print(f"[{task}] {example[0]}\n  expected {example[1]}\n  got      {text}")
    return {"prompts": len(prompts), "exact": right, "rate": round(right / len(prompts), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unconstrained", action="store_true", help="leave the constrained runs out")
    parser.add_argument("--known-wording", action="store_true", help="held-out words in the templates of training")
    parser.add_argument("--failures", action="store_true", help="print every answer that is not exact")
    parser.add_argument("--record", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    decoder = Decoder()
    ways: dict[str, Callable[[Example], str]] = {"unconstrained": lambda example: decoder.answer(example[0])}
    if not options.unconstrained:
        ways["constrained"] = lambda example: decoder.answer(example[0], example[2])
    figures: dict[str, dict[str, Any]] = {}
    for way, answer in ways.items():
        begun = time.perf_counter()
        figures[way] = {
            task: score(task, answer, new_wording=not options.known_wording, failures=options.failures)
            for task in TASKS
        }
        total, right = (sum(f[key] for f in figures[way].values()) for key in ("prompts", "exact"))
        figures[way]["all"] = {"prompts": total, "exact": right, "rate": round(right / total, 3)}
        print(way, f"{time.perf_counter() - begun:.0f} s", {task: f["rate"] for task, f in figures[way].items()})
    if options.record:
        record = json.loads(options.record.read_text("utf-8")) if options.record.exists() else {}
        record |= {
            "question": "exact match on held-out prompts, greedy",
            "seed": SEED,
            "machine": {"processor": platform.machine(), "threads": 1, "torch": torch.__version__},
            "known wording" if options.known_wording else "new wording": figures,
        }
        options.record.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
