"""Remote: servers that speak OpenAI's interface, held to their word.

The constraint goes with the request, in the server's dialect; the answer is checked here, byte by byte, so a server
that ignores it is found out. A JSON Schema is sent as it is and checked to its letter (any white space, any order of
keys), since layout is the server's own.

    dialect     JSON Schema        regular expression, choice, grammar
    openai      response_format    refused: there is no field for it
    vllm        response_format    structured_outputs
    sglang      response_format    regex, ebnf
    llamacpp    response_format    grammar (GBNF)
    syntagma    response_format    structured_outputs
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..errors import BackendError, BackendMissing
from .output import Output, output_of
from .prompt import Message

if TYPE_CHECKING:
    import httpx

    from ..automata.automaton import TokenAutomaton

Dialect: TypeAlias = Literal["openai", "vllm", "sglang", "llamacpp", "syntagma"]


class NotEnforced(BackendError):
    """The server answered with a text that the constraint refuses."""

    def __init__(self, text: str, place: str) -> None:
        self.text = text
        self.place = place
        super().__init__(text, place)

    def __str__(self) -> str:
        return (
            f"The server did not enforce the constraint: {self.place}. Its answer begins {self.text[:80]!r}. Use a "
            "server that does, or check that it takes the field that was sent."
        )


class RemoteFailed(BackendError):
    """The server answered with an error, or not at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class RemoteAnswer:
    """A server's answer, verified."""

    text: str
    #: `stop`: complete and verified.  `length`: the tokens ran out, and there is no value.
    finish_reason: Literal["stop", "length"]
    #: As the server counted them.
    usage: Mapping[str, Any]
    model: str
    decode: Callable[[str], Any] = field(repr=False)

    @cached_property
    def value(self) -> Any:
        """The typed value of the text; `None` if it is not finished."""
        return self.decode(self.text) if self.finish_reason == "stop" else None


class RemoteGenerator:
    """Asks a server for outputs of one kind.

    Parameters
    ----------
    url : the interface's root, such as "http://127.0.0.1:8000/v1".
    output : a constraint, a schema or a Python type, see `output_of`.
    model : the model's name at the server.
    dialect : what the server understands besides OpenAI's own fields.
    api_key : sent as `Authorization: Bearer`.
    max_tokens, temperature : sent if given.
    options : further fields of the request.
    client : an `httpx.Client` to use instead of an own one with `timeout` seconds, which `close` or `with` closes.

    Raises
    ------
    BackendError : the dialect has no field for the output.
    GrammarError : the output cannot be used as given.
    BackendMissing : httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        output: Any,
        *,
        model: str,
        dialect: Dialect = "openai",
        api_key: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        options: Mapping[str, Any] | None = None,
        client: httpx.Client | None = None,
        timeout: float = 120.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.output = output_of(output)
        self.model = model
        self._fields = {"model": model, **_constraint_fields(self.output, dialect), **(options or {})}
        self._fields |= {} if max_tokens is None else {"max_tokens": max_tokens}
        self._fields |= {} if temperature is None else {"temperature": temperature}
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._client = client or _new_client(timeout)
        self._automaton = _checker(self.output)

    def __call__(self, prompt: str | Sequence[Message], *, seed: int | None = None) -> RemoteAnswer:
        """Ask once; a text is a user's message.

        Raises
        ------
        RemoteFailed : no answer, an error, or a refusal.
        NotEnforced : the answer is complete and not what was asked for.
        """
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        body = self._fields | {"messages": messages} | ({} if seed is None else {"seed": seed})
        answer = self._post(body)
        try:
            (choice,) = answer["choices"]
            message, reason = choice["message"], choice["finish_reason"]
            text = message["content"]
        except (KeyError, TypeError, ValueError) as error:
            raise RemoteFailed(f"Expected one choice with a message, got {json.dumps(answer)[:200]}.") from error
        if not isinstance(text, str) or reason not in ("stop", "length"):
            said = message.get("refusal") or reason
            raise RemoteFailed(f"The server gave no text: {said}.")
        if reason == "stop":
            self.verify(text)
        decode = self.output.decode
        return RemoteAnswer(text, reason, answer.get("usage") or {}, str(answer.get("model", self.model)), decode)

    def verify(self, text: str) -> None:
        """See whether the text is one of the output's.

        Raises
        ------
        NotEnforced : it is not; with the place.
        """
        from .commands.text_check import first_mismatch

        mismatch = first_mismatch(self._automaton, text.encode())
        if mismatch is not None:
            raise NotEnforced(text, str(mismatch))

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def __enter__(self) -> RemoteGenerator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        try:
            answer = self._client.post(f"{self.url}/chat/completions", json=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise RemoteFailed(f"No answer from {self.url}: {error or type(error).__name__}.") from error
        if answer.status_code != 200:
            message = f"{self.url} answered {answer.status_code}: {_message(answer.text)}"
            raise RemoteFailed(message, answer.status_code)
        try:
            return answer.json()
        except ValueError as error:
            raise RemoteFailed(f"Expected JSON from {self.url}, got {answer.text[:200]!r}.") from error


def _message(text: str) -> str:
    """What an error's body says."""
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


def _constraint_fields(output: Output, dialect: Dialect) -> dict[str, Any]:
    """The fields of a request that say what its answer must be."""
    from ..grammar.ebnf import Ebnf
    from ..grammar.gbnf import Gbnf
    from ..grammar.lark import Lark
    from ..grammar.literals import Choice
    from ..grammar.regex import Regex

    constraint = output.constraint
    if output.is_json:
        inner = {"name": "answer", "schema": output.schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": inner}}
    if dialect in ("vllm", "syntagma"):
        if isinstance(constraint, Regex) and not constraint.flags:
            return {"structured_outputs": {"regex": constraint.text}}
        if isinstance(constraint, Choice):
            return {"structured_outputs": {"choice": [option.decode() for option in constraint.options]}}
        if isinstance(constraint, Ebnf | Gbnf) or (dialect == "syntagma" and isinstance(constraint, Lark)):
            return {"structured_outputs": {"grammar": constraint.text}}
    if dialect == "sglang":
        if isinstance(constraint, Regex) and not constraint.flags:
            return {"regex": constraint.text}
        if isinstance(constraint, Ebnf):
            return {"ebnf": constraint.text}
    if dialect == "llamacpp" and isinstance(constraint, Gbnf):
        return {"grammar": constraint.text}
    raise BackendError(f"The dialect {dialect!r} has no field for {type(constraint).__name__}. Give a JSON Schema.")


def _checker(output: Output) -> TokenAutomaton:
    """The automaton over bytes that an answer is checked by."""
    from ..grammar.jsonschema import JsonSchema
    from .commands.text_check import compile_for_bytes

    constraint = JsonSchema(output.schema, profile="spec") if output.is_json else output.constraint
    return compile_for_bytes(constraint.grammar())


def _new_client(timeout: float) -> httpx.Client:
    try:
        import httpx
    except ImportError as error:
        raise BackendMissing("httpx", "remote") from error
    return httpx.Client(timeout=timeout)
