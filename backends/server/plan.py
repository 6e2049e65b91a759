"""Plans: a request, understood. Everything that can be wrong with it is found here or when its constraint compiles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...sampling import AWRS, CARS, MCMC, SMC, ASAp, Drafter, Masking, Sampler
from ..generation import Event
from ..generator import Generator
from ..output import Output
from ..prompt import Message, Prompt, encode_prompt
from .batcher import Session
from .bodies import ChatBody, CompletionBody, Extension, ResponseBody, Sampling
from .constraint import BadRequest, output_for, spec_of_body, spec_of_format
from .tools import output_of_tools, tools_of, with_tools

if TYPE_CHECKING:
    from ...automata.pushdown import Limits
    from ...grammar.tools import Tools

_TEXT_PARTS = ("text", "input_text", "output_text")
_WEIGHTED = {"awrs": AWRS, "asap": ASAp, "cars": CARS, "mcmc": MCMC}


@dataclass(frozen=True)
class Plan:
    """What to generate, for one choice."""

    prompt: Prompt
    output: Output
    sampler: Sampler
    max_tokens: int | None
    show_schema: bool | None
    stop: tuple[str, ...] = ()
    tools: Tools | None = None
    seed: int | None = None

    def run(self, session: Session, limits: Limits) -> Iterator[Event]:
        """Generate; in a job's thread."""
        generator = Generator(
            session,
            self.output.constraint,
            self.sampler,
            max_tokens=self.max_tokens,
            show_schema=self.show_schema,
            limits=limits,
        )
        session.check()
        return generator.stream(self.prompt, seed=self.seed)

    def count_prompt(self, session: Session) -> int:
        """Tokens of the prompt."""
        return len(encode_prompt(session, self.prompt, self.output.schema, self.show_schema))


def plan_chat(body: ChatBody, drafters: Sequence[Drafter], tool_style: str) -> list[Plan]:
    """The plans of a chat completion, one a choice."""
    spec, tools = spec_of_body(body), tools_of(body, tool_style)
    if spec is not None and tools is not None:
        raise BadRequest("Found tools and a constraint. Leave one out, or set tool_choice to none.", "tools")
    messages = conversation(body.messages if tools is None else with_tools(body.messages, body.tools or ()))
    output = output_for(spec) if tools is None else output_of_tools(tools)
    wanted = body.max_completion_tokens or body.max_tokens
    sampler, shown, stop = _sampler(body, drafters), body.syntagma.show_schema, _stop(body.stop, spec, tools)
    plan = Plan(messages, output, sampler, wanted, shown, stop, tools)
    return _choices(plan, body.n, body.seed)


def plan_completion(body: CompletionBody, drafters: Sequence[Drafter]) -> list[Plan]:
    """The plans of a completion: n for each prompt."""
    spec = spec_of_body(body)
    given: Any = body.prompt
    is_one = isinstance(given, str) or (len(given) > 0 and isinstance(given[0], int))
    prompts: list[Any] = [given] if is_one else list(given)
    if not prompts:
        raise BadRequest("Expected a prompt.", "prompt")
    if len(prompts) * body.n > 64:
        raise BadRequest(f"Expected at most 64 choices, got {len(prompts) * body.n}.", "prompt")
    shown, stop = bool(body.syntagma.show_schema), _stop(body.stop, spec, None)
    sampler = _sampler(body, drafters)
    made = [Plan(p, output_for(spec), sampler, body.max_tokens or 16, shown, stop) for p in prompts]
    return [choice for plan in made for choice in _choices(plan, body.n, body.seed)]


def plan_response(body: ResponseBody, drafters: Sequence[Drafter]) -> Plan:
    """The plan of a response."""
    spec = None
    if body.text is not None and body.text.format is not None:
        spec = spec_of_format(body.text.format, body.syntagma, "text.format")
    given: list[Any] = [{"role": "user", "content": body.input}] if isinstance(body.input, str) else list(body.input)
    messages = conversation([{k: v for k, v in m.items() if k not in ("type", "id", "status")} for m in given])
    if body.instructions:
        messages = [{"role": "system", "content": body.instructions}, *messages]
    sampler, shown = _sampler(body, drafters), body.syntagma.show_schema
    return Plan(messages, output_for(spec), sampler, body.max_output_tokens, shown, seed=body.seed)


def conversation(messages: Sequence[dict[str, Any]]) -> list[Message]:
    """Messages as chat templates take them: with text as content.

    Raises
    ------
    BadRequest : a message has no role, or content that is not text.
    """
    return [_message(message) for message in messages]


def _message(message: dict[str, Any]) -> Message:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str):
        raise BadRequest("Expected a role in every message.", "messages")
    if isinstance(content, list):
        kinds = ("text", "input_text", "output_text")
        texts: list[Any] = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") in kinds
        ]
        if len(texts) < len(content) or not all(isinstance(text, str) for text in texts):
            raise BadRequest("Expected content as text; this model reads nothing else.", "messages")
        content = "".join(texts)
    if content is not None and not isinstance(content, str):
        raise BadRequest("Expected content as text.", "messages")
    calls = message.get("tool_calls")
    shown = f"{content or ''}{json.dumps(calls, ensure_ascii=False)}" if calls else content or ""
    return {"role": "system" if role == "developer" else role, "content": shown}


def _choices(plan: Plan, n: int, seed: int | None) -> list[Plan]:
    """The same n times, each with a seed of its own."""
    return [replace(plan, seed=None if seed is None else seed + i) for i in range(n)]


def _stop(given: str | list[str] | None, spec: object, tools: object) -> tuple[str, ...]:
    stop = (given,) if isinstance(given, str) else tuple(given or ())
    if stop and (spec is not None or tools is not None):
        raise BadRequest("Found `stop` and a constraint, which says by itself where the text ends.", "stop")
    if any(not text for text in stop) or len(stop) > 16:
        raise BadRequest("Expected at most 16 texts in `stop`, none of them empty.", "stop")
    return stop


def _sampler(body: Sampling, drafters: Sequence[Drafter]) -> Sampler:
    """The sampler that temperature, truncation and the extension describe."""
    more: Extension = body.syntagma
    temperature = 1.0 if body.temperature is None else body.temperature
    top_k, top_p = body.top_k if body.top_k and body.top_k > 0 else None, body.top_p if body.top_p != 1 else None
    min_p = body.min_p or None
    if more.sampler != "smc" and more.particles is not None:
        raise BadRequest("`particles` are for the sampler smc.", "syntagma")
    if more.sampler == "masking":
        if temperature == 0:
            return Masking(greedy=True, draft=drafters)
        return Masking(temperature, top_k, top_p, min_p, draft=drafters)
    if top_k or top_p or min_p or temperature == 0:
        message = f"The sampler {more.sampler} keeps the model's law: no top_k, top_p, min_p, nor a temperature of 0."
        raise BadRequest(message, "syntagma")
    if more.sampler == "smc":
        return SMC(more.particles or 16, AWRS(temperature=temperature))
    kinds: dict[str, Any] = _WEIGHTED
    made: Sampler = kinds[more.sampler](temperature=temperature)
    return made
