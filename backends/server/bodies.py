"""Request bodies: what the endpoints take.

A field that is not listed is refused, and so is one that is listed for compatibility but asks for what is not done
here: nothing that constrains the answer is ever ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "repetition_penalty": (None, 1),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "best_of": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "store": (None, False),
    "background": (None, False),
    "truncation": (None, "disabled"),
    "tools_of_responses": (None, []),
}


#: A message; what its content may be beside text depends on the model, and is checked when the prompt is made.
Message: TypeAlias = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "required": ["role"],
            "properties": {
                "role": {"type": "string"},
                "content": {
                    "anyOf": [
                        {"type": ["string", "null"]},
                        {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["type", "text"],
                                "properties": {
                                    "type": {"enum": ["text", "input_text", "output_text"]},
                                    "text": {"type": "string"},
                                },
                            },
                        },
                    ]
                },
            },
        }
    ),
]
#: An integer as JSON has it: 3.0 is one.
Whole: TypeAlias = Annotated[int, BeforeValidator(lambda n: int(n) if isinstance(n, float) and n.is_integer() else n)]


class Strict(BaseModel):
    """A body whose unknown fields are refused, and whose numbers are not to be texts."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class StreamOptions(Strict):
    """How to stream."""

    include_usage: bool = False
    include_obfuscation: bool = False


class StructuredOutputs(Strict):
    """vLLM's constraint: exactly one of the first six."""

    json_schema: dict[str, Any] | bool | str | None = Field(None, alias="json")
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    structural_tag: str | dict[str, Any] | None = None
    disable_any_whitespace: bool = False
    disable_additional_properties: bool = False
    whitespace_pattern: str | None = None


class Extension(Strict):
    """What only this server has: the sampler, how schemas are read, and what comes back."""

    sampler: Literal["masking", "awrs", "asap", "cars", "mcmc", "smc"] = "masking"
    #: For smc.
    particles: Annotated[Whole, Field(ge=1, le=64)] | None = None
    profile: Literal["generation", "spec"] = "generation"
    whitespace: str | int | None = None
    #: Show the schema in the prompt; `None`: in conversations.
    show_schema: bool | None = None


class Function(Strict):
    """What a tool is called, and takes."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class OfferedTool(Strict):
    """A tool that the answer may call."""

    type: Literal["function"]
    function: Function


class Sampling(Strict):
    """What all generating endpoints take."""

    model: str | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[Whole, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[Whole, Field(ge=0)] | None = None
    stream: bool = False
    user: str | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    store: bool | None = None
    syntagma: Extension = Extension()

    @model_validator(mode="after")
    def _refuse(self) -> Sampling:
        for name, neutral in _NEUTRAL.items():
            if getattr(self, name, None) not in neutral:
                raise ValueError(f"`{name}` is not supported; leave it out.")
        return self


class Constrained(Sampling):
    """Constraints, as OpenAI, vLLM, SGLang and llama.cpp spell them; at most one."""

    response_format: dict[str, Any] | None = None
    structured_outputs: StructuredOutputs | None = None
    regex: str | None = None
    ebnf: str | None = None
    grammar: str | None = None
    json_schema: dict[str, Any] | bool | str | None = None
    n: Annotated[Whole, Field(ge=1, le=16)] = 1
    stop: str | list[str] | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None


class ChatBody(Constrained):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=4096)]
    max_tokens: Annotated[Whole, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[Whole, Field(ge=1)] | None = None
    tools: Annotated[list[OfferedTool], Field(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class CompletionBody(Constrained):
    """POST /v1/completions."""

    prompt: str | list[str] | list[int] | list[list[int]]
    max_tokens: Annotated[Whole, Field(ge=1)] | None = None
    logprobs: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    suffix: str | None = None


class TextFormat(Strict):
    """The `text` of a response."""

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class ResponseBody(Sampling):
    """POST /v1/responses."""

    input: str | Annotated[list[Message], Field(min_length=1, max_length=4096)]
    instructions: str | None = None
    text: TextFormat | None = None
    max_output_tokens: Annotated[Whole, Field(ge=1)] | None = None
    background: bool | None = None
    truncation: str | None = None
