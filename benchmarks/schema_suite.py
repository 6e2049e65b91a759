"""syntagma answers the JSON Schema Test Suite right, in all five drafts.

    python benchmarks/schema_suite.py --suite FOLDER (--tokenizer FOLDER | --small) [--draft 4,6,7,2019-09,2020-12]
                                      [--out RECORD.json]

FOLDER holds the suite's `tests` and `remotes`; the latter are what references may lead to. Every test's instance is
written as `json.dumps(data, ensure_ascii=False)` and replayed token by token: a token must be in the mask and be
accepted, and at the end the engine must allow end of sequence. The profile is "spec". Parts and how they are run:

    core      tests/DRAFT/*.json, formats as annotations, as the suite demands
    optional  tests/DRAFT/optional/*.json, formats asserted
    format    tests/DRAFT/optional/format/*.json, formats asserted

A test is right, declined (the schema does not compile), rejected valid, or accepted invalid. Exit status: 0 if the core
is right throughout and so is at least 97 % of the rest, with no exception that `EXCEPTIONS` does not explain; else 1.
`--small` takes a vocabulary of single bytes and some pieces of JSON instead of a tokenizer, for tests.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import referencing
import referencing.jsonschema
from rich.console import Console
from rich.progress import track
from rich.table import Table

import syntagma as sg
from syntagma.errors import BudgetExceeded, EmptyLanguage, GrammarError
from syntagma.grammar.jsonschema.dialect import DIALECTS

#: The suite's folders by draft, in the order of the report.
FOLDERS = {"4": "draft4", "6": "draft6", "7": "draft7", "2019-09": "draft2019-09", "2020-12": "draft2020-12"}
PARTS = {"core": "*.json", "optional": "optional/*.json", "format": "optional/format/*.json"}
OUTCOMES = ("right", "declined", "rejected valid", "accepted invalid")
#: Why tests are not answered as the suite has it: draft, file and description of the case -> reason.
EXCEPTIONS = {
    ("7", "optional/content.json", case): "contentEncoding and contentMediaType are annotations in every draft"
    for case in (
        "validation of string-encoded content based on media type",
        "validation of binary string-encoding",
        "validation of binary-encoded media type documents",
    )
}
#: Of the tests outside the core, so many must be right.
LEAST_SHARE = 0.97
_PIECES = (b'{"', b'":', b'": ', b'", "', b'"}', b"}}", b"[]", b"{}", b"], ", b"true", b"false", b"null", b"foo", b"12")
console = Console(stderr=True)

Encode = Callable[[str], list[int]]


class Case(NamedTuple):
    """A schema of the suite with its tests."""

    draft: str
    part: str
    file: str
    description: str
    schema: Any
    tests: list[dict[str, Any]]


class Answer(NamedTuple):
    """What became of one test."""

    case: Case
    test: str
    outcome: str
    error: str = ""

    @property
    def reason(self) -> str | None:
        """Why this is not right, if that is known."""
        return EXCEPTIONS.get((self.case.draft, self.case.file, self.case.description))


def cases(suite: Path, draft: str, parts: Iterable[str] = tuple(PARTS)) -> Iterator[Case]:
    """The cases of a draft."""
    folder = suite / "tests" / FOLDERS[draft]
    for part in parts:
        for path in sorted(folder.glob(PARTS[part])):
            for case in json.loads(path.read_text("utf-8")):
                file = path.relative_to(folder).as_posix()
                yield Case(draft, part, file, case["description"], case["schema"], case["tests"])


def remotes(suite: Path, draft: str) -> referencing.Registry[Any]:
    """The suite's remote schemas; those that say no draft are of their folder's, else of `draft`."""
    by_folder = {folder: name for name, folder in FOLDERS.items()}
    resources = []
    for path in sorted((suite / "remotes").rglob("*.json")):
        name = path.relative_to(suite / "remotes").as_posix()
        if name.startswith(("draft3/", "v1/")):
            continue
        uri = DIALECTS[by_folder.get(name.split("/")[0], draft)].uri
        contents = json.loads(path.read_text("utf-8"))
        specification = referencing.jsonschema.specification_with(uri)
        resource = referencing.Resource.from_contents(contents, default_specification=specification)
        resources.append((f"http://localhost:1234/{name}", resource))
    return referencing.Registry().with_resources(resources)


def small_vocabulary() -> tuple[sg.Vocabulary, Encode]:
    """Every single byte and some pieces of JSON; texts are cut greedily, the longest piece first."""
    tokens = [*(bytes((byte,)) for byte in range(256)), *_PIECES]
    longest_first = sorted(range(len(tokens)), key=lambda t: -len(tokens[t]))

    def encode(text: str) -> list[int]:
        data, ids = text.encode(), list[int]()
        while data:
            ids.append(next(t for t in longest_first if data.startswith(tokens[t])))
            data = data[len(tokens[ids[-1]]) :]
        return ids

    return sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)]), encode


def tokenizer_vocabulary(folder: Path) -> tuple[sg.Vocabulary, Encode]:
    """The vocabulary of a tokenizer, and how it cuts texts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return sg.Vocabulary.from_pretrained(folder), lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def accepts(automaton: Any, tokens: list[int], eos: int) -> bool:
    """Whether the automaton lets the tokens and then the end of sequence pass; mask and `accept` must agree."""
    matcher, row = automaton.matcher(), np.zeros(automaton.mask_width, np.int32)
    for token in [*tokens, eos]:
        matcher.fill_mask(row)
        allowed = bool(row[token >> 5] >> (token & 31) & 1)
        if matcher.accept(token) != allowed:
            raise AssertionError(f"the mask says {allowed} of token {token}, `accept` does not")
        if not allowed:
            return False
    return matcher.finished


def answers(case: Case, vocabulary: sg.Vocabulary, encode: Encode, registry: referencing.Registry[Any]) -> list[Answer]:
    """Compile a case and replay its tests."""
    format_ = "annotation" if case.part == "core" else "assert"
    automaton = None
    try:
        constraint = sg.JsonSchema(case.schema, "spec", format=format_, draft=case.draft, registry=registry)
        automaton = sg.compile(constraint, vocabulary)
    except EmptyLanguage:
        pass
    except (GrammarError, BudgetExceeded) as error:
        return [Answer(case, test["description"], "declined", str(error)) for test in case.tests]
    found = []
    for test in case.tests:
        tokens = encode(json.dumps(test["data"], ensure_ascii=False))
        verdict = automaton is not None and accepts(automaton, tokens, vocabulary.eos_ids[0])
        wrong = "accepted invalid" if verdict else "rejected valid"
        found.append(Answer(case, test["description"], "right" if verdict == test["valid"] else wrong))
    return found


def summary(found: Iterable[Answer]) -> dict[str, dict[str, Any]]:
    """Counts by draft and part, and every test that is not right."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    exceptions = []
    for answer in found:
        case = answer.case
        counts.setdefault((case.draft, case.part), Counter())[answer.outcome] += 1
        if answer.outcome != "right":
            place = {"draft": case.draft, "file": case.file, "case": case.description, "test": answer.test}
            exceptions.append(place | {"outcome": answer.outcome, "error": answer.error, "reason": answer.reason})
    rows = [
        {"draft": draft, "part": part, "tests": row.total()} | {name: row[name] for name in OUTCOMES}
        for (draft, part), row in counts.items()
    ]
    return {"rows": rows, "exceptions": exceptions}


def passes(result: dict[str, Any]) -> bool:
    """Whether the claim holds; see the module."""
    core = [row for row in result["rows"] if row["part"] == "core"]
    rest = [row for row in result["rows"] if row["part"] != "core"]
    n_rest, n_right = (sum(row[key] for row in rest) for key in ("tests", "right"))
    explained = all(exception["reason"] for exception in result["exceptions"])
    return explained and all(row["right"] == row["tests"] for row in core) and n_right >= LEAST_SHARE * n_rest


def show(result: dict[str, Any]) -> None:
    """Print the table and what is not right."""
    grid = Table("draft", "part", "tests", *OUTCOMES)
    for row in result["rows"]:
        grid.add_row(row["draft"], row["part"], *(str(row[key]) for key in ("tests", *OUTCOMES)))
    out = Console()
    out.print(grid)
    for e in result["exceptions"]:
        where = f"draft {e['draft']}, {e['file']}: {e['case']}: {e['test']}"
        out.print(f"{e['outcome']}: {where}. {e['reason'] or e['error'] or 'Not explained.'}", markup=False)


def main() -> None:
    """Replay the suite, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, required=True, help="a checkout of JSON-Schema-Test-Suite")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--tokenizer", type=Path, help="a folder with tokenizer.json")
    group.add_argument("--small", action="store_true", help="a small vocabulary instead of a tokenizer")
    parser.add_argument("--draft", default=",".join(FOLDERS), help="default: all")
    parser.add_argument("--out", type=Path, help="default: record/DATE-COMMIT-schema-suite.json; none with --small")
    options = parser.parse_args()
    drafts = options.draft.split(",")
    if unknown := set(drafts) - set(FOLDERS):
        parser.error(f"unknown drafts {', '.join(sorted(unknown))}; known are {', '.join(FOLDERS)}")
    vocabulary, encode = small_vocabulary() if options.small else tokenizer_vocabulary(options.tokenizer)
    began, where = time.perf_counter(), machine.description()
    found: list[Answer] = []
    for draft in drafts:
        registry = remotes(options.suite, draft)
        for case in track(list(cases(options.suite, draft)), description=f"draft {draft}", console=console):
            found += answers(case, vocabulary, encode, registry)
    result = summary(found)
    show(result)
    name = "small" if options.small else options.tokenizer.name
    record = {"benchmark": "schema_suite", "machine": where, "tokenizer": name, "profile": "spec"}
    record |= {"seconds": round(time.perf_counter() - began, 1)} | result
    if options.out or not options.small:
        console.print(f"written to {machine.write(record, 'schema-suite', options.out)}")
    sys.exit(not passes(result))


if __name__ == "__main__":
    main()
