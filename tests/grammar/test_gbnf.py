"""GBNF: the grammars that llama.cpp ships (our equivalents), every piece of the syntax, and errors with their place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from oracles.naive_grammar import matches

from syntagma.automata.lint import lint
from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.dialect import read_grammar
from syntagma.grammar.gbnf import Gbnf
from syntagma.grammar.ir import Token

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "gbnf"

#: Grammar -> texts that it accepts, texts that it rejects.
SAMPLES = {
    "json": (
        ['{"a": [1, -2.5e3, true], "b": null}', "{}", '{"\\u00e9": "\\n", "x": {}}', '{\n  "a":\n 1}'],
        ["[1]", '{"a" 1}', '{"a": 01}', '{"a": "\n"}', '{"a": tru}', ""],
    ),
    "json_arr": (['[\n1,\n {"a": [2]}]', "[\n]"], ["[1]", "[\n1, 2]", "{}"]),
    "arithmetic": (["1+2= 3\n", "(x *y_1) /2=z\n1=1\n"], ["1+2\n", "1+=2\n", "X=1\n", "1=2"]),
    "chess": (
        ["1. e4 e5\n2. Nf3 Nc6\n", "1. d4 Nf6\n2. O-O O-O-O+\n10. exd8=Q Rxa1#\n"],
        ["1. e4 e5\n", "2. e4 e5\n3. d4 d5\n", "1. e9 e5\n2. d4 d5\n", "1. e4 e5 2. d4 d5\n"],
    ),
    "list": (["- a\n", "- milk\n- été 🙂\n"], ["a\n", "- \n", "- a", "- a\r\n", "- a\u2028b\n"]),
    "c": (
        [
            "int main(){return 0;}",
            "int f(int n){int x = n*2+g(n, 1);while(x<=10){x = x+1;}if(x!=3){f (x);}else{return -x;}}",
            "float a(){// one\n/* two * three */b = (  c-1 );}",
        ],
        ["int main(){return 0}", "main(){}", "int f(){int x=1;}", "int f(){x = 1"],
    ),
    "japanese": (["こんにちは", "カタカナ 漢字、です\nはい"], ["hello", "こんにちは ", "漢字 a"]),
    "english": (["Hello, world! (1 + 1)", 'a\t"b"\nc\\d]'], ["", " a", "é", "a  b"]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_grammars_of_llama_cpp(name: str) -> None:
    accepted, rejected = SAMPLES[name]
    auto = compile_for_bytes(Gbnf((FIXTURES / f"{name}.gbnf").read_text("utf-8")).grammar())
    assert [text for text in accepted if first_mismatch(auto, text.encode()) is not None] == []
    assert [text for text in rejected if first_mismatch(auto, text.encode()) is None] == []


def test_every_fixture_has_samples() -> None:
    assert {path.stem for path in FIXTURES.glob("*.gbnf")} == set(SAMPLES)


#: Body of `root` -> texts that it accepts, texts that it rejects.
PIECES = {
    r'"a\tb\\\"\[\]\n\r"': (['a\tb\\"[]\n\r'], ["a"]),
    r'"\x41\u00e9\U0001F642"': (["Aé🙂"], ["A"]),
    r"[a-c\]x-]": (["a", "c", "]", "x", "-"], ["d", "y", ""]),
    "[^a-c]": (["d", "é", "\n"], ["a", "b", "dd"]),
    r"[^\x00-\x1F\u00e9]": (["a", "è"], ["é", "\n"]),
    ".": (["a", "\n", "🙂"], ["", "ab"]),
    ". .": (["ab"], ["a"]),
    '"a"{2}': (["aa"], ["a", "aaa"]),
    '"a"{2,}': (["aa", "aaaaa"], ["a"]),
    '"a"{2,3}': (["aa", "aaa"], ["a", "aaaa"]),
    '"a"{0}': ([""], ["a"]),
    '"ab"*': (["", "abab"], ["aba"]),
    '("a" | "b" "c")+ "d"?': (["a", "bcad"], ["", "b", "d"]),
    '("a"\n# one\n| # two\n"b"\n)': (["a", "b"], ["ab"]),
    '"a" |\n  "b"': (["a", "b"], []),
    '\n "a"': (["a"], [""]),
    "": ([""], ["a"]),
    '| "a"': (["", "a"], []),
    '"a"?*': (["", "aa"], ["b"]),
    '"#" # no "b"': (["#"], ["#b"]),
    'root "a" | "b"': (["b", "baa"], ["a"]),
    'in-ner_1 "b"\nin-ner_1 ::= "x"+': (["xb", "xxb"], ["b"]),
    '"a"\r\n': (["a"], []),
}


@pytest.mark.parametrize("body", PIECES)
def test_every_piece_of_the_syntax(body: str) -> None:
    accepted, rejected = PIECES[body]
    grammar = Gbnf(f"root ::= {body}").grammar()
    assert [text for text in accepted if not matches(grammar, text.encode())] == []
    assert [text for text in rejected if matches(grammar, text.encode())] == []


def test_tokens_by_name_and_by_id() -> None:
    grammar = Gbnf('root ::= <think> !</think>* </think> "a" <[7]>+').grammar()
    think, end, seven = Token(name="<think>"), Token(name="</think>"), Token(id=7)
    assert matches(grammar, [think, *b"any text", end, *b"a", seven, seven])
    assert matches(grammar, [think, end, *b"a", seven])
    assert not matches(grammar, [think, *b"any </think> text", end, *b"a", seven])
    assert not matches(grammar, [think, end, *b"a"])


@pytest.mark.parametrize("body", ["!<x>", "!<x>{2,3}", "!<[1]>?", '"a" !<x> "b"'])
def test_negated_tokens_that_count_are_refused(body: str) -> None:
    with pytest.raises(UnsupportedFeature, match="free text"):
        Gbnf(f"root ::= {body}").grammar()


#: Text -> what the message says, line, column.
ERRORS = {
    "": ("Expected a rule `root`", 1, 1),
    'start ::= "a"': ("got `start`", 1, 1),
    'root ::= "a': ("close the string", 1, 10),
    "root ::= [a": ("close the class", 1, 10),
    "root ::= []": ("member of the class", 1, 10),
    "root ::= [b-a]": ("ascends", 1, 10),
    'root ::= ("a"': ("close the group that opens on line 1, got the end", 1, 14),
    'root ::= "a")': ("got `)`", 1, 13),
    'root ::= "a" b\n\nc ::= "c"': ("definition of the rule `b`", 1, 14),
    'root ::= "a"\nroot ::= "b"': ("defined twice, first on line 1", 2, 1),
    'root = "a"': ("`::=`", 1, 6),
    'root ::= "a"{x}': ("bounds such as", 1, 13),
    'root ::= "a"{3,2}': ("ascend", 1, 13),
    r'root ::= "\q"': (r"got `\q`", 1, 11),
    r'root ::= "\x4"': ("hexadecimal digits", 1, 11),
    r'root ::= "\ud800"': ("no surrogate, got D800", 1, 11),
    'x ::= "y"\nroot ::= "a"\n  | "b"': ("a rule's name, got `|`", 3, 3),
    "root ::= <a b>": ("Expected a token", 1, 10),
    "root ::= <": ("Expected a token", 1, 10),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_say_where(text: str) -> None:
    message, line, column = ERRORS[text]
    with pytest.raises(GrammarSyntaxError) as caught:
        Gbnf(text).grammar()
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_deep_nesting_is_a_clear_error() -> None:
    with pytest.raises(BudgetExceeded, match="nesting"):
        Gbnf("root ::= " + "(" * 5000 + '"a"' + ")" * 5000).grammar()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_grammars_of_llama_cpp_lint_without_errors(name: str) -> None:
    findings = lint(Gbnf((FIXTURES / f"{name}.gbnf").read_text("utf-8")))
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_large_texts_are_read_in_linear_time() -> None:
    start = time.process_time()
    text = "root ::= " + " | ".join(f'"w{i}" r{i}' for i in range(5_000)) + "\n"
    text += "".join(f"r{i} ::= [a-z]{{{i % 7}}}\n" for i in range(5_000))
    assert len(read_grammar(text).grammar().rules) == len(Gbnf(text).grammar().rules) == 5_001
    assert time.process_time() - start < 10


def test_another_start_and_values() -> None:
    text = 'root ::= x\nx ::= "y"'
    assert matches(Gbnf(text, "x").grammar(), b"y")
    assert Gbnf(text) == Gbnf(text)
    assert hash(Gbnf(text)) == hash(Gbnf(text, "root"))
