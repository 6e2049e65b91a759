"""SGLang plugin: `--grammar-backend syntagma`.

SGLang loads `register` in every process through its entry-point group `sglang.srt.plugins`, and has a registry for
grammar backends, so nothing is patched. Other versions than those tested are left alone, with a word in the log.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from ..errors import BackendError

NAME = "syntagma"
#: Minor versions of SGLang that were tested.
TESTED = ("0.5.23",)

logger = logging.getLogger("sglang.syntagma")


def register() -> None:
    """Make the backend known to SGLang; may be called again."""
    try:
        check_version()
    except BackendError as error:
        logger.error("The grammar backend 'syntagma' is not available: %s", error)
        return
    from sglang.srt.arg_groups.choices import GRAMMAR_BACKEND_CHOICES, add_grammar_backend_choices
    from sglang.srt.constrained.base_grammar_backend import register_grammar_backend

    if NAME not in GRAMMAR_BACKEND_CHOICES:
        add_grammar_backend_choices([NAME])
    register_grammar_backend(NAME, _make)


def check_version() -> None:
    """See that the installed SGLang is one that was tested.

    Raises
    ------
    BackendError : it is not.
    """
    found = version("sglang")
    if found.split("+")[0] not in TESTED:
        raise BackendError(
            f"Found SGLang {found}, expected {' or '.join(TESTED)}. Install one of these, or a syntagma that was "
            "tested with yours."
        )


def _make(server_args: Any, tokenizer: Any, vocab_size: int, eos_token_ids: Any) -> Any:
    """The backend, imported and its kernels compiled when a scheduler starts."""
    from .commands.warmup import warm_up
    from .sglang_backend import make_backend

    warm_up([], None)
    return make_backend(server_args, tokenizer, vocab_size, eos_token_ids)
