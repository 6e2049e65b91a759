"""A second process that compiles the largest kernels while this one does the rest.

It is started where no kernel is on disk yet, before the first vocabulary is built; it keeps what it compiles in the
cache folder, and tells each name when it is there; `await_kernel` waits for that. It ends with the process that started
it. Where it cannot be started, stumbles or takes too long, kernels are compiled where they are called, as they are in a
process that finds another at work.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ..grammar.collection import no_collection
from .kernel_cache import CACHE_DIR, is_cold

#: What it compiles, in this order: kernels that share most of what they call. Module, name -> types of the arguments.
KERNELS = {
    ("_batch_kernels", "fill_row"): "(i8[::1], i8, i8, i4[::1])",
    ("_advance_kernels", "advance_token"): "(i8[::1], i8, i8)",
    ("_batch_kernels", "fill_rows"): "(i8[:,::1], i8[:,::1], u1[::1], i4[:,::1], i8[::1])",
    ("_advance_kernels", "accepts_end"): "(i4[::1], i4[::1], i8, i8, u1[::1], i8)",
    ("_advance_kernels", "advance_keys"): "(i4[::1], i4[::1], i4[::1], i8, i8, i8, i8, u1[::1], i8, i8)",
    ("_advance_kernels", "ask_closers"): "(i4[::1], i4[::1], i8, i4[::1], i4[::1], u1[::1], i8[::1], i8, u1[::1])",
    ("_advance_kernels", "advance_bytes"): "(i4[::1], i4[::1], i8, u1[::1], i8, i8, i8, u1[::1], i8)",
    ("_advance_kernels", "advance_special"): "(i4[::1], i4[::1], i8, i8, i8, u1[::1], i8)",
}
#: Seconds for all of them, behind which nobody waits any longer.
LIMIT = 120.0
#: Names its lock file in its environment. Whoever sets it keeps a process from starting one.
MARK = "SYNTAGMA_COMPILES_AHEAD"
STDOUT = 1


class Helper:
    """The process, as the one that started it sees it."""

    def __init__(self, process: subprocess.Popen[bytes], lock: Path) -> None:
        assert process.stdout is not None
        self._process, self._pipe, self._lock = process, process.stdout, lock
        self._owner, self._until = os.getpid(), time.monotonic() + LIMIT
        self._told: set[str] = set()
        os.set_blocking(self._pipe.fileno(), False)
        atexit.register(self.stop)

    def wait(self, name: str) -> None:
        """Return when it has compiled a kernel, or when that is no longer to be expected."""
        while os.getpid() == self._owner and name not in self._told and time.monotonic() < self._until:
            try:
                text = os.read(self._pipe.fileno(), 4096)
            except BlockingIOError:
                time.sleep(0.01)
                continue
            if not text:
                return
            self._told.update(text.decode().split())

    def stop(self) -> None:
        """End it."""
        if os.getpid() == self._owner:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
            self._lock.unlink(missing_ok=True)


_helper: Helper | None = None
_begun = False


def start() -> None:
    """Where no kernel is on disk yet, say once that they are compiled, and start the process unless there is one."""
    global _begun, _helper
    if _begun or os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" or not is_cold():
        return
    _begun = True
    print("syntagma: compiling kernels for the first time (about 10 s)...", file=sys.stderr, flush=True)
    if CACHE_DIR is not None and MARK not in os.environ and _is_of_use():
        _helper = _started(CACHE_DIR)


def _started(folder: Path) -> Helper | None:
    lock = folder / "ahead.lock"
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__package__} import compile_ahead; compile_ahead.main()"
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > LIMIT:  # left behind by one that was killed
            lock.unlink()
    try:
        lock.touch(exist_ok=False)
    except OSError:
        return None
    try:
        process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {MARK: str(lock)}, **pipes)
    except OSError:
        lock.unlink(missing_ok=True)
        return None
    return Helper(process, lock)


def _is_of_use() -> bool:
    """Whether there is a second processor, and an interpreter to start by its name."""
    known = Path(sys.executable or "").stem.lower().startswith(("python", "pypy")) and not hasattr(sys, "frozen")
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return known and processors > 1 and hasattr(os, "set_blocking")


def await_kernel(module: str, name: str) -> None:
    """Wait for the process if it is to compile this kernel."""
    home = module.rpartition(".")[2]
    if _helper is not None and (home, name) in KERNELS:
        _helper.wait(f"{home}.{name}")


def main() -> None:
    """Compile the kernels, in the process that was started for it."""
    from numba.core.sigutils import normalize_signature

    try:
        with no_collection():
            for (module, name), types in KERNELS.items():
                entry = getattr(import_module(f".{module}", __package__), name)
                entry.compile(normalize_signature(types)[0])  # a string would be cached as one
                os.write(STDOUT, f"{module}.{name}\n".encode())
    except BrokenPipeError:
        return  # the process that waits for them is gone
    finally:
        Path(os.environ[MARK]).unlink(missing_ok=True)
