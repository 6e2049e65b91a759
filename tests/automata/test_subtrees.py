"""Subtrees taken whole: the split of a vocabulary with long tokens, in UTF-8 and broken, against its definition."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from oracles.naive_split import kernel_split, naive_split

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.automata._payload_kernels import edge_code
from syntagma.automata._trie_kernels import text_next
from syntagma.automata.tables import tables_of
from syntagma.grammar.ir import And, Bytes, Grammar, Items, Ref, Repeat, Seq
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
    r'"([a-z]*[^\u0000-\u007f])+([a-z]+!)?',
    r'"[^\s"]*(\s[^\s"]*){0,3}"',
    r'"\S{1,30}"',
    r'"([a-z0-9]{1,20}\.){1,3}"',
]
#: Patterns of the texts between two quotes.
BESIDE_LENGTHS = [
    r".*a-0.*",
    r".*a{2}.*z.{3}.*",
    r"[a-z0-9]{1,5}(-[a-z0-9.]*)*a",
    r"[^ ]*(é|🦊)",
    r"(\S{1,6}-){1,3}[a-z]+0",
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


@pytest.mark.parametrize("pattern", BESIDE_LENGTHS)
def test_far_from_the_maximum_counts_do_not_matter(pattern: str) -> None:
    """But for those of long tokens, which tell all items that are needed."""
    tokens = drawn_tokens(len(pattern))
    tokens = sorted({*tokens, *(b"a-0.z\xc3\xa9"[k:] * n for k in range(5) for n in (3, 4, 9)), b"aa" * 9, b"a" * 17})
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    texts = And((parse_regex(pattern), Repeat(parse_regex('[^"]'), 0, 400)))
    body = Seq((Bytes(b'"'), texts, Bytes(b'"')))
    grammar = Grammar("s", {"s": Seq((Bytes(b"x"), Items((), Ref("t"), 0, 9))), "t": body})
    pda, tables = compile_grammar(grammar, vocabulary).pushdown, tables_of(vocabulary)
    pda.lower(rule := pda.lowerer.rule_id(body))
    assert pda.G[pda.G[L.G_RT] + rule * L.RT + L.R_NEEDED] > 0
    first = int(pda.G[pda.G[L.G_RT] + rule * L.RT + L.R_START])
    states = range(first, pda.n_states)
    needed = items_to_an_end(pda.G, states)
    for state in states:
        expected = naive_split(pda.G, state, tokens)
        found = kernel_split(tables, pda.G, state, far=True)[0]
        assert found.exits == expected.exits
        assert [t for t, _ in found.crossing] == [t for t, _ in expected.crossing]
        assert [t for t, _ in found.inner] == [t for t, _ in expected.inner]
        for (t, count), (_, begun) in zip(found.inner, expected.inner, strict=True):
            all_items = begun + needed[end_of(pda.G, state, tokens[t])]
            assert count == all_items or (count == 0 and begun <= L.VARIANTS)


def end_of(G: np.ndarray, state: int, text: bytes) -> int:
    for byte in text:
        state = edge_code(G, state, byte) & L.TARGET
    return state


def items_to_an_end(G: np.ndarray, states: range) -> dict[int, int]:
    """By state, the least number of items that begin on a way to an end."""
    found = {s: 0 if G[G[L.G_ST] + s * L.ST] & L.FINAL else 1000 for s in states}
    changed = True
    while changed:
        changed = False
        for s in states:
            for byte in b'a-0.z"x\xc3\xa9':
                code = int(edge_code(G, s, byte))
                more = found.get(code & L.TARGET, 1000) + (code >> L.FLAG_SHIFT & L.LT != 0)
                if code > 0 and more < found[s]:
                    found[s], changed = more, True
    return found


#: What regular expressions hold for white space beyond ASCII, and U+FEFF.
WHITE = re.compile(r"[^\S\x00-\x7f]|\ufeff")


def reads(text: bytes) -> int:
    read = getattr(text_next, "py_func", text_next)
    state = 0
    for byte in text:
        state = int(read(state, byte)) if state >= 0 else -1
    return state


def test_text_is_read_as_python_reads_it() -> None:
    """But for white space beyond ASCII."""
    for c in (*range(0x80, 0x3100), *range(0xFE00, 0x10100), 0xD7FF, 0xE000, 0x10FFFF):
        assert (reads(chr(c).encode()) == -1) == bool(WHITE.match(chr(c)))
    rng = random.Random(1)
    for _ in range(20_000):
        text = bytes(
            rng.choice([0x41, 0xA8, 0xA9, 0xE2, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, *range(0xBF, 0x100)])
            for _ in range(4)
        )
        unfinished = False
        try:
            decoded = text.decode()
        except UnicodeDecodeError as error:
            unfinished = error.reason == "unexpected end of data"
            decoded = text[: error.start].decode() if unfinished else ""
            if not unfinished:
                assert reads(text) == -1
                continue
        if WHITE.search(decoded):
            assert reads(text) == -1
        else:
            assert (reads(text) > 0) == unfinished
