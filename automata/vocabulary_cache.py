"""Vocabulary cache: arrays in one checked file, memory-mapped.

A file is
    magic    8 bytes
    digest   32 bytes  SHA-256 of all that follows
    length   8 bytes   of the header, little-endian
    header   JSON      the arrays (name, dtype, shape, offset in the file) and a `meta` object
    arrays             each aligned to 64 bytes
Files are named by what they were made from, written beside their place and renamed, and checked as a whole when read: a
broken one counts as absent and is written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"SYNTVOC1"
_ALIGN = 64
_HEAD = len(_MAGIC) + 32 + 8

Arrays = dict[str, NDArray[Any]]


def cache_folder() -> Path | None:
    """Where vocabularies are kept; None where there is no home directory to keep them in."""
    if root := os.environ.get("SYNTAGMA_CACHE_DIR"):
        return Path(root) / "vocabularies"
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "syntagma" / "vocabularies"


def load(key: str) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and meta data kept under `key` (hex digits), or None where they are absent or broken."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        raw = np.memmap(folder / f"{key}.bin", np.uint8, "r").view(np.ndarray)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None
    body = raw.data
    if bytes(body[:8]) != _MAGIC or hashlib.sha256(body[40:]).digest() != bytes(body[8:40]):
        return None
    header = json.loads(bytes(body[_HEAD : _HEAD + int.from_bytes(body[40:48], "little")]))
    arrays = {
        name: raw[offset : offset + np.dtype(dtype).itemsize * int(np.prod(shape))].view(dtype).reshape(shape)
        for name, dtype, shape, offset in header["arrays"]
    }
    return arrays, header["meta"]


def store(key: str, arrays: Arrays, meta: dict[str, Any]) -> bool:
    """Keep arrays and meta data under `key`; False where the folder cannot be written."""
    folder = cache_folder()
    if folder is None:
        return False
    content = _serialise(arrays, meta)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
    except OSError:
        return False
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, folder / f"{key}.bin")
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        return False
    return True


def _serialise(arrays: Arrays, meta: dict[str, Any]) -> bytes:
    """The file's content."""
    size = _HEAD + 4096  # where the arrays start: the header's room grows until it fits
    while len(header := _header(arrays, meta, size)) > size - _HEAD:
        size += len(header)
    body = bytearray(len(header).to_bytes(8, "little") + header)
    for (_, _, _, offset), array in zip(json.loads(header)["arrays"], arrays.values(), strict=True):
        body += bytes(offset - 40 - len(body)) + array.tobytes()
    return _MAGIC + hashlib.sha256(body).digest() + body


def _header(arrays: Arrays, meta: dict[str, Any], offset: int) -> bytes:
    """The header as JSON, for arrays that start at `offset` bytes or after."""
    rows: list[tuple[str, str, tuple[int, ...], int]] = []
    for name, array in arrays.items():
        offset = -(-offset // _ALIGN) * _ALIGN
        rows.append((name, array.dtype.str, array.shape, offset))
        offset += array.nbytes
    return json.dumps({"arrays": rows, "meta": meta}).encode()
