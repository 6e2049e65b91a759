"""Subtrees taken whole: the split of a vocabulary with long tokens, in UTF-8 and broken, against its definition."""

from __future__ import annotations

import random

import pytest
from oracles.naive_split import kernel_split, naive_split

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.automata._trie_kernels import text_next
from syntagma.automata.tables import tables_of
from syntagma.grammar.ir import Bytes, Grammar, Items, Ref, Seq
from syntagma.grammar.regex import parse_regex

CHARACTERS = [
    "a",
    "g",
    "z",
    "0",
    "-",
    ".",
    '"',
    " ",
    "\n",
    "é",
    "߿",
    "ࠀ",
    "퟿",
    "ह",
    "–",
    "\u2028",
    "🦊",
    "\U00010000",
    "\U0010ffff",
]
BROKEN = [b"\xc3", b"\xa9", b"\xe0\x80", b"\xed\xa0\x80", b"\xf0\x9f", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xff"]
PATTERNS = [
    r'"[^"]*"',
    r'"[^"]{0,9}\.png"',
    r'"(.|\n)*"',
    r'"[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}\.[a-z]{2,5}"',
    r'"[^"\u0000-\u001f]{2,7}"',
    r'"[^"]{3,500}"',
    r'"(a{2})?[^"]{0,7}"',
    r'"[ -~]{0,5}"',
    r'"[a-z]{2,90}@[^"]{1,700}"',
    r'"[^"🦊]*(é.{3})?"',
    r'"[ -~]*"',
    r"[^.]+",
]


def drawn_tokens(seed: int) -> list[bytes]:
    """All bytes, texts, and texts with something broken."""
    rng = random.Random(seed)
    texts = ["".join(rng.choices(CHARACTERS[: rng.choice([4, 9, 19])], k=rng.randint(1, 9))) for _ in range(400)]
    tokens = [bytes((b,)) for b in range(256)] + [text.encode() for text in texts]
    for text in texts[:150]:
        before, after = text[: len(text) // 2].encode(), text[len(text) // 2 :].encode()
        tokens += [before + rng.choice(BROKEN) + after, text.encode()[: rng.randint(1, 12)]]
    return sorted(set(tokens))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_split_of_long_tokens(pattern: str) -> None:
    tokens = drawn_tokens(PATTERNS.index(pattern))
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    body = parse_regex(pattern)
    grammar = Grammar("s", {"s": Seq((Bytes(b"x"), Items((), Ref("t"), 0, 9))), "t": body})
    pda, tables = compile_grammar(grammar, vocabulary).pushdown, tables_of(vocabulary)
    pda.lower(rule := pda.lowerer.rule_id(body))
    first = int(pda.G[pda.G[L.G_RT] + rule * L.RT + L.R_START])
    for state in range(first, pda.n_states):
        assert kernel_split(tables, pda.G, state)[0] == naive_split(pda.G, state, tokens)


def test_text_is_read_as_python_reads_it() -> None:
    """But for two characters."""
    rng = random.Random(1)
    read = getattr(text_next, "py_func", text_next)
    for _ in range(20_000):
        text = bytes(
            rng.choice([0x41, 0xA8, 0xA9, 0xE2, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, *range(0xBF, 0x100)])
            for _ in range(4)
        )
        state = 0
        for byte in text:
            state = int(read(state, byte)) if state >= 0 else -1
        if b"\xe2\x80\xa8" in text or b"\xe2\x80\xa9" in text:
            assert state == -1
            continue
        try:
            text.decode()
            assert state == 0
        except UnicodeDecodeError as error:
            unfinished = error.reason == "unexpected end of data"
            assert (state > 0) == unfinished
