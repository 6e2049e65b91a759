"""Shortcuts through numba: they hold while a kernel is compiled or loaded, and leave numba as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.types.functions import BaseFunction
from numba.np import arrayobj

from syntagma.automata.kernel import OPTIONS, kernel
from syntagma.automata.numba_shortcuts import no_wraparound, remembered_signatures

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted kernels are not compiled")

#: Compiles or loads a kernel, then lets numba compile a function that needs what they do not.
SCRIPT = """
import sys
import numpy as np
from syntagma.automata._trie_kernels import index_trie, note_below
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
