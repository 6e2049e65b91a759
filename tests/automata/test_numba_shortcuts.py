"""Shortcuts through numba: they hold while a kernel is compiled or loaded, and leave numba as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import base, codegen, interpreter, postproc
from numba.core.types.functions import BaseFunction
from numba.np import arrayobj

from syntagma.automata.kernel import OPTIONS, kernel
from syntagma.automata.numba_linking import linked_at_once
from syntagma.automata.numba_shortcuts import no_wraparound, remembered_signatures, shortcuts

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted kernels are not compiled")

#: Compiles or loads a kernel, then lets numba compile a function that needs what they do not.
SCRIPT = """
import sys
import numpy as np
from syntagma.automata._trie_kernels import index_trie
index_trie(np.zeros((2, 4), np.int32), 1, np.zeros(1, np.int32))
print("numba.np.linalg" in sys.modules)
import numba
print(numba.njit(lambda n: np.sort(np.arange(n, 0, -1))[0])(3))
"""


def test_numba_is_as_it_was_behind_a_kernel() -> None:
    chooses = BaseFunction.get_call_type

    @kernel()
    def total(values, n):  # type: ignore[no-untyped-def]
        found = 0
        for i in range(n):
            found += values[i] << 1
        return found

    assert total(np.arange(4, dtype=np.int32), 4) == 12
    assert BaseFunction.get_call_type is chooses
    with remembered_signatures(), remembered_signatures():
        assert BaseFunction.get_call_type is not chooses
    assert BaseFunction.get_call_type is chooses


def test_all_shortcuts_hold_for_a_while_and_may_be_nested() -> None:
    replaced = [
        (arrayobj, "make_array"),
        (arrayobj, "basic_indexing"),
        (base, "_has_loc"),
        (base.BaseContext, "refresh"),
        (base.BaseContext, "get_abi_sizeof"),
        (codegen.JITCodeLibrary, "finalize"),
        (interpreter, "peep_hole_delete_with_exit"),
        (postproc.PostProcessor, "run"),
    ]
    before = [getattr(owner, name) for owner, name in replaced]
    with shortcuts(), linked_at_once():
        inside = [getattr(owner, name) for owner, name in replaced]
        with shortcuts(), linked_at_once():
            pass
        assert [getattr(owner, name) for owner, name in replaced] == inside
    assert [getattr(owner, name) for owner, name in replaced] == before
    assert not any(a is b for a, b in zip(inside, before, strict=True))


def test_kernels_that_call_kernels_do_what_python_does() -> None:
    @kernel("int64(int32[::1], int64)")
    def largest(values, n):  # type: ignore[no-untyped-def]
        found = values[0]
        for i in range(1, n):
            found = max(found, values[i])
        return found

    @kernel("int64(int32[:, ::1], int32[::1], int64)")
    def gather(table, out, row):  # type: ignore[no-untyped-def]
        part = out[1 : 1 + table.shape[1]]
        for k in range(len(part)):
            part[k] += table[row, k] & 255
        return largest(part, len(part)) + largest(out, len(out))

    @kernel()
    def both(table, out):  # type: ignore[no-untyped-def]
        total = 0
        for row in range(len(table)):
            if row == 1:
                continue
            total += gather(table, out, row)
        return total

    table = np.arange(12, dtype=np.int32).reshape(3, 4) * 100
    out = np.arange(6, dtype=np.int32)
    assert both(table, out) == 203 + 203 + 435 + 435
    assert out.tolist() == [0, 33, 234, 435, 124, 5]


def test_bounds_are_checked_where_that_is_asked_for() -> None:
    def at(values, i):  # type: ignore[no-untyped-def]
        return values[i]

    compiled = numba.njit(**OPTIONS, boundscheck=True)(at)
    values = np.arange(4, dtype=np.int32)
    with shortcuts():
        assert compiled(values, 3) == 3
    for i in (4, -1):
        with pytest.raises(IndexError):
            compiled(values, i)


def test_kernels_count_no_references_and_take_indices_as_they_are() -> None:
    fixes = arrayobj.fix_integer_index

    def behind(values, i):  # type: ignore[no-untyped-def]
        rest = values[1:]
        return rest[i]

    compiled = numba.njit(**OPTIONS)(behind)  # no kernel: one that is loaded from disk has no code to look at
    with no_wraparound():
        assert arrayobj.fix_integer_index is not fixes
        assert compiled(np.arange(4, dtype=np.int32), 2) == 3
    assert arrayobj.fix_integer_index is fixes
    (code,) = compiled.inspect_llvm().values()
    assert "NRT_incref" not in code
    assert "NRT_decref" not in code
    assert numba.njit(lambda values: values[-1])(np.arange(4)) == 3


def test_kernels_on_disk_are_loaded_without_what_compiles_them(tmp_path: Path) -> None:
    """The second process finds the kernels; and numba still compiles what others ask for."""
    told = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"SYNTAGMA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(run.stdout.split())
    assert told == [["True", "1"], ["False", "1"]]
