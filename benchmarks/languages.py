"""Masks for programming languages cost no more than llguidance's, on the same Lark text.

Replays the sample texts of `examples/grammars`, made several KB long by repeating them, token by token: a mask and a
step per token (TBM, as in `replay`). Each engine and language has a process of its own. Two passes over each text: the
first meets every state for the first time (that is what counts; `once` is its part before anything is repeated), the
second is steady. TTFM is from the grammar's text to the first mask, kernels and tokenizer loaded. llguidance's Lark has
no templates: both engines read the text in which they are written out. Its limits are raised, as it gives up on Python
with those that it has by itself.

    python benchmarks/languages.py --tokenizer FOLDER [--write FILE] [--language python] [--engine syntagma]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from engines import Compiled, CompileError, Llguidance, Syntagma, _Llguidance, _Syntagma, version
from machine import description
from replay import answer
from report import percentiles
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "grammars"
LANGUAGES = ("arithmetic", "c", "csv", "json", "python", "sql", "xml")
ENGINES = ("syntagma", "llguidance")
#: A grammar that every engine reads before anything counts.
WARM_UP = 'start: "a" (WORD "b")*\nWORD: /[a-z]+/\n%ignore / /\n'
#: A template, its parameters, and its body with the lines that belong to it.
TEMPLATE = re.compile(r"^(\w+)\{([^{}]*)\}(:.*\n(?:[ \t]+.*\n)*)", re.MULTILINE)
NAME = re.compile(r"\b\w+\b")
#: Far above what llguidance allows a step by itself (50,000 items, 200,000 units of work of its lexer).
ITEMS, LEXER_WORK = 50_000_000, 200_000_000


def long_text(language: str, copies: int | None = None) -> str:
    """The sample text, several times over, as one text of the language."""
    text = (FOLDER / f"{language}.txt").read_text("utf-8")
    match language:
        case "json":
            return "[" + ", ".join([text.strip()] * (copies or 8)) + "]"
        case "xml":
            head, _, body = text.partition("\n")
            return f"{head}\n<all>{body.strip() * (copies or 8)}</all>"
        case "sql":
            return ";\n".join([text.strip()] * (copies or 6))
        case _:
            return text * (copies or 4000 // len(text) + 1)


def written_out(grammar: str) -> str:
    """The grammar without templates: `name{a, b}: body` becomes a rule for every way in which it is used.

    Templates do not use each other, and no string has the name of a parameter.
    """
    while found := TEMPLATE.search(grammar):
        name, parameters, body = found.groups()
        head, tail = grammar[: found.start()], grammar[found.end() :]
        rules = []
        for k, arguments in enumerate(dict.fromkeys(re.findall(rf"\b{name}\{{([^{{}}]*)\}}", head + tail))):
            given = dict(zip(NAME.findall(parameters), NAME.findall(arguments), strict=True))
            rules.append(f"{name}{k}" + NAME.sub(lambda word, given=given: given.get(word[0], word[0]), body))
            head, tail = (part.replace(f"{name}{{{arguments}}}", f"{name}{k}") for part in (head, tail))
        grammar = "".join([head, *rules, tail])
    return grammar


class LarkSyntagma(Syntagma):
    """This project, on Lark text."""

    def compile(self, schema: str) -> Compiled:
        return _Syntagma(self.sg.compile(self.sg.Lark(schema), self.vocabulary), self.width)


class LarkLlguidance(Llguidance):
    """llguidance, on Lark text."""

    def compile(self, schema: str) -> Compiled:
        from llguidance import LLParserLimits

        limits = LLParserLimits(step_max_items=ITEMS, max_items_in_row=ITEMS, step_lexer_fuel=LEXER_WORK)
        matcher = self.matcher(self.tokenizer, self.matcher.grammar_from_lark(schema), log_level=0, limits=limits)
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
    grammar = written_out((FOLDER / f"{language}.lark").read_text("utf-8"))
    answer(engine, {"schema": WARM_UP, "instances": [warm]}, eos)
    found = answer(engine, {"schema": grammar, "instances": [tokens, tokens]}, eos)
    result = {"status": found["status"], "bytes": len(text.encode()), "tokens": len(tokens)}
    if found["status"] != "ok":
        return result | {"error": found.get("error")}
    n = len(found["step_ns"]) // 2
    once = len(tok.encode(long_text(language, 1), add_special_tokens=False).ids)
    return result | {
        "refused": found["refused"],
        "ttfm_us": round(found["ttfm_ns"] / 1000),
        "tbm_once": percentiles(found["step_ns"][:once]),
        "tbm_first": percentiles(found["step_ns"][:n]),
        "tbm_steady": percentiles(found["step_ns"][n:]),
    }


def in_process(name: str, language: str, tokenizer: Path) -> dict[str, Any]:
    """The figures of one engine on one language, in a process of its own."""
    words = [sys.executable, __file__, "--tokenizer", tokenizer, "--alone", "--engine", name, "--language", language]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"status": "crash", "error": done.stderr[-500:]}


def table(languages: dict[str, dict[str, Any]]) -> Table:
    """A row per language and engine: average and p99 (us) of the parts, and the first mask (ms)."""
    grid = Table("avg / p99, us", "once", "first", "steady", "TTFM, ms")
    for language, engines in languages.items():
        for name, found in engines.items():
            if found["status"] != "ok":
                grid.add_row(f"{language} {name}", found["status"], *[""] * 3)
                continue
            parts = [found[part] for part in ("tbm_once", "tbm_first", "tbm_steady")]
            cells = [f"{part['avg']:,.0f} / {part['p99']:,.0f}" for part in parts]
            grid.add_row(f"{language} {name}", *cells, f"{found['ttfm_us'] / 1000:,.1f}")
    return grid


def main() -> None:
    """Measure every engine on every language, each pair in its own process, and print or write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measure(options.engine, options.language, options.tokenizer)))
        return
    record: dict[str, Any] = {"machine": description(), "versions": {name: version(name) for name in ENGINES}}
    record["languages"] = {}
    for language in [options.language] if options.language else LANGUAGES:
        for name in [options.engine] if options.engine else ENGINES:
            figures = in_process(name, language, options.tokenizer)
            record["languages"].setdefault(language, {})[name] = figures
            print(language, name, json.dumps(figures), flush=True)
    Console().print(table(record["languages"]))
    if options.write:
        options.write.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
