"""Loading models by name."""

from __future__ import annotations

from typing import Any

from .transformers import TransformersModel, require_library


def load(name: str, **options: Any) -> TransformersModel:
    """The embedded model ("embedded"), or one from a folder or the Hugging Face hub.

    Parameters
    ----------
    options : for `AutoModelForCausalLM.from_pretrained` (`dtype`, `device_map`, `revision`, ...).

    Raises
    ------
    BackendMissing : torch or transformers is not installed.
    OSError : there is no such folder or model (raised by transformers).
    TypeError : options for the embedded model, which takes none.
    """
    if name == "embedded":
        if options:
            raise TypeError(f"The embedded model takes no options, got {', '.join(options)}.")
        from .embedded import load_embedded

        return TransformersModel(*load_embedded())
    require_library("torch", "transformers")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    shared = {key: options[key] for key in ("revision", "token", "cache_dir", "local_files_only") if key in options}
    tokenizer = AutoTokenizer.from_pretrained(name, **shared)
    return TransformersModel(AutoModelForCausalLM.from_pretrained(name, **options), tokenizer)
