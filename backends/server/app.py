"""The application: routes, limits and the order of things.

A body is read within its limits, checked (`bodies`), understood (`plan`) and run (`running`); what fails anywhere is an
answer in OpenAI's form (`failures`). A stream whose first piece fails fails as a whole.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from ..drafts import drafters
from ..prompt import TextModel
from . import answers, streams
from .bodies import ChatBody, CompletionBody, Constrained, ResponseBody
from .description import describe
from .failures import Refused, failure
from .jobs import Jobs
from .metrics import Metrics
from .plan import plan_chat, plan_completion, plan_response
from .running import Run, while_connected

if TYPE_CHECKING:
    from ...automata.pushdown import Limits

logger = logging.getLogger(__name__)
Body = TypeVar("Body", bound=BaseModel)
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Settings:
    """How a server serves.

    Attributes
    ----------
    name : the model's name in answers.
    api_key : what clients have to give; `None`: nothing.
    max_running, max_waiting : generations at the same time, and in the queue.
    seconds : for one generation, waiting included.
    body_bytes, body_seconds : for the body of one request.
    tool_style : how the model writes calls, see `grammar.tools`.
    draft : what guesses the next tokens, so that the model reads several in one pass, see `drafts`; for masking.
    limits : for one constraint.
    """

    name: str = "embedded"
    api_key: str | None = field(default=None, repr=False)
    max_running: int = 32
    max_waiting: int = 128
    seconds: float = 120.0
    body_bytes: int = 4 << 20
    body_seconds: float = 30.0
    tool_style: str = "hermes"
    draft: str | None = None
    limits: Limits | None = None


def create_app(model: TextModel, settings: Settings | None = None) -> FastAPI:
    """The application that serves a model; it owns threads, which end with its lifespan."""
    from ...automata import Limits

    settings = settings or Settings()
    server = Server(model, settings, settings.limits or Limits(bytes=128 << 20, mask_bytes=16 << 20, seconds=10))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(server.jobs.close)

    app = FastAPI(title="syntagma", lifespan=lifespan)
    looks = {"/health": server.health, "/metrics": server.metrics_text, "/v1/models": server.models}
    acts = {
        "/v1/chat/completions": server.chat,
        "/v1/completions": server.completion,
        "/v1/responses": server.response,
    }
    for path, look in looks.items():
        app.get(path)(server.guarded(path, look))
    for path, act in acts.items():
        app.post(path)(server.guarded(path, act))
    describe(app, has_key=settings.api_key is not None)
    return app


class Server:
    """The handlers."""

    def __init__(self, model: TextModel, settings: Settings, limits: Limits) -> None:
        self.metrics = Metrics()
        self.settings = settings
        self.jobs = Jobs(
            model,
            self.metrics,
            max_running=settings.max_running,
            max_waiting=settings.max_waiting,
            seconds=settings.seconds,
        )
        self._limits = limits
        self._drafters = drafters(settings.draft)

    def guarded(self, path: str, handler: Handler) -> Handler:
        """A handler behind the key, whose answers are counted and timed, and whose errors are answers."""

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            try:
                self._authorize(request)
                answer = await handler(request)
            except Exception as error:  # every error is an answer
                status, body = self._failure(error, path)
                answer = JSONResponse(body, status, {"Retry-After": "1"} if status in (429, 503) else None)
            self.metrics.requests.labels(path, answer.status_code).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - began)
            return answer

        endpoint.__doc__, endpoint.__name__ = handler.__doc__, handler.__name__
        return endpoint

    async def health(self, _: Request) -> Response:
        """Whether the server is there."""
        return JSONResponse({"status": "ok"})

    async def metrics_text(self, _: Request) -> Response:
        """Prometheus' exposition."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def models(self, _: Request) -> Response:
        """The one model."""
        model = {"id": self.settings.name, "object": "model", "created": 0, "owned_by": "syntagma"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat(self, request: Request) -> Response:
        """A conversation's next message, or a stream of its pieces."""
        body = await self._body(request, ChatBody)
        run = self._run(await asyncio.to_thread(plan_chat, body, self._drafters, self.settings.tool_style))
        name, ident = body.model or self.settings.name, answers.new_id("chatcmpl-")
        if body.stream:
            return await self._streamed(streams.chat(run, ident, name, _wants_usage(body)), request)
        await self._finish(run, request)
        choices = [one.chat_choice(i) for i, one in enumerate(run.done)]
        return JSONResponse(_whole(run, ident, name, "chat.completion", choices))

    async def completion(self, request: Request) -> Response:
        """A text's continuation, or a stream of its pieces."""
        body = await self._body(request, CompletionBody)
        run = self._run(await asyncio.to_thread(plan_completion, body, self._drafters))
        name, ident = body.model or self.settings.name, answers.new_id("cmpl-")
        if body.stream:
            options = body.stream_options
            return await self._streamed(
                streams.completion(run, ident, name, bool(options and options.include_usage)), request
            )
        await self._finish(run, request)
        choices = [one.completion_choice(i) for i, one in enumerate(run.done)]
        return JSONResponse(_whole(run, ident, name, "text_completion", choices))

    async def response(self, request: Request) -> Response:
        """A response, or a stream of its pieces."""
        body = await self._body(request, ResponseBody)
        run = self._run([await asyncio.to_thread(plan_response, body, self._drafters)])
        name, ident = body.model or self.settings.name, answers.new_id("resp_")
        if body.stream:
            return await self._streamed(streams.response(run, ident, name), request)
        await self._finish(run, request)
        (one,) = run.done
        return JSONResponse(answers.response(ident, name, one, "incomplete" if one.reason == "length" else "completed"))

    def _run(self, plans: list[Any]) -> Run:
        return Run(plans, self.jobs, self._limits, self.metrics)

    async def _finish(self, run: Run, request: Request) -> None:
        """Run to the end, unless the client goes away."""
        async with while_connected(request), aclosing(run.pieces()) as pieces:
            async for _ in pieces:
                pass

    async def _streamed(self, events: AsyncGenerator[bytes, None], request: Request) -> Response:
        """A response that streams, begun once the first event is there; what fails later is an event."""
        try:
            async with while_connected(request):
                first = await anext(events)
        except BaseException:
            await events.aclose()
            raise

        async def body() -> AsyncIterator[bytes]:
            try:
                yield first
                async for event in events:
                    yield event
            except Exception as error:  # the status is sent already
                yield answers.sse(self._failure(error, request.url.path)[1])
            finally:
                await events.aclose()

        return StreamingResponse(body(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    def _failure(self, error: Exception, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body of an error, counted; a fault of the server's goes to the log."""
        status, body = failure(error)
        if status == 500:
            logger.error("%s failed", path, exc_info=error)
        self.metrics.refused.labels(body["error"]["code"]).inc()
        return status, body

    def _authorize(self, request: Request) -> None:
        key = self.settings.api_key
        if key is None or request.url.path == "/health":
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise Refused(401, "Expected the API key as `Authorization: Bearer KEY`.", "invalid_api_key")

    async def _body(self, request: Request, kind: type[Body]) -> Body:
        """Read and check a body, within its limits."""
        limit, data = self.settings.body_bytes, bytearray()
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                async for part in request.stream():
                    data += part
                    if len(data) > limit:
                        raise Refused(413, f"The body has more than {limit} bytes.", "body_too_large")
        except TimeoutError:
            raise Refused(408, f"The body took more than {self.settings.body_seconds:g} s.", "body_timeout") from None
        try:
            content = json.loads(data.decode(), parse_constant=_no_constant)
            json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"Expected a body of JSON in UTF-8: {error}", "invalid_json") from error
        if not isinstance(content, dict):
            raise Refused(400, "Expected a JSON object.", "invalid_json")
        return kind.model_validate(content)


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not know.

    Raises
    ------
    ValueError : always.
    """
    raise ValueError(f"{name} is no JSON")


def _wants_usage(body: Constrained) -> bool:
    return bool(body.stream_options and body.stream_options.include_usage)


def _whole(run: Run, ident: str, model: str, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": ident, "object": kind, "created": answers.now(), "model": model, "choices": choices}
    return head | {"usage": answers.usage(run.prompt_tokens, run.completion_tokens)}
