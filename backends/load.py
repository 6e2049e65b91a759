"""Loading models by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BackendError
from .transformers import TransformersModel, require_library

if TYPE_CHECKING:
    from .llama_cpp import LlamaCppModel


def load(name: str, **options: Any) -> TransformersModel | LlamaCppModel:
    """The embedded model ("embedded"), one from a folder or the Hugging Face hub, or one in a GGUF file ("x.gguf").

    Parameters
    ----------
    options : for `AutoModelForCausalLM.from_pretrained` (`dtype`, `device_map`, `revision`, ...); for a GGUF file those
        of `load_gguf` (`n_ctx`, `n_gpu_layers`, `sequences`, ...).

    Raises
    ------
    BackendMissing : torch or transformers is not installed, or llama-cpp-python for a GGUF file.
    BackendError : there is no such file, folder or model, the hub does not answer, or what is there cannot be read.
    TypeError : options for the embedded model, which takes none.
    """
    if name.lower().endswith(".gguf"):
        from .llama_cpp import load_gguf

        return load_gguf(name, **options)
    if name == "embedded":
        if options:
            raise TypeError(f"The embedded model takes no options, got {', '.join(options)}.")
        from .embedded import load_embedded

        return TransformersModel(*_unlimited(*load_embedded()))
    require_library("torch", "transformers")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    names = ["revision", "token", "cache_dir", "local_files_only"]
    shared = {key: options[key] for key in names if key in options}
    _see(name, shared)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **shared)
        return TransformersModel(*_unlimited(AutoModelForCausalLM.from_pretrained(name, **options), tokenizer))
    except (OSError, ValueError) as error:
        raise BackendError(f"Cannot load the model {name!r}: {_first_line(error)}") from error


def _unlimited(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    """The tokenizer without a longest text of its own: what is too long for the model is an error, not a warning."""
    tokenizer.model_max_length = sys.maxsize
    return model, tokenizer


def _see(name: str, options: dict[str, Any]) -> None:
    """Refuse at once what is neither a folder nor a model on the hub, which otherwise takes a minute of retries."""
    if Path(name).expanduser().exists():
        return
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name:
        raise BackendError(
            f"There is no folder {name!r}. Give a folder with a model, a GGUF file, or a name on the hub: org/name."
        )
    from huggingface_hub import constants, model_info, try_to_load_from_cache

    revision, cache = options.get("revision"), options.get("cache_dir")
    cached = try_to_load_from_cache(name, "config.json", cache_dir=cache, revision=revision)
    if isinstance(cached, str) or options.get("local_files_only") or constants.HF_HUB_OFFLINE:
        return
    try:
        model_info(name, revision=revision, timeout=10, token=options.get("token"))
    except Exception as error:  # whatever the hub's client raises: its errors have no base of their own
        message = f"Cannot find the model {name!r} on the hub: {_first_line(error)}"
        raise BackendError(f"{message} Give a folder, or a name that the hub knows, online.") from error


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith(".") else f"{line}."
