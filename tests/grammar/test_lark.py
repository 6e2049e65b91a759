"""The Lark front end against lark itself, its errors, and what goes beyond lark."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import lark
import pytest
from oracles.naive_grammar import matches

from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import BudgetExceeded, GrammarError, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.ir import Grammar, Lexeme, Repeat, Token
from syntagma.grammar.lark import Lark, LarkWarning
from syntagma.grammar.normalize import normalize

ARITHMETIC = r"""
?start: sum
?sum: product | sum "+" product -> add | sum "-" product -> sub
?product: atom | product "*" atom | product "/" atom
?atom: NUMBER | "-" atom | NAME | "(" sum ")"
%import common.CNAME -> NAME
%import common.NUMBER
%import common.WS_INLINE
%ignore WS_INLINE
"""

JSON = r"""
?start: value
?value: object | array | string | SIGNED_NUMBER | "true" | "false" | "null"
array: "[" [value ("," value)*] "]"
object: "{" [pair ("," pair)*] "}"
pair: string ":" value
string: ESCAPED_STRING
%import common.ESCAPED_STRING
%import common.SIGNED_NUMBER
%import common.WS
%ignore WS
"""

SQL = r"""
start: "SELECT"i columns "FROM"i NAME [where] [limit]
columns: "*" | list{column}
column: NAME ["AS"i NAME]
where: "WHERE"i condition (("AND"i | "OR"i) condition)*
condition: NAME COMPARE (NUMBER | STRING)
limit: "LIMIT"i NUMBER
list{item}: item ("," item)*
COMPARE: "=" | "<" | ">" | "<=" | ">=" | "<>"
NAME: /[a-zA-Z_][a-zA-Z0-9_]*/
NUMBER: /[0-9]+/
STRING: /'[^']*'/
%ignore /\s+/
"""

PYTHON = r"""
start: test
?test: or_test ["if" or_test "else" test] | lambda_
lambda_: "lambda" [NAME ("," NAME)~0..2] ":" test
?or_test: and_test ("or" and_test)*
?and_test: not_test ("and" not_test)*
?not_test: "not" not_test | comparison
?comparison: arith (("<" | ">" | "==" | "in" | "not" "in") arith)*
?arith: term (("+" | "-") term)*
?term: power (("*" | "/" | "//") power)*
?power: call ["**" power]
?call: atom | call "(" [test ("," test)*] ")" | call "." NAME | call "[" test "]"
?atom: NAME | NUMBER | STRING | "(" test ")" | "[" [test ("," test)* [","]] "]"
NAME: /[^\W\d]\w*/
NUMBER: /0|[1-9]\d*/
STRING: /("(?!"").*?(?<!\\)(\\\\)*?"|'(?!'').*?(?<!\\)(\\\\)*?')/
%ignore " "
"""

CSV = r"""
start: header row+
header: "#" " "? (WORD _SEPARATOR?)+ _NEWLINE
row: (_anything _SEPARATOR?)+ _NEWLINE
_anything: INT | WORD | NON_SEPARATOR_STRING | FLOAT | SIGNED_FLOAT
NON_SEPARATOR_STRING: /[a-zA-z.;\\\/]+/
_SEPARATOR: /[ ]+/ | "\t" | ","
_NEWLINE: "\n"
%import common.WORD
%import common.INT
%import common.FLOAT
%import common.SIGNED_FLOAT
"""

KEYWORDS = r"""
start: (statement ";")*
statement: IF expression THEN statement | NAME "=" expression | INT ".." INT
expression: NAME | INT | FLOAT | expression "+" expression | "not" expression
IF: "if"
THEN: "then"
NAME: /[a-z]+/
INT: /[0-9]+/
FLOAT.2: /[0-9]+\.[0-9]+/
COMMENT: /#[^\n]*/
%ignore " "
%ignore COMMENT
"""

SAMPLES = {
    "arithmetic": (ARITHMETIC, ["1+2*(x-3)", " -a / 4.5e3", "((y))-1", "a_1 * -.5", "1 + 2 - 3"]),
    "json": (JSON, ['{"a": [1, -2.5e3, true], "b": null}', '["x\\"y", "\\\\", {}]', ' [ [ ] , "" ] ', '"a"', "-0.5"]),
    "sql": (SQL, ["select a, b as c from t where x <= 3 and y='q' limit 5", "SELECT * FROM t", "Select a From b"]),
    "python": (PYTHON, ["f(x, 1)[2].y if not a in b else c", "lambda x, y: x ** 2 // 3", "'a\\'b' + \"c\"", "[1, 2,]"]),
    "csv": (CSV, ["# a b\n1 2 x\n", "#x\ty\n1.5,-2.0 z;\n3\n", "# w\nfoo.bar 12\n"]),
    "keywords": (KEYWORDS, ["if x then y = 1;", "iffy=not 1.5+then;", "1..2; a=3;", "a = b; # c", "if if then x = 1;"]),
}


def mutations(texts: list[str], n: int, seed: int) -> list[str]:
    """The texts, and as many with a few characters deleted, doubled, swapped, or taken from the others."""
    rng = random.Random(seed)
    alphabet = sorted(set("".join(texts)))
    found = [*texts, ""]
    while len(found) < n:
        text = list(rng.choice(texts))
        for _ in range(rng.choice([1, 1, 2, 3])):
            k = rng.randrange(len(text) + 1)
            match rng.randrange(4):
                case 0:
                    del text[k : k + rng.choice([1, 1, 3])]
                case 1:
                    text.insert(k, rng.choice(alphabet))
                case 2:
                    text[k : k + 1] = [rng.choice(alphabet)]
                case _:
                    text[k:k] = text[max(0, k - 2) : k]
        found.append("".join(text))
    return found


def accepted_by(parser: lark.Lark) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            parser.parse(text)
        except lark.exceptions.UnexpectedInput:
            return False
        return True

    return accepts


BYTES = Vocabulary.from_tokens(
    [*(bytes([b]) for b in range(256)), None, None, None], eos_ids=[256], special={"<|end|>": 257, "<|x|>": 258}
)


def accepted_by_engine(grammar: Grammar) -> Callable[[str | list[int]], bool]:
    from syntagma.automata.compile import compile_grammar  # kernels: not needed by the other tests

    auto = compile_grammar(grammar, BYTES)

    def accepts(text: str | list[int]) -> bool:
        state = auto.start
        for token in text.encode() if isinstance(text, str) else text:
            state = auto.advance(state, token)
            if state == 0:
                return False
        return bool(auto.accepts(state))

    return accepts


@pytest.mark.parametrize("name", SAMPLES)
def test_dynamic_as_lark(name: str) -> None:
    text, samples = SAMPLES[name]
    if name == "keywords":
        text = text.replace("%ignore COMMENT", "")  # the oracle knows no munch
    expected = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    grammar = normalize(Lark(text, lexer="dynamic").grammar())
    for word in mutations([s for s in samples if len(s) < 32], 40, 1):
        assert matches(grammar, word.encode()) == expected(word), word


@pytest.mark.parametrize("name", SAMPLES)
def test_dynamic_engine_as_lark(name: str) -> None:
    text, samples = SAMPLES[name]
    expected = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    accepts = accepted_by_engine(Lark(text, lexer="dynamic").grammar())
    assert all(map(expected, samples))
    for word in mutations(samples, 150, 2):
        assert accepts(word) == expected(word), word


@pytest.mark.parametrize("name", ["arithmetic", "json", "sql", "python", "keywords"])
def test_longest_as_larks_contextual_lexer(name: str) -> None:
    text, samples = SAMPLES[name]
    if name == "keywords":
        text = text.replace('expression "+" expression', 'NAME "+" expression')
    expected = accepted_by(lark.Lark(text, parser="lalr", lexer="contextual"))
    accepts = accepted_by_engine(Lark(text).grammar())
    for word in mutations(samples, 300, 3):
        assert accepts(word) == expected(word), word


def test_longest_lexemes_are_no_prefixes_of_others() -> None:
    grammar = Lark(KEYWORDS).grammar()
    accepts = accepted_by_engine(grammar)
    assert accepts("1..2;")
    assert accepts("a=1.5;")
    assert accepts("ifx=1;")
    assert not accepts("if=1;")  # the keyword wins where both may stand
    assert accepts("if if then b=if;")  # and only there
    assert accepts("notx=notx;")
    assert not accepts("if 1then b=2;x")


def test_priorities_decide_between_equal_texts() -> None:
    text = """
    start: (A "1" | B "2" | C "3" | "ab" "4") ";"?
    A: /[ab]{2}/
    B: /[a-c]{2}/
    C.1: /[cd]+/
    """
    rules = Lark(text).grammar().rules
    rank = {name: body.priority for name, body in rules.items() if isinstance(body, Lexeme)}
    assert rank["C"] > rank['"ab"'] > rank["B"] > rank["A"]
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("ab1", "ab2", "ab4", "aa1", "aa2", "bc2", "cc2", "cc3", "ca2")] == [
        *(False, False, True),
        *(False, True, True),
        *(False, True, True),
    ]


def test_where_longest_differs_from_lark() -> None:
    text = 'start: (A | AB | "c")+\nA: /a+/\nAB: "ab"'
    theirs = accepted_by(lark.Lark(text, parser="lalr", lexer="contextual"))
    ours = accepted_by_engine(Lark(text).grammar())
    assert ours("ab")
    assert not theirs("ab")  # the wider /a+/ is tried first and matches
    text = 'start: A "b"?\nA: /a|ab/'
    assert not accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))("abb")
    assert accepted_by_engine(Lark(text, lexer="dynamic").grammar())("abb")


def test_lazy_terminals_end_where_they_first_may() -> None:
    text = 'start: C "x"? | S+\n%import common.C_COMMENT -> C\n%import common.ESCAPED_STRING -> S\n'
    for lexer in ("longest", "dynamic"):
        accepts = accepted_by_engine(Lark(text, lexer="longest" if lexer == "longest" else "dynamic").grammar())
        assert accepts("/* a * b */x")
        assert not accepts("/* a */ */")
        assert accepts(r'"a\\""b\""')
        assert not accepts(r'"a"b"')


def test_bounds_stay_bounds() -> None:
    grammar = Lark('start: "a"~2..10000 ["b"]').grammar()
    assert any(isinstance(node, Repeat) and (node.min, node.max) == (2, 10000) for node in grammar.rules["start"].items)


def test_templates_with_templates_as_arguments() -> None:
    text = """
    start: apply{pair, "x"} | nested{"y"}
    apply{f, x}: f{x, x}
    pair{a, b}: a "," b
    nested{x}: x | "(" nested{x} ")"
    """
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("x,x", "y", "((y))", "x", "x,y", "(y")] == [True] * 3 + [False] * 3


def test_special_tokens() -> None:
    grammar = Lark('start: "a" <|end|> "b"* <[257-258]>').grammar()
    assert grammar.rules["start"].items[1].rule in grammar.rules
    bodies = set(grammar.rules.values())
    assert Token(name="<|end|>") in bodies
    accepts = accepted_by_engine(grammar)
    assert accepts([97, 257, 98, 98, 257])
    assert accepts([97, 257, 258])
    assert not accepts("a<|end|>b")
    assert not accepts("ab")


def test_inline_json_schema() -> None:
    text = """
    start: "call" NAME obj  // %json in a comment, and "%json {" in a string
    obj: %json {"type": "object", "properties": {"a": {"enum": ["}", 1]}},
                "required": ["a"], "additionalProperties": false}
       | "none %json"
    NAME: /[a-z]+/
    %ignore " "
    """
    accepts = accepted_by_engine(Lark(text).grammar())
    assert accepts('call f {"a": "}"} ')
    assert accepts('call f{"a": 1}')
    assert accepts("call f none %json")
    assert not accepts('call f {"a": 2}')
    assert not accepts("call f {}")
    with pytest.raises(GrammarError) as caught:
        Lark('start: "x"\n  | %json {"$ref": "#/nowhere"}\n').grammar()
    assert caught.value.line == 2


def test_inline_schemas_do_not_mix() -> None:
    schema = '%json {"$defs": {"x": {"const": KIND}}, "type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1}'
    text = "start: " + schema.replace("KIND", "1") + " | " + schema.replace("KIND", "2")
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("[1]", "[2, 2]", "[1, 2]")] == [True, True, False]


def test_imports_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "list.lark").write_text('items{x}: x ("," x)*\nword: WORD\nWORD: /[a-z]+/\n')
    text = "start: items{word}\n%import PLACE (items, word)\n"
    for place in (".parts.list", "parts.list"):
        grammar = Lark(text.replace("PLACE", place), base_path=tmp_path).grammar()
        assert accepted_by_engine(grammar)("a,bc")
    with pytest.raises(GrammarSyntaxError, match="base_path"):
        Lark(text.replace("PLACE", ".parts.list")).grammar()
    (tmp_path / "bad.lark").write_text('x: "a" (\n')
    with pytest.raises(GrammarSyntaxError, match="imported"):
        Lark("%import .bad.x\nstart: x", base_path=tmp_path).grammar()


def test_extend_and_override() -> None:
    text = '%import common.DIGIT\n%extend DIGIT: "x"\nstart: a DIGIT\na: "b"\n%override a: "c"\n'
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("c1", "cx", "b1")] == [True, True, False]


def test_rule_priorities_warn() -> None:
    with pytest.warns(LarkWarning, match="`a`"):
        Lark('start: a\na.2: "x"').grammar()


def test_places() -> None:
    grammar = Lark(JSON).grammar()
    assert grammar.places["pair"] == "line 6"
    assert grammar.places["start"] == "line 2"


WRONG = {
    'start: a\nb: "x"': ("'a' used but not defined", 1, 8),
    'start: b\nb: (c | "c")': ("'c' used but not defined", 2, 5),
    "start: B": ("'B' used but not defined", 1, 8),
    'start: "a" | ( "b"\n': ("Expected `)`, got a new line", 1, 19),
    'start: "a" [ "b" )\n': ("Expected `]`, got `)`", 1, 18),
    "start: A\nA: /b(/": ("pattern /b(/: Expected ')' to close", 2, 6),
    "start: /\\p{Foo}/": ("Foo", 1, 9),
    'start: "a\n': ("closing quote", 1, 8),
    "start: x\nx: $": ("Expected Lark syntax, got '$'", 2, 4),
    'start "a"': ("(missing colon): expected `.` or `:`", 1, 7),
    'start: "a"\nstart: "b"': ("more than once", 2, 1),
    'start: x{"a"}\nx{a,b}: a b': ("expected 2, got 1", 1, 8),
    "%import nope.X\nstart: X": ("no `nope.lark`", 1, 1),
    'start: "x"\n %json': ("JSON Schema behind `%json`", 2, 7),
    'start: %json {"type": }': ("JSON Schema behind `%json`", 1, 23),
    "start: A\nA: /a*/": ("Terminal A may match the empty string", 2, 1),
    'start: "a"~3..1': ("0 <= least <= most, got 3..1", 1, 12),
    "start: <[x]>": ("token ids", 1, 8),
    "start: <[3-1]>": ("empty", 1, 8),
    'start: %json {"a": 1} $': ("got '$'", 1, 23),
    'start: A x\nA: x\nx: "a"': ("Rules aren't allowed inside terminals", 2, 4),
    'start: "x" "ab".."c"': ('range of two single characters such as "a".."z", got "ab".."c"', 1, 12),
    'start: A\nA: "z".."a"': ("Terminal A", 2, 1),
    'start: "\\xZZ"': ("cannot be read", 1, 8),
    'start: ""': ("cannot be read", 1, 8),
    "start: A\nA: B\nB: A": ("Recursion in terminal", 1, 8),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_have_a_position(text: str) -> None:
    message, line, column = WRONG[text]
    with pytest.raises(GrammarError) as caught:
        Lark(text).grammar()
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%declare A\nstart: A", "`A` is only declared"),
        ("%declare a\nstart: a", "`a` is only declared"),
        ("start: A\nA: /a.*?b+/", "greedy quantifier"),
        (r"start: /(a)\1/", "reference"),
    ],
)
def test_what_has_no_translation_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnsupportedFeature, match=message) as caught:
        Lark(text).grammar()
    assert caught.value.offset is not None


def test_start_must_exist() -> None:
    with pytest.raises(GrammarSyntaxError, match=r"rule `main`.*got `foo`, `bar`"):
        Lark('foo: "a"\nbar: "b"', start="main").grammar()
    with pytest.raises(ValueError, match="greedy"):
        Lark('start: "a"', lexer="greedy")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SAMPLES)
def test_broken_grammars_raise_grammar_errors(name: str) -> None:
    for text in mutations([SAMPLES[name][0]], 40, 4):
        with contextlib.suppress(GrammarError, BudgetExceeded):
            normalize(Lark(text).grammar())


HOSTILE = {
    "templates": 't{x}: t{t{x}}\nstart: t{"a"}',
    "terminals": "start: T0\n" + "\n".join(f"T{k}: T{k + 1} T{k + 1}" for k in range(40)) + '\nT40: "z"',
    "chain": "start: T0\n" + "\n".join(f"T{k}: T{k + 1}" for k in range(3000)) + '\nT3000: "z"',
    "nesting": "start: " + "(" * 3000 + '"a"' + ")" * 3000,
    "brackets": "start: " + "[" * 30000,
    "schema": "start: %json " + "[" * 100_000,
    "tokens": "start: <[0-99999999999]>",
    "bounds": 'start: ("a"~0..1000000)~0..1000000',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_grammars_end(name: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(GrammarError, BudgetExceeded):
        normalize(Lark(HOSTILE[name]).grammar())
    assert time.perf_counter() - started < 15
