"""Kernels: one specialisation each, one decorator, and no constants from elsewhere."""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import syntagma
from syntagma.automata import Vocabulary, compile_grammar, kernel_cache
from syntagma.grammar.ir import (
    Alt,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Member,
    Members,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Token,
    byte_set,
)

ROOT = Path(syntagma.__file__).parent
KERNELS = [path.stem for path in kernel_cache.kernel_sources()]
LETTER = byte_set((0x61, 0x7A))


@dataclass(frozen=True)
class Short:
    """Whether a text is short."""

    pointer: str = "#"
    keyword: str = "maxLength"

    def __call__(self, text: bytes) -> bool:
        return len(text) < 4


def session() -> None:
    """Use a bit of everything."""
    text = Seq((Bytes(b'"'), Repeat(LETTER, 0, 30), Bytes(b'"')))
    members = Members(
        tuple(Member(Bytes(b'"%s"' % (b"a" * k)), Ref("v")) for k in range(1, 40)),
        (OtherMembers(Seq((Bytes(b'"'), Repeat(LETTER), Bytes(b'"'))), text),),
        "any",
        max=9,
    )
    word: Expr = Guarded(Seq((LETTER, Repeat(LETTER))), Short())
    rules = {
        "s": Alt((Seq((Bytes(b"{"), members, Bytes(b"}"))), Ref("v"))),
        "v": Alt(
            (text, word, Seq((Bytes(b"["), Items((), Ref("s"), 0, 50), Bytes(b"]"))), Token(name="<x>"), Ref("l"))
        ),
        "l": Seq((Bytes(b"<"), Ref("n"), Ref("d"), Ref("n"))),
        "n": Lexeme(Seq((Repeat(LETTER, 1), Repeat(Seq((Bytes(b"."), LETTER)), 0, 1))), "n"),
        "d": Lexeme(Bytes(b".."), "d"),
    }
    tokens = [bytes((b,)) for b in range(0x20, 0x7F)] + [b'"a":', b'","', b"aa", b"a.."]
    n = len(tokens)
    vocab = Vocabulary.from_tokens(tokens, eos_ids=[n], special={"<x>": n + 1}, width=n + 9)
    auto = compile_grammar(Grammar("s", rules), vocab)
    row = np.zeros((2, auto.mask_width), np.int32)
    for sample in (b'{"a":["b",abc],"zz":"q"}', b"[" * 60, b"<a.b..c"):
        matcher = auto.matcher()
        for byte in sample:
            matcher.fill_mask(row[1])
            assert matcher.accept(byte - 0x20)
        assert not matcher.accept(n + 2)
        assert matcher.explain(n + 1)
        assert matcher.accepts_eos == (sample[:1] != b"[")
    assert auto.matcher().accept(n + 1)


def kernels() -> dict[str, Any]:
    modules = [importlib.import_module(f"syntagma.automata.{name}") for name in KERNELS]
    return {name: each for module in modules for name, each in vars(module).items() if hasattr(each, "signatures")}


def test_every_kernel_has_one_specialisation() -> None:
    session()
    census = {name: len(each.signatures) for name, each in kernels().items()}
    assert len(census) > 60
    assert sum(census.values()) > 10  # with kernels on disk no inner one is compiled
    assert {name: n for name, n in census.items() if n > 1} == {}


def test_one_place_says_how_numba_compiles() -> None:
    users = [
        path.relative_to(ROOT)
        for floor in ("grammar", "automata", "sampling", "backends")
        for path in (ROOT / floor).rglob("*.py")
        if "import numba" in path.read_text()
    ]
    assert users == [Path("automata/kernel.py")]


def test_kernels_take_names_from_kernel_modules_only() -> None:
    """The cache is named by the kernel sources, so a constant from elsewhere could change unseen."""
    for path in kernel_cache.kernel_sources():
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Import) or [alias.name for alias in node.names] == ["numpy"], path
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                assert node.level == 1, path
                assert node.module in {"kernel", *KERNELS}, (path, node.module)


def test_no_kernel_calls_itself() -> None:
    """A recursive kernel crashes when it is loaded from the cache."""
    calls: dict[str, set[str]] = {}
    for path in kernel_cache.kernel_sources():
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef):
                inside = {
                    n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
                }
                calls[function.name] = inside
    done: set[str] = set()
    while ready := {name for name, inside in calls.items() if name not in done and inside & calls.keys() <= done}:
        done |= ready
    assert done == calls.keys()
