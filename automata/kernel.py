"""Kernel decorator: one place that says how numba compiles.

Every kernel of the package is decorated with `@kernel`. The cache directory is named by a hash over all kernel sources, so
a changed callee in another module can never leave a stale caller behind. Where no directory can be written, kernels compile
without a cache.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources() -> list[Path]:
    """The files that hold kernels, sorted."""
    return sorted(Path(__file__).parent.glob("_*_kernels.py"))


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_dir() -> Path | None:
    root = os.environ.get("SYNTAGMA_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    base = Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "syntagma"
    for candidate in (base, Path(tempfile.gettempdir()) / f"syntagma-{os.getuid() if hasattr(os, 'getuid') else 0}"):
        folder = candidate / "kernels" / _source_hash()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) or any(folder.rglob("*.nbi")):
            return folder
    return None


#: Where compiled kernels are kept; None where no directory can be written.
CACHE_DIR = _cache_dir()
if CACHE_DIR is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(CACHE_DIR)

import numba  # noqa: E402  (reads NUMBA_CACHE_DIR at import)

if CACHE_DIR is not None:
    numba.config.CACHE_DIR = str(CACHE_DIR)


def is_cold() -> bool:
    """Whether no compiled kernel is on disk yet."""
    return CACHE_DIR is None or not any(CACHE_DIR.rglob("*.nbi"))


def announce_cold_start() -> None:
    """Tell the user, once, that kernels are being compiled."""
    global _announced
    if not _announced and is_cold():
        print("syntagma: compiling kernels for the first time (about 15 s)...", file=sys.stderr, flush=True)
    _announced = True


_announced = False


def kernel(signature: Any = None) -> Callable[[F], F]:
    """Compile a function with numba: no Python objects, GIL released, cached on disk.

    With a `signature` (internal kernels) it is compiled for these types at once, and lightly: whoever calls it compiles it
    in once more. Without one (entry points) it is compiled at the first call, with full optimisation.
    """

    def decorate(function: F) -> F:
        options = {"nogil": True, "error_model": "numpy"}
        args = () if signature is None else (signature,)
        full = numba.config.OPT
        if signature is not None:
            numba.config.OPT = type(full)(0)
            options["no_cfunc_wrapper"] = True
        try:
            return numba.njit(*args, cache=CACHE_DIR is not None, **options)(function)  # type: ignore[no-any-return]
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            return numba.njit(*args, **options)(function)  # type: ignore[no-any-return]
        finally:
            numba.config.OPT = full

    return decorate
