"""vLLM plugin: `--structured-outputs-config.backend syntagma`.

vLLM loads `register` in every process through its entry-point group `vllm.general_plugins`. It has no registry for
structured-output backends, so four places are opened, and nothing changes for requests of other backends:

    StructuredOutputsConfig                       takes the name, and the options about white space with it
    SamplingParams._validate_structured_outputs   compiles the constraint in the front end; what is wrong is HTTP 400
    AsyncLLM.add_request                          does so ahead, in a thread, so that the event loop goes on meanwhile
    StructuredOutputManager                       makes the backend at the start, heeds the options of requests

Other versions than those tested, or the same with other signatures, are left alone, with a word in the log.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import BackendError, SyntagmaError
from .commands.warmup import warm_up
from .vllm_backend import SyntagmaBackend, SyntagmaGrammar, cache_for, known_ids, spec_of
from .vllm_metrics import metrics

NAME = "syntagma"
#: Minor versions of vLLM that were tested.
TESTED = ("0.32", "0.33")

logger = logging.getLogger("vllm.syntagma")


def register() -> None:
    """Make the backend known to vLLM; may be called again."""
    try:
        check_version()
        _open_config()
        _open_validation()
        _open_front_end()
        _open_manager()
    except BackendError as error:
        logger.error("The structured-output backend 'syntagma' is not available: %s", error)


def check_version() -> None:
    """See that the installed vLLM is one that was tested.

    Raises
    ------
    BackendError : it is not.
    """
    import vllm

    if not vllm.__version__.startswith(tuple(f"{version}." for version in TESTED)):
        raise BackendError(
            f"Found vLLM {vllm.__version__}, expected {' or '.join(TESTED)}. Install one of these, or a syntagma that "
            "was tested with yours."
        )


def _open_config() -> None:
    """Let the configuration's `backend` be ours too."""
    from typing import Literal, get_args

    from pydantic.dataclasses import rebuild_dataclass
    from vllm.config import VllmConfig
    from vllm.config.structured_outputs import StructuredOutputsConfig as Config

    known = get_args(Config.__annotations__["backend"])
    if NAME in known:
        return
    if not known:
        raise BackendError("Found `StructuredOutputsConfig.backend` of another type than a Literal.")
    opened = Literal[(*known, NAME)]  # type: ignore[valid-type]
    Config.__annotations__["backend"] = opened
    Config.__dataclass_fields__["backend"].type = opened
    Config.__pydantic_fields__["backend"].annotation = opened
    check = Config.__pydantic_decorators__.model_validators["_validate_structured_output_config"]
    original = check.func
    check.func = lambda config, *rest: config if config.backend == NAME else original(config, *rest)
    rebuild_dataclass(Config, force=True)
    rebuild_dataclass(VllmConfig, force=True)  # it holds the old check


def _open_validation() -> None:
    """Validate requests of this backend by compiling them."""
    from vllm.sampling_params import SamplingParams

    parameters = ("self", "model_config", "structured_outputs_config", "tokenizer")

    def validate(original: Callable[..., None], params: Any, model: Any, config: Any, tokenizer: Any) -> None:
        if config is None or params.structured_outputs is None or config.backend != NAME:
            original(params, model, config, tokenizer)
        else:
            _validate(params, model, config, tokenizer)

    _wrap(SamplingParams, "_validate_structured_outputs", parameters, validate)


def _validate(params: Any, model: Any, config: Any, tokenizer: Any) -> None:
    """Compile a request's constraint in the front end.

    Raises
    ------
    VLLMValidationError : it cannot be used; HTTP 400.
    """
    from vllm.exceptions import VLLMValidationError

    outputs = params.structured_outputs
    if getattr(model, "is_diffusion", False):
        raise VLLMValidationError("Structured outputs need a model that writes from left to right; this one diffuses.")
    if tokenizer is None:
        raise VLLMValidationError("Structured outputs need a tokenizer; start without --skip-tokenizer-init.")
    if outputs._backend not in (None, NAME):
        raise VLLMValidationError(f"All requests have the backend 'syntagma'; this one asks for {outputs._backend!r}.")
    width = model.get_vocab_size()
    cache = cache_for(tokenizer, width)
    try:
        cache.automaton(spec_of(outputs, config), known_ids(params.all_stop_token_ids, width))
    except SyntagmaError as error:
        raise VLLMValidationError(f"Invalid structured_outputs: {error}", parameter="structured_outputs") from error
    finally:
        metrics().note(cache)
    outputs._backend = NAME


def _open_front_end() -> None:
    """Compile ahead of the validation, in a thread: vLLM validates on the event loop, and finds it done."""
    from vllm.v1.engine.async_llm import AsyncLLM

    pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2), thread_name_prefix="syntagma-compile")

    async def add(original: Callable[..., Awaitable[Any]], engine: Any, *arguments: Any, **options: Any) -> Any:
        params, config = options.get("params") or arguments[2], engine.vllm_config.structured_outputs_config
        if getattr(params, "structured_outputs", None) is not None and config.backend == NAME:
            given = (params, engine.model_config, config, engine.input_processor.tokenizer)
            await asyncio.get_running_loop().run_in_executor(pool, _validate, *given)
        return await original(engine, *arguments, **options)

    _wrap(AsyncLLM, "add_request", ("self", "request_id", "prompt", "params", ...), add)


def _open_manager() -> None:
    """Have the engine make the backend when it starts, and compile with what a request says."""
    from vllm.v1.structured_output import StructuredOutputManager
    from vllm.v1.structured_output.backend_types import StructuredOutputBackend, StructuredOutputGrammar

    StructuredOutputBackend.register(SyntagmaBackend)
    StructuredOutputGrammar.register(SyntagmaGrammar)

    def init(original: Callable[..., None], manager: Any, config: Any) -> None:
        original(manager, config)
        if config.structured_outputs_config.backend == NAME and not config.model_config.skip_tokenizer_init:
            warm_up([], None)
            width = config.model_config.get_vocab_size()
            manager.backend = SyntagmaBackend(config, tokenizer=manager.tokenizer, vocab_size=width)
            manager.backend.on_dead_end = metrics().dead_ends.inc

    def create(original: Callable[..., Any], manager: Any, request: Any) -> Any:
        if not isinstance(manager.backend, SyntagmaBackend):
            return original(manager, request)
        try:
            return manager.backend.compile_request(request.sampling_params)
        finally:
            metrics().note(manager.backend.cache)

    def fill(original: Callable[..., Any], manager: Any, *arguments: Any) -> Any:
        if not isinstance(manager.backend, SyntagmaBackend):
            return original(manager, *arguments)
        began = time.perf_counter()
        rows = original(manager, *arguments)
        metrics().masks.observe(time.perf_counter() - began)
        return rows

    _wrap(StructuredOutputManager, "__init__", ("self", "vllm_config"), init)
    _wrap(StructuredOutputManager, "_create_grammar", ("self", "request"), create)
    of_a_step = ("self", "requests", "structured_output_request_ids", "scheduled_spec_decode_tokens")
    _wrap(StructuredOutputManager, "grammar_bitmask", of_a_step, fill)


def _wrap(owner: type, name: str, parameters: tuple[Any, ...], around: Callable[..., Any]) -> None:
    """Replace a method by `around(original, ...)`, once.

    Parameters
    ----------
    parameters : their names; an ellipsis at the end stands for any more.

    Raises
    ------
    BackendError : there is no such method, or it takes other parameters.
    """
    original = getattr(owner, name, None)
    if hasattr(original, "__syntagma__"):
        return
    found = None if original is None else tuple(inspect.signature(original).parameters)
    n = len(parameters) - 1 if parameters[-1] is ... else None
    if original is None or found is None or found[:n] != parameters[:n]:
        raise BackendError(f"Expected {owner.__name__}.{name}{parameters}, found {found}.")

    @functools.wraps(original)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        return around(original, *arguments, **options)

    wrapped.__syntagma__ = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapped)
