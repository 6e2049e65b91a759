"""Fixtures: a cache of vocabularies."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, for vocabularies."""
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vocabularies"
