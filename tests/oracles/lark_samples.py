"""Grammars in Lark's syntax with texts of theirs, mutants of the texts, and who accepts them: lark, or the engine."""

from __future__ import annotations

import random
from collections.abc import Callable

import lark

from syntagma.automata.vocabulary import Vocabulary
from syntagma.grammar.ir import Grammar

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
