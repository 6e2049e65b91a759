"""The folder that keeps compiled kernels.

It is named by a hash over all kernel sources, so a changed callee in another module can never leave a stale caller
behind. Where no folder can be written, kernels are compiled without a cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def kernel_sources() -> list[Path]:
    """The files that hold kernels, sorted."""
    return sorted(Path(__file__).parent.glob("_*_kernels.py"))


def _source_hash() -> str:
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in (*kernel_sources(), here / "kernel.py", *sorted(here.glob("numba_*.py"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_root() -> Path:
    if root := os.environ.get("SYNTAGMA_CACHE_DIR"):
        return Path(root)
    if root := os.environ.get("NUMBA_CACHE_DIR"):
        told = Path(root)  # perhaps by the process that started this one, below
        return told.parent.parent if told.parent.name == "kernels" else told
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "syntagma"


def _cache_dir() -> Path | None:
    for candidate in (
        _cache_root(),
        Path(tempfile.gettempdir()) / f"syntagma-{os.getuid() if hasattr(os, 'getuid') else 0}",
    ):
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


def is_cold() -> bool:
    """Whether no compiled kernel is on disk yet."""
    return CACHE_DIR is None or not any(CACHE_DIR.rglob("*.nbi"))
