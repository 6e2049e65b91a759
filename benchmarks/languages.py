"""Masks for programming languages cost no more than llguidance's, on the same Lark text.

Replays the sample texts of `examples/grammars`, made several KB long, token by token: a mask and a step per token
(TBM, as in `replay`). Each engine and language has a process of its own. Two passes over each text: the first meets
every state for the first time (that is what counts), the second is steady. TTFM is from the grammar's text to the
first mask, kernels and tokenizer loaded.

    python benchmarks/languages.py --tokenizer FOLDER [--write FILE] [--engine syntagma --language c]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engines import Compiled, CompileError, Llguidance, Syntagma, _Llguidance, _Syntagma, version
from machine import description
from replay import answer
from report import percentiles

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "grammars"
LANGUAGES = ("arithmetic", "c", "csv", "json", "python", "sql", "xml")
ENGINES = ("syntagma", "llguidance")
#: A grammar that every engine reads before anything counts.
WARM_UP = 'start: "a" (WORD "b")*\nWORD: /[a-z]+/\n%ignore / /\n'


def long_text(language: str) -> str:
    """The sample text, several times over, as one text of the language."""
    text = (FOLDER / f"{language}.txt").read_text("utf-8")
    match language:
        case "json":
            return "[" + ", ".join([text.strip()] * 8) + "]"
        case "xml":
            head, _, body = text.partition("\n")
            return f"{head}\n<all>{body.strip() * 8}</all>"
        case "sql":
            return ";\n".join([text.strip()] * 6)
        case _:
            return text * (4000 // len(text) + 1)


class LarkSyntagma(Syntagma):
    """This project, on Lark text."""

    def compile(self, schema: str) -> Compiled:
        return _Syntagma(self.sg.compile(self.sg.Lark(schema), self.vocabulary), self.width)


class LarkLlguidance(Llguidance):
    """llguidance, on Lark text."""

    def compile(self, schema: str) -> Compiled:
        matcher = self.matcher(self.tokenizer, self.matcher.grammar_from_lark(schema), log_level=0)
        if matcher.is_error():
            raise CompileError(matcher.get_error())
        return _Llguidance(matcher, self.width)


def measure(engine_name: str, language: str, tokenizer: Path) -> dict[str, Any]:
    """One engine on one language, in this process."""
    from tokenizers import Tokenizer

    tok = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    eos = next(i for t in ("<|end_of_text|>", "<|endoftext|>", "</s>") if (i := tok.token_to_id(t)) is not None)
    width = tok.get_vocab_size(with_added_tokens=True)
    engine = {"syntagma": LarkSyntagma, "llguidance": LarkLlguidance}[engine_name](tokenizer, eos, width, "spec", "any")
    text = long_text(language)
    tokens = tok.encode(text, add_special_tokens=False).ids
    warm = tok.encode("aabc b", add_special_tokens=False).ids
    answer(engine, {"schema": WARM_UP, "instances": [warm]}, eos)
    found = answer(engine, {"schema": (FOLDER / f"{language}.lark").read_text(), "instances": [tokens, tokens]}, eos)
    result = {"status": found["status"], "bytes": len(text.encode()), "tokens": len(tokens)}
    if found["status"] != "ok":
        return result | {"error": found.get("error")}
    n = len(found["step_ns"]) // 2
    return result | {
        "refused": found["refused"],
        "ttfm_us": round(found["ttfm_ns"] / 1000),
        "tbm_first": percentiles(found["step_ns"][:n]),
        "tbm_steady": percentiles(found["step_ns"][n:]),
    }


def main() -> None:
    """Measure every engine on every language, each pair in its own process, and print or write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--language", choices=LANGUAGES)
    options = parser.parse_args()
    if options.engine and options.language:
        print(json.dumps(measure(options.engine, options.language, options.tokenizer)))
        return
    record: dict[str, Any] = {"machine": description(), "versions": {name: version(name) for name in ENGINES}}
    record["languages"] = {}
    for language in LANGUAGES:
        for name in ENGINES:
            words = [
                sys.executable,
                __file__,
                "--tokenizer",
                options.tokenizer,
                "--engine",
                name,
                "--language",
                language,
            ]
            done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
            figures = (
                json.loads(done.stdout) if done.returncode == 0 else {"status": "crash", "error": done.stderr[-500:]}
            )
            record["languages"].setdefault(language, {})[name] = figures
            print(language, name, json.dumps(figures), flush=True)
    if options.write:
        options.write.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
