"""The language grammars of the examples: sample texts, what they refuse, and acceptance held against lark's lexers.

Differences to lark, each pinned below in `KNOWN`:
    longest / contextual   lark asks a state of its LALR automaton which terminals may stand somewhere, and such states
                           merge contexts: `SET a = -1 wherelb` is one NAME to lark, though no name may stand there.
                           Here the context is exact, so `where` and `lb` are two terminals.
    dynamic / dynamic      lark's plain dynamic lexer takes one match of a terminal, the longest; here as in
                           `dynamic_complete` every way to cut the text counts, so it is that which is compared.
c.lark and python.lark have no LALR automaton (reduce/reduce conflicts), so no contextual lexer either.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import lark
import numpy as np
import pytest

import syntagma as sg
from syntagma.automata import TokenAutomaton
from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch

FOLDER = Path(__file__).parents[2] / "examples" / "grammars"
NAMES = ["arithmetic", "c", "csv", "json", "python", "sql", "xml"]

#: Texts in each language; and the same, broken.
TEXTS = {
    "arithmetic": ["a = 1 + 2 * (3 - b)", "-x^2^3 % f(1, y)\n3"],
    "c": ["int f(int a) { if (a) return 1; else a += 2; return a++ - -b; }", "char x[3] = {1, 2};"],
    "csv": ['a,b,,"c ""d"""\n1,2,3,4'],
    "json": ['{"a": [1, -2.5e3, "x\\n"], "b": null}', "[]", " [true ,false]"],
    "python": ["x = [i for i in y if i]\nfor a, b in c: pass", "if a:\n    b\nelse:\n    c = not d is e"],
    "sql": ["select a, count(*) from t where x = 1 or y like 'a%'", "update t set a = -1 where b in (1, 2)"],
    "xml": ['<a b="c">x &amp; y<d/><!-- n --></a>', "<a><b>t</b> </a>"],
}
BROKEN = {
    "arithmetic": ["a = = 1", "1 +", "(1", "f(,1)", "2 3"],
    "c": ["int f( { }", "int x = ;", "if (1) 2;", "int a b;"],
    "csv": ["a,b,c", "a,b,c,d,e", '"a,b,c,d', 'a"b,c,d,e'],
    "json": ["{a: 1}", "[1,]", "01", '"\n"', "tru", '{"a" 1}'],
    "python": ["if a:\nb", "def f(:\n    pass", "x = ", "else:\n    pass", "return 1 2", "if a:\n  b"],
    "sql": ["select , from t", "select a from", "insert into t", "update t where a = 1", "select a from t where"],
    "xml": ["<a>", "<a b=c/>", "a", "<a>&</a>", "<a/><b/>"],
}
#: Texts that lark decides otherwise, under the docstring's reasons.
KNOWN = {"update t set a = -1 wherelb in (1, 2)", "update t set a = -1 whereb in (1, 2)"}


def read(name: str) -> str:
    return (FOLDER / f"{name}.lark").read_text("utf-8")


@cache
def automaton(name: str, lexer: str = "longest") -> TokenAutomaton:
    return compile_for_bytes(sg.Lark(read(name), lexer=lexer).grammar())  # type: ignore[arg-type]


def accepts(name: str, text: str, lexer: str = "longest") -> bool:
    return first_mismatch(automaton(name, lexer), text.encode()) is None


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_accepted_with_few_states(name: str) -> None:
    """A bound on states and configurations stands for one on time: both are made in seconds."""
    text = (FOLDER / f"{name}.txt").read_text("utf-8")
    mismatch = first_mismatch(automaton(name), text.encode())
    assert mismatch is None, f"{mismatch} {mismatch.reason}"
    stats = automaton(name).stats
    assert stats.states < 3000
    assert stats.configurations < 10 * len(text)


@pytest.mark.parametrize("name", NAMES)
def test_broken_texts_are_refused(name: str) -> None:
    for text in TEXTS[name]:
        assert accepts(name, text), text
    for text in BROKEN[name]:
        assert not accepts(name, text), text


def mutants(name: str, n: int) -> list[str]:
    """The texts, and n of them with a character left out, put in, or exchanged."""
    rng = random.Random(1)
    letters = "".join(TEXTS[name])
    found = list(TEXTS[name])
    for _ in range(n):
        text = rng.choice(TEXTS[name])
        at, end = rng.choice([(i, j) for i, j in pairwise(range(len(text) + 1))])
        new = rng.choice(["", rng.choice(letters), rng.choice(letters) + text[at:end]])
        found.append(text[:at] + new + text[end:])
    return found


def differences(name: str, ours: str, theirs: lark.Lark, n: int) -> list[str]:
    found = []
    for text in mutants(name, n):
        try:
            theirs.parse(text)
            verdict = True
        except lark.exceptions.UnexpectedInput:
            verdict = False
        if accepts(name, text, ours) != verdict:
            found.append(text)
    return found


@pytest.mark.parametrize("name", ["arithmetic", "csv", "json", "sql", "xml"])
def test_longest_accepts_as_the_contextual_lexer(name: str) -> None:
    theirs = lark.Lark(read(name), parser="lalr", lexer="contextual")
    assert set(differences(name, "longest", theirs, 100)) <= KNOWN


def test_the_known_differences_are_some() -> None:
    theirs = lark.Lark(read("sql"), parser="lalr", lexer="contextual")
    for text in KNOWN:
        assert accepts("sql", text)
        with pytest.raises(lark.exceptions.UnexpectedInput):
            theirs.parse(text)


@pytest.mark.parametrize("name", NAMES)
def test_dynamic_accepts_as_the_complete_dynamic_lexer(name: str) -> None:
    theirs = lark.Lark(read(name), parser="earley", lexer="dynamic_complete")
    assert differences(name, "dynamic", theirs, 3 if name in ("c", "python", "sql") else 15) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_dynamic_accepts_as_the_complete_dynamic_lexer_on_many(name: str) -> None:
    theirs = lark.Lark(read(name), parser="earley", lexer="dynamic_complete")
    assert differences(name, "dynamic", theirs, 60) == []


@pytest.mark.parametrize("lexer", ["longest", "dynamic"])
@pytest.mark.parametrize("name", ["arithmetic", "json", "sql", "xml"])
def test_verdicts_do_not_depend_on_how_tokens_cut_the_text(name: str, lexer: str) -> None:
    """Tokens of up to five bytes that lie across lexemes in every way; half of the texts are mutants."""
    rng = random.Random(7)
    texts = [text for text in mutants(name, 12) if text.isascii()]
    pieces = {bytes([b]): None for b in range(128)}
    for text in texts:
        pieces |= {text[i : i + n].encode(): None for n in range(2, 6) for i in range(len(text) - n + 1)}
    vocabulary = sg.Vocabulary.from_tokens([*pieces, None], [len(pieces)])
    ids = {piece: t for t, piece in enumerate(pieces)}
    auto = sg.compile(sg.Lark(read(name), lexer=lexer), vocabulary)  # type: ignore[arg-type]
    for text in texts:
        matcher, at, row = auto.matcher(), 0, np.zeros(auto.mask_width, np.int32)
        while at < len(text):
            size = rng.randint(1, min(5, len(text) - at))
            token = ids[text[at : at + size].encode()]
            matcher.fill_mask(row)
            assert bool(row[token >> 5] >> (token & 31) & 1) == auto.check(matcher.state, token)
            if not matcher.accept(token):
                break
            at += size
        assert (at == len(text) and matcher.accepts_eos) == accepts(name, text, lexer), text


def test_tags_that_match_are_a_guard() -> None:
    spec = importlib.util.spec_from_file_location("matching_tags", FOLDER.parent / "matching_tags.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    sys.modules["matching_tags"] = example
    spec.loader.exec_module(example)
    auto = compile_for_bytes(example.xml())
    assert first_mismatch(auto, (FOLDER / "xml.txt").read_bytes()) is None
    assert first_mismatch(auto, b"<a><b/></a>") is None
    for text in (b"<a></b>", b"<a><b></a></b>", b"<a>"):
        assert first_mismatch(auto, text) is not None
