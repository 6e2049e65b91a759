"""Kernel decorator: one place that says how numba compiles.

Every kernel of the package is decorated with `@kernel`. The cache directory is named by a hash over all kernel sources,
so a changed callee in another module can never leave a stale caller behind. Where no directory can be written, kernels
compile without a cache.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

#: A kernel, before and after compiling: its types stand in its signature, not in annotations.
Function: TypeAlias = Callable[..., Any]


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

import llvmlite.binding as llvm  # noqa: E402
import numba  # noqa: E402  (reads NUMBA_CACHE_DIR at import)
from numba.core import codegen  # noqa: E402

if CACHE_DIR is not None:
    numba.config.CACHE_DIR = str(CACHE_DIR)


def is_cold() -> bool:
    """Whether no compiled kernel is on disk yet."""
    return CACHE_DIR is None or not any(CACHE_DIR.rglob("*.nbi"))


def _announce_cold_start() -> None:
    """Tell the user, once and before it begins, that kernels are being compiled."""
    global _announced
    if not _announced and is_cold():
        print("syntagma: compiling kernels for the first time (about 20 s)...", file=sys.stderr, flush=True)
    _announced = True


_announced = False


def kernel(signature: Any = None) -> Callable[[Function], Function]:
    """Compile a function with numba: no Python objects, GIL released, cached on disk.

    With a `signature` (internal kernels) it is compiled for these types at once, and lightly: whoever calls it compiles
    it in once more. Without one (entry points) it is compiled at the first call, with full optimisation.
    """

    def decorate(function: Function) -> Function:
        _announce_cold_start()
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        if signature is None:
            return _compile(function, (), options)
        with _light_optimisation():
            return _compile(function, (signature,), options | {"no_cfunc_wrapper": True})

    return decorate


def _compile(function: Function, args: tuple[Any, ...], options: dict[str, Any]) -> Function:
    try:
        compiled: Function = numba.njit(*args, cache=CACHE_DIR is not None, **options)(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        compiled = numba.njit(*args, **options)(function)
    return compiled


@contextmanager
def _light_optimisation() -> Iterator[None]:
    """Skip LLVM's pipeline for what is compiled inside; only dead globals are removed (they would forbid caching).

    Numba links every callee into its callers and optimises the whole again, so a deep call graph is optimised once for
    each level. This halves the cold start. Where numba's internals differ from what is expected, nothing changes.
    """
    library = getattr(codegen, "CPUCodeLibrary", None)
    full = getattr(library, "_optimize_final_module", None)
    if full is None or not hasattr(llvm, "create_new_module_pass_manager"):
        yield
        return

    def light(self: Any) -> None:
        passes = llvm.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(
            self._final_module, llvm.create_pass_builder(self._codegen._tm, llvm.create_pipeline_tuning_options())
        )

    library._optimize_final_module = light  # type: ignore[union-attr]
    try:
        yield
    finally:
        library._optimize_final_module = full  # type: ignore[union-attr]
