"""Serve: the HTTP server as a command."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from ...errors import BackendMissing
from .outcome import Outcome

if TYPE_CHECKING:
    from ..prompt import TextModel


def serve(model: str, host: str, port: int, settings: dict[str, Any]) -> Outcome:
    """Load a model and serve it until the process is told to end.

    Parameters
    ----------
    settings : of `server.app.Settings`, without the name.

    Raises
    ------
    BackendMissing : fastapi, uvicorn or prometheus_client is not installed.
    """
    try:
        import uvicorn

        from ..server.app import Settings, create_app
    except ModuleNotFoundError as error:
        raise BackendMissing(error.name or "fastapi", "serve") from error
    from ..load import load
    from .warmup import warm_up

    warm_up([], None)
    loaded: TextModel = load(model)
    app = create_app(loaded, Settings(name=model, **settings))
    gc.collect()
    gc.freeze()  # full collections then look at what requests make, not at every module: they are short, and come often
    uvicorn.run(app, host=host, port=port, log_level="info", timeout_graceful_shutdown=5, server_header=False)
    return Outcome({"served": model}, [("", "The server has ended.\n")])
