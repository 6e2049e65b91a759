"""The process that compiles ahead: it compiles what is called, nobody waits in vain, it leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numba
import pytest
from numba.core.sigutils import normalize_signature

from syntagma.automata import compile_ahead, kernel_cache
from syntagma.automata.compile_ahead import KERNELS, MARK, Helper
from syntagma.backends.commands.warmup import warm_up

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted kernels are not compiled")

#: Compiles one small kernel ahead, in an interpreter of its own.
COMPILE = """
from syntagma.automata import compile_ahead
compile_ahead.KERNELS = {("_config_kernels", "rehash"): "(i4[::1],)"}
compile_ahead.main()
"""
#: Calls that kernel, and says whether it was on disk.
CALL = """
import numpy as np
from syntagma.automata._config_kernels import rehash
from syntagma.automata import _layout_kernels as L
rehash(np.zeros(L.A_HEADER, np.int32))
print(sum(rehash.stats.cache_hits.values()))
"""


def helper(code: str, folder: Path) -> Helper:
    """What waits for an interpreter that runs `code`."""
    (folder / "lock").touch()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    return Helper(process, folder / "lock")


def test_kernels_are_compiled_ahead_for_the_arguments_that_come() -> None:
    warm_up([], None)
    for (module, name), types in KERNELS.items():
        called = getattr(import_module(f"syntagma.automata.{module}"), name)
        assert called.signatures == [normalize_signature(types)[0]], name


def test_what_is_compiled_ahead_is_found(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    env = os.environ | {"SYNTAGMA_CACHE_DIR": str(tmp_path), MARK: str(lock)}
    told, found = (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout.split()
        for code in (COMPILE, CALL)
    )
    assert (told, found) == (["_config_kernels.rehash"], ["1"])
    assert not lock.exists()


def test_nobody_waits_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = helper("pass", tmp_path)
    silent.wait("compute_mask")
    silent.stop()
    assert not (tmp_path / "lock").exists()
    monkeypatch.setattr(compile_ahead, "LIMIT", 1.0)
    slow = helper("import time; print('rehash', flush=True); time.sleep(60)", tmp_path)
    begin = time.monotonic()
    slow.wait("rehash")
    slow.wait("compute_mask")
    assert time.monotonic() - begin < 30
    slow.stop()


def test_one_process_compiles_ahead_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compile_ahead._started(tmp_path / "missing") is None
    (tmp_path / "ahead.lock").touch()
    assert compile_ahead._started(tmp_path) is None
    (tmp_path / "ahead.lock").unlink()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert compile_ahead._started(tmp_path) is None
    assert not (tmp_path / "ahead.lock").exists()


def test_a_lock_left_behind_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "ahead.lock"
    lock.touch()
    long_ago = time.time() - 2 * compile_ahead.LIMIT
    os.utime(lock, (long_ago, long_ago))
    monkeypatch.setattr(compile_ahead, "KERNELS", {})
    started = compile_ahead._started(tmp_path)
    assert started is not None
    started.stop()
    assert not lock.exists()


def test_it_is_announced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MARK, "1")
    monkeypatch.setattr(compile_ahead, "_begun", False)
    monkeypatch.setattr(kernel_cache, "CACHE_DIR", tmp_path)
    for _ in range(2):
        compile_ahead.start()
    assert capsys.readouterr().err == "syntagma: compiling kernels for the first time (about 10 s)...\n"
    (tmp_path / "some.nbi").touch()
    monkeypatch.setattr(compile_ahead, "_begun", False)
    compile_ahead.start()
    assert capsys.readouterr().err == ""
