"""Loading models by name, from folders."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="install syntagma[models]")

from syntagma.backends.load import load
from syntagma.sampling import Prefix


def test_folders_are_loaded(llama, tmp_path):
    llama.model.save_pretrained(tmp_path)
    llama.tokenizer.save_pretrained(tmp_path)
    model = load(str(tmp_path), local_files_only=True)
    assert model.vocabulary == llama.vocabulary
    rows = [m.logp_next([Prefix([5, 6])])[0, :300] for m in (model, llama)]
    assert np.allclose(*rows, atol=1e-5)


def test_missing_folders_raise(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        load(str(tmp_path / "nowhere"), local_files_only=True)


def test_the_embedded_model_takes_no_options():
    with pytest.raises(TypeError, match="takes no options, got dtype"):
        load("embedded", dtype="float16")
