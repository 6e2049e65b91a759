"""White space: the tokens that begin with it are taken from a trie of what follows; every mask against single steps."""

from __future__ import annotations

import json
import random

import pytest
from oracles.mask_bits import tokens_of

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.automata.tables import tables_of
from syntagma.grammar.ir import Bytes, Grammar, Ref, Repeat, Seq
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.regex import Regex

SPACES = ["", " ", "\n", "\t", "\r", "  ", "\n  ", " \n\t", "\r\n"]
ENDS = ["", "{", "}", '"', '"a', '"a":', "a", "1", ",", "]", "[", "true", "-", "é", '"b": 2', ", "]
TEXTS = sorted({(space + end).encode() for space in SPACES for end in ENDS} - {b""} | {bytes((b,)) for b in range(256)})
VOCABULARY = Vocabulary.from_tokens(TEXTS, eos_ids=[len(TEXTS)])

SCHEMAS: list[object] = [
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "number"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": False},
    {"type": "array", "items": {"type": ["boolean", "array"]}},
    {"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {},
]
VALUES = [{"a": 1, "b": 2}, {"a": 1}, [True, [1, "é"]], {"a": 1, "c": "a"}, {"a": [{"b": 2}]}]


def allowed(auto: TokenAutomaton, state: int) -> set[int]:
    return tokens_of(auto.mask(state))


def check(auto: TokenAutomaton, text: bytes) -> None:
    state = auto.start
    for byte in text:
        stepped = {t for t in range(VOCABULARY.width) if auto.advance(state, t)}
        assert allowed(auto, state) == stepped, text
        after = auto.advance(state, TEXTS.index(bytes((byte,))))
        if not after:
            return
        state = after


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
@pytest.mark.parametrize("profile", ["spec", "generation"])
def test_masks_agree_with_steps(schema: object, profile: str) -> None:
    auto = compile_grammar(JsonSchema(schema, profile=profile).grammar(), VOCABULARY)
    for value in VALUES:
        for indent in (None, 1):
            check(auto, json.dumps(value, indent=indent, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    "space", [r"[ \n\t\r]*", r"[ \n]*", r"[ \n\t\r]?", r"[ \n\t\r]+", r"( |\n|\t|\r)*", r"( *|[\n\t\r ]{3})"]
)
def test_loops_that_only_look_alike(space: str) -> None:
    rng = random.Random(space)
    loop = Regex(space).grammar()
    ws = loop.rules[loop.start]
    body = Seq((Bytes(b"["), Ref("s"), Repeat(Seq((Ref("a"), Ref("s")))), Bytes(b"]")))
    auto = compile_grammar(Grammar("t", {"t": body, "s": ws, "a": Bytes(b"a")}), VOCABULARY)
    for _ in range(12):
        check(auto, b"[" + bytes(rng.choices(b"a \n\t\r]", [4, 3, 1, 1, 1, 1], k=7)))


def test_the_trie_holds_what_follows() -> None:
    """Each token that begins with white space lies once in the trie, at the end of what follows its white space."""
    tables = tables_of(VOCABULARY)
    tables.index_spaces()
    V = tables.V
    base = V[L.V_SPACES]
    n, nodes, tokens = V[base : base + 3]
    found, path = set(), b""
    for k in range(n):
        at = nodes + 4 * k
        depth = V[at] >> 8
        path = path[: max(0, depth - 1)] + (bytes((V[at] & 255,)) if depth else b"")
        found |= {(path, int(V[tokens + 2 * i])) for i in range(V[at + 2], V[at + 6])}
    spaced = {t: text.lstrip(b" \n\t\r") for t, text in enumerate(TEXTS) if text[:1] in (b" ", b"\n", b"\t", b"\r")}
    assert found == {(text, t) for t, text in spaced.items()}
