"""A random model for the serving stacks."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """A random model that every stack loads."""
    pytest.importorskip("transformers", reason="install syntagma[models]")
    from oracles.random_model import make_model

    return make_model(tmp_path_factory.mktemp("random") / "model")
