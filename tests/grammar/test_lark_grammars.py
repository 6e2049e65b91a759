"""The grammars that lark ships, and kinds of terminals that its examples have, held against lark itself."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import lark
import pytest
from oracles.lark_samples import accepted_by, mutations

from syntagma.automata.automaton import TokenAutomaton
from syntagma.automata.lint import lint
from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.lark import Lark

SHIPPED = Path(lark.__file__).parent / "grammars"
OURS = Path(__file__).parents[2] / "examples" / "grammars"

#: A hardware description: comments whose loop looks ahead, names that begin with a backslash.
HARDWARE = r"""
start: ("module" NAME ports? ";" item* "endmodule")*
ports: "(" NAME ("," NAME)* ")"
item: ("input" | "output" | "wire") NAME ("," NAME)* ";" | "assign" NAME "=" or ";"
?or: or "|" and | and
?and: and "&" unary | unary
?unary: "~" unary | NAME | BIT | "(" or ")"
BIT: /1'[bh][01x]/
NAME: /[a-zA-Z_]\w*/ | /\\\S+/
COMMENT: "//" /[^\n]*/ "\n"
BLOCK: /\/\*(\*(?!\/)|[^*])*\*\//
%ignore /\s+/
%ignore COMMENT
%ignore BLOCK
"""
#: Strings in underscores, which hold underscores: lark's greedy `.*` behind a lookbehind, cut in every way.
UNDERSCORES = r"""
?start: "{" (pair ("," pair)*)? "}" | "[" (start ("," start)*)? "]" | STRING | /\d+/
pair: STRING ":" start
STRING: "_" /.*/ /(?<!\\)(\\\\)*?/ "_"
%ignore /[ \t]+/
"""
#: Quoted templates: lazy quantifiers before greedy ones, and alternatives in order.
LAZY = r"""
start: (TEXT | TAG | QUOTED | HERE | WORD)+
TEXT: /<<.*?>>i*/s
TAG: /<(\w+?)( \w+?=.*?)*?>/
QUOTED: /'(?:\\'|\\\\|[^\n])*?'[imx]*/
HERE: /\$(\w|-)+?(;|--;)/
WORD: /[a-z]+/
%ignore " "
"""
PYTHON = "start: test\n%import python (test, COMMENT)\n%ignore /[\\t \\f]+/\n%ignore COMMENT\n"

#: Grammar -> texts in the language, texts that are not.
SAMPLES: dict[str, tuple[str, list[str], list[str]]] = {
    "hardware": (
        HARDWARE,
        ["module m(a, b); input a; assign b = ~(a & 1'b0) | c; endmodule", "/***/module \\m! ; /* * / **/endmodule"],
        ["module m; /* */ */ endmodule", "module m; assign = a; endmodule", "module m; // endmodule"],
    ),
    "lazy": (
        LAZY,
        ["<<a>>", "<<a\n>>ii b", "<a b=c>", "'a\\'b'x c", "$ab--; <<>>", "'a' 'b'"],
        ["<<a", "$ab--", "<a b=c", "'a", "$;"],
    ),
    "python": (
        PYTHON,
        [
            "x + 2 * f(y)[1:2].z",
            "[a for a in b if not c]",
            "lambda x: x if y else 'z'",
            "f'a' r\"b\" '''c\nd'''",
            "0x1f",
        ],
        ["1 +", "f(,)", "x y", "'a\nb'", "lambda:"],
    ),
    "underscores": (
        UNDERSCORES,
        ["{_a_:[1,2]}", "{_foo_:{}, _bar_: [], _baz_: __}", "[_a_b_, _c\\_]_]"],
        ["_a", "{_a_}", "[1,]", "{_a_:1", "_a\\_"],
    ),
}


@cache
def automaton(text: str, lexer: str) -> TokenAutomaton:
    return compile_for_bytes(Lark(text, lexer=lexer).grammar())  # type: ignore[arg-type]


def accepts(text: str, lexer: str, word: str) -> bool:
    return first_mismatch(automaton(text, lexer), word.encode()) is None


@pytest.mark.parametrize("name", ["hardware", "lazy", "python"])
def test_longest_accepts_as_lark(name: str) -> None:
    text, good, bad = SAMPLES[name]
    theirs = accepted_by(lark.Lark(text, parser="lalr", lexer="contextual"))
    assert [word for word in good if not accepts(text, "longest", word)] == []
    assert [word for word in bad if accepts(text, "longest", word)] == []
    assert [w for w in mutations(good + bad, 250, 1) if accepts(text, "longest", w) != theirs(w)] == []


@pytest.mark.parametrize("name", ["hardware", "lazy", "underscores"])
def test_dynamic_accepts_as_lark(name: str) -> None:
    text, good, bad = SAMPLES[name]
    theirs = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    assert [word for word in good if not accepts(text, "dynamic", word)] == []
    words = mutations([word for word in good + bad if len(word) < 40], 60, 2)
    assert [word for word in words if accepts(text, "dynamic", word) != theirs(word)] == []


#: Texts of the kinds that the shipped terminals are for.
LEXEMES = ["1", "-2.5e3", ".5", "0x1F", "0b11", "0o17", "1_000", "'a'", '"a\\"b"', '"""a\n"b"""', "f'x'", "a_1", "AB"]
LEXEMES += [" \t", "\r\n\n", "#c", "// d", "/* e */", "--f", "3j", "_", "é", "00", "'\\\\'", "match", "/*/"]


@pytest.mark.parametrize("library", ["common", "python"])
def test_every_terminal_that_lark_ships(library: str) -> None:
    """Those that may be empty, both refuse."""
    names = re.findall(r"^(_?[A-Z]\w*)(?:\.\d+)?\s*:", (SHIPPED / f"{library}.lark").read_text("utf-8"), re.MULTILINE)
    assert len(names) > 10
    words = mutations(LEXEMES, 80, 4)
    for name in names:
        text = f"start: {name}\n%import {library}.{name}\n"
        try:
            theirs = accepted_by(lark.Lark(text, parser="lalr"))
        except lark.exceptions.LexError:
            with pytest.raises(GrammarSyntaxError, match="empty"):
                Lark(text).grammar()
            continue
        assert [word for word in words if accepts(text, "longest", word) != theirs(word)] == [], name


def test_the_grammar_of_grammars() -> None:
    """lark's grammar of its own syntax reads the grammars that it ships, and ours; mutants as lark does."""
    text = (SHIPPED / "lark.lark").read_text("utf-8")
    texts = [path.read_text("utf-8") for path in (*SHIPPED.glob("*.lark"), *OURS.glob("*.lark"))]
    assert [each for each in texts if not accepts(text, "longest", each)] == []
    theirs = accepted_by(lark.Lark(text, parser="lalr"))
    short = ['a: b "c"i -> d\n', 'A.2: /x\\/y/i | "y".."z"\n%ignore A', "?a{b}: [b~2..3] // c\n%import .d (E, f)\n"]
    words = mutations(short, 250, 3)
    assert [word for word in words if accepts(text, "longest", word) != theirs(word)] == []
    assert [finding for finding in lint(Lark(text)) if finding.severity == "error"] == []


def test_what_lark_counts_outside_of_the_grammar_is_refused_by_name() -> None:
    for start in ("file_input", "single_input"):
        with pytest.raises(UnsupportedFeature, match=r"_(IN|DE)DENT` is only declared.*Indenter counts spaces"):
            Lark((SHIPPED / "python.lark").read_text("utf-8"), start=start).grammar()
    assert accepts(PYTHON, "dynamic", "1 if a else b")
