"""Worker: one engine in a process of its own, fed one schema per line.

Reads jobs from stdin and answers each with one line on stdout, both JSON:

    job     {"schema": text, "instances": [[token id, ...], ...]}
    answer  {"status": "ok" | "empty" | "error", "error": text, "ttfm_ns": int, "facts": {...},
             "refused": [index of the refused token or null, ...], "step_ns": [...], "rss_kb": int, "gc": int}

The first answer, before any job, tells the set-up: {"setup_s": ..., "rss_kb": ..., "version": ...}. An instance is
refused at the index of the token whose bit is not set, behind its last token if end of sequence is not allowed. Timed
are the way from text to the first mask (`ttfm_ns`) and, per token and for end of sequence, `fill` plus `accept`
(`step_ns`); reading the token's bit is not timed. The garbage collector stays as Python has it; `gc` counts its runs.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from engines import ENGINES, Compiled, EmptyLanguage, Engine, version


class Disagreement(Exception):
    """An engine's mask and its `accept` give different verdicts."""


def replay(compiled: Compiled, tokens: list[int], eos: int, step_ns: list[int]) -> int | None:
    """Feed one instance; return the index of the refused token, None if it is accepted."""
    clock = time.perf_counter_ns
    fill, accept = compiled.start()
    words = memoryview(compiled.row)
    for i, token in enumerate([*tokens, eos]):
        begin = clock()
        fill()
        filled = clock()
        if not words[token >> 5] >> (token & 31) & 1:
            step_ns.append(filled - begin)
            return i
        between = clock()
        accepted = accept(token)
        step_ns.append(filled - begin + clock() - between)
        if accepted is False:
            raise Disagreement(f"token {token} at {i} is in the mask but is not accepted")
    return None


def answer(engine: Engine, job: dict[str, Any], eos: int) -> dict[str, Any]:
    """Compile one schema and replay its instances."""
    begin = time.perf_counter_ns()
    try:
        compiled = engine.compile(job["schema"])
        fill, _ = compiled.start()
        fill()
    except EmptyLanguage as error:
        return {"status": "empty", "error": str(error)[:300], "refused": [0] * len(job["instances"])}
    except Exception as error:  # whatever an engine raises here is its compile error, and is counted
        return {"status": "error", "error": f"{type(error).__name__}: {error}"[:300]}
    ttfm_ns = time.perf_counter_ns() - begin
    result: dict[str, Any] = {"status": "ok", "ttfm_ns": ttfm_ns, "refused": [], "step_ns": []}
    for tokens in job["instances"]:
        try:
            result["refused"].append(replay(compiled, tokens, eos, result["step_ns"]))
        except Exception as error:  # counted as a failed schema, with the engine's own words
            return result | {"status": "error", "error": f"in replay: {type(error).__name__}: {error}"[:300]}
    return result | {"facts": compiled.facts}


def usage() -> dict[str, int]:
    """Peak resident memory in KiB and runs of the garbage collector so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rss_kb": peak, "gc": sum(generation["collections"] for generation in gc.get_stats())}


def main(name: str, tokenizer: str, eos: int, width: int, profile: str, order: str) -> None:
    """Set up the engine, then answer jobs until stdin ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what engines print must not end up between the answers
    begin = time.perf_counter()
    engine = ENGINES[name](Path(tokenizer), eos, width, profile, order)
    hello = {"setup_s": time.perf_counter() - begin, "version": version(name), "width": engine.width}
    print(json.dumps(hello | usage()), file=channel, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line), eos) | usage()), file=channel, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:7])
