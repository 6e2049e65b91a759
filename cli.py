"""Command line: the commands of `syntagma`, and what they ask for.

Only typer and the words that options take are imported here; what a command needs is imported when it runs, so that
`syntagma --help` answers at once.
Each command's work is in `backends/commands`, and comes back as an `Outcome` with the exit status: 0 all is well,
1 findings or an invalid instance, 2 the request, grammar or schema cannot be used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .backends.commands.choices import (
    DraftName,
    Drawing,
    DrawingFormat,
    FindingFormat,
    Kind,
    LexerName,
    Profile,
    SamplerName,
    Target,
)
from .errors import SyntagmaError

if TYPE_CHECKING:
    from .backends.commands.constraint import ConstraintOptions
    from .backends.commands.outcome import Outcome

app = typer.Typer(
    name="syntagma",
    help="Structured generation: a language model's output obeys a grammar or a JSON Schema, exactly.",
    epilog="Exit status: 0 is well, 1 findings or an invalid instance, 2 unusable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FileArgument = Annotated[
    Path, typer.Argument(help="A grammar or schema: .json, .lark, .gbnf, .ebnf or .regex; - is standard input.")
]
KindOption = Annotated[Kind | None, typer.Option(help="What the file holds, where its name does not tell.")]
SchemaOption = Annotated[str | None, typer.Option("--schema", metavar="FILE|JSON", help="A JSON Schema.")]
LarkOption = Annotated[
    Path | None,
    typer.Option("--grammar", "--lark", metavar="FILE", help="A grammar: .gbnf, .ebnf, or else in Lark's syntax."),
]
RegexOption = Annotated[str | None, typer.Option("--regex", metavar="TEXT", help="A regular expression.")]
ChoiceOption = Annotated[list[str] | None, typer.Option("--choice", metavar="TEXT", help="One of these; give several.")]
TypeOption = Annotated[str | None, typer.Option("--type", metavar="MODULE:NAME", help="A Python type.")]
ProfileOption = Annotated[
    Profile, typer.Option(help="How a JSON Schema is read: to the letter, or as serving wants it.")
]
ModelOption = Annotated[str, typer.Option(help='"embedded", a folder, a GGUF file, or a name on the hub.')]
SamplerOption = Annotated[SamplerName, typer.Option(help="How tokens are drawn.")]
ParticlesOption = Annotated[
    int | None, typer.Option(min=1, help="How many texts smc or beam grow together.  [default: 16, or 4]")
]
TemperatureOption = Annotated[
    float | None,
    typer.Option(min=0.0, help="0 takes the most probable token.  [default: 0, 1 for other samplers than masking]"),
]
DraftOption = Annotated[
    DraftName | None, typer.Option(help="Guess tokens, to save passes of the model; texts stay what they are.")
]
HideSchemaOption = Annotated[bool, typer.Option("--hide-schema", help="Do not show the schema to the model.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"syntagma {version('syntagma')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Structured generation: a language model's output obeys a grammar or a JSON Schema, exactly."""


@app.command(epilog='For example: syntagma generate --schema person.json "Ada Lovelace is 36 and lives in London."')
def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt; left out or -, it is read from standard input.")
    ] = None,
    schema: SchemaOption = None,
    lark: LarkOption = None,
    regex: RegexOption = None,
    choice: ChoiceOption = None,
    type_: TypeOption = None,
    profile: ProfileOption = Profile.generation,
    model: ModelOption = "embedded",
    sampler: SamplerOption = SamplerName.masking,
    particles: ParticlesOption = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the run of smc: .png, .svg or .pdf.")] = None,
    temperature: TemperatureOption = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Keep the k most probable tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Keep the most probable p of the mass.")] = None,
    min_p: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Keep tokens of p times the best one's.")
    ] = None,
    draft: DraftOption = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes sampling repeatable.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Close the text within so many tokens.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Give the prompt as it is, not as a chat message.")] = False,
    hide_schema: HideSchemaOption = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text as it grows.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Generate text that obeys a schema, grammar, regular expression, list of choices or Python type."""

    def command() -> Outcome | Iterator[str | Outcome]:
        from .backends.commands import generate as body
        from .backends.commands.sampler import SamplerOptions

        guess = draft and draft.value
        sampling = SamplerOptions(sampler.value, temperature, top_k, top_p, min_p, seed, particles, plot, guess)
        options = body.GenerateOptions(model, sampling, max_tokens, raw=raw, hide_schema=hide_schema)
        constraint = _constraint(schema, lark, regex, choice, type_, profile)
        run = body.stream if stream else body.generate
        return run(constraint, options, body.read_prompt(prompt))

    if stream and as_json:
        raise typer.BadParameter("--stream and --json exclude each other.")
    _finish(command, as_json)


@app.command(epilog="For example: syntagma validate schema.json --input instances.jsonl --jsonl")
def validate(
    file: FileArgument,
    kind: KindOption = None,
    profile: ProfileOption = Profile.spec,
    instances: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="A text to check, less one newline at its end; - too."),
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Every line of the input is an instance of its own.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Show at most so many invalid instances.")] = 20,
    sample: Annotated[
        int, typer.Option(min=0, help="Draw so many random texts, and of a schema as many that just miss it.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes the samples repeatable.")] = None,
    form: Annotated[
        FindingFormat, typer.Option("--format", help="How to print findings; sarif and github are for machines.")
    ] = FindingFormat.text,
    as_json: JsonOption = False,
) -> None:
    """Report on a grammar or schema: how each keyword is decided, what it costs, what looks wrong.

    With --input, check texts against it: where the first byte fails, and what was expected there.
    """

    def command() -> Outcome:
        from .backends.commands.finding_formats import formatted
        from .backends.commands.validate import validate as body

        try:
            outcome = body(file, kind and kind.value, profile.value, instances, jsonl, limit, sample, seed)
        except SyntagmaError as error:
            from .backends.commands.outcome import failure

            outcome = failure(error)
        return formatted(outcome, file, form.value)

    if jsonl and instances is None:
        raise typer.BadParameter("--jsonl needs --input.")
    _finish(command, as_json)


@app.command(epilog="For example: syntagma explain --regex '[0-9]{4}-[0-9]{2}' 2026")
def explain(
    prefix: Annotated[str, typer.Argument(help="The text so far.")] = "",
    schema: SchemaOption = None,
    lark: LarkOption = None,
    regex: RegexOption = None,
    choice: ChoiceOption = None,
    type_: TypeOption = None,
    profile: ProfileOption = Profile.generation,
    tokenizer: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Say it in the tokens of this tokenizer, too.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT|#ID", help="Say why this token may follow or is masked.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="How many of the allowed tokens to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Say what may come next after a prefix, and why a token is masked."""

    def command() -> Outcome:
        from .backends.commands.explain import explain as body

        return body(_constraint(schema, lark, regex, choice, type_, profile), prefix, tokenizer, token, show)

    _finish(command, as_json)


@app.command(epilog="For example: syntagma convert person.json --to gbnf")
def convert(
    file: FileArgument,
    to: Annotated[Target, typer.Option(help="The dialect to print; XGrammar reads gbnf, too.")],
    kind: KindOption = None,
    profile: ProfileOption = Profile.generation,
    lexer: Annotated[
        LexerName | None,
        typer.Option(help="Print what matches however a text is cut into terminals: more, where terminals compete."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a grammar or schema in another dialect, the language unchanged."""

    def command() -> Outcome:
        from .backends.commands.convert import convert as body

        return body(file, kind and kind.value, to.value, profile.value, lexer.value if lexer else None)

    _finish(command, as_json)


@app.command(epilog="For example: syntagma sample grammar.lark -n 5 --seed 1")
def sample(
    file: FileArgument,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many texts.")] = 20,
    max_length: Annotated[
        int, typer.Option(min=0, help="Bytes at most; every possible length is equally likely.")
    ] = 40,
    length: Annotated[int | None, typer.Option(min=0, help="Bytes, exactly.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes the draw repeatable.")] = None,
    every_byte: Annotated[bool, typer.Option("--every-byte", help="Not readable ASCII only.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print every text as a JSON string on a line.")] = False,
    kind: KindOption = None,
    profile: ProfileOption = Profile.generation,
    as_json: JsonOption = False,
) -> None:
    """Draw random texts of a grammar or schema without a model, all texts of a length equally likely."""

    def command() -> Outcome:
        from .backends.commands import sample as body
        from .backends.commands.constraint import constraint_of_file

        options = body.SampleOptions(n, max_length, length, seed, every_byte)
        drawn = body.sample(constraint_of_file(file, kind and kind.value, profile.value), options)
        return body.as_lines(drawn) if jsonl else drawn

    _finish(command, as_json)


@app.command(epilog="For example: syntagma diff old.lark new.lark")
def diff(
    left: FileArgument,
    right: FileArgument,
    length: Annotated[int | None, typer.Option(min=0, help="Compare texts of at most so many bytes.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs of states to visit; more take longer.")] = 20_000,
    kind: KindOption = None,
    profile: ProfileOption = Profile.generation,
    as_json: JsonOption = False,
) -> None:
    """Compare two grammars or schemas: the shortest texts that are in one but not in the other."""

    def command() -> Outcome:
        from .backends.commands.diff import diff as body

        return body(left, right, kind and kind.value, profile.value, length, limit)

    _finish(command, as_json)


@app.command(epilog="For example: syntagma draw grammar.lark -o rules.svg")
def draw(
    file: FileArgument,
    what: Annotated[Drawing, typer.Option(help="The rules as railroad diagrams, or the automaton.")] = Drawing.rules,
    form: Annotated[DrawingFormat, typer.Option("--format", help="dot is for the automaton only.")] = DrawingFormat.svg,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Instead of printing it.")
    ] = None,
    kind: KindOption = None,
    profile: ProfileOption = Profile.generation,
    as_json: JsonOption = False,
) -> None:
    """Draw the rules of a grammar as railroad diagrams, or its automaton."""

    def command() -> Outcome:
        from .backends.commands.constraint import constraint_of_file, grammar_of
        from .backends.commands.draw import draw as body

        grammar = grammar_of(constraint_of_file(file, kind and kind.value, profile.value))
        return body(grammar, what.value, form.value, output)

    _finish(command, as_json)


@app.command(epilog="For example: syntagma batch prompts.jsonl answers.jsonl --schema person.json")
def batch(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Prompts, a JSON object a line.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Answers; what is there already is kept.")],
    schema: SchemaOption = None,
    lark: LarkOption = None,
    regex: RegexOption = None,
    choice: ChoiceOption = None,
    type_: TypeOption = None,
    profile: ProfileOption = Profile.generation,
    model: ModelOption = "embedded",
    sampler: SamplerOption = SamplerName.masking,
    particles: ParticlesOption = None,
    temperature: TemperatureOption = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes the run repeatable, row by row.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Close each text within so many tokens.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Rows that run at the same time.")] = 16,
    hide_schema: HideSchemaOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a file of prompts; an interrupted run goes on where it was."""

    def command() -> Outcome:
        from .backends.commands.batch import BatchOptions
        from .backends.commands.batch import batch as body
        from .backends.commands.sampler import SamplerOptions

        given = any(value is not None for value in (schema, lark, regex, choice, type_))
        constraint = _constraint(schema, lark, regex, choice, type_, profile) if given else None
        options = BatchOptions(source, target, model, max_tokens, concurrency, hide_schema)
        return body(constraint, options, SamplerOptions(sampler.value, temperature, seed=seed, particles=particles))

    _finish(command, as_json)


@app.command(epilog="For example: syntagma serve --model path/to/model --port 8000")
def serve(
    model: ModelOption = "embedded",
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    api_key: Annotated[
        str | None, typer.Option(envvar="SYNTAGMA_API_KEY", help="What clients must give; better set as a variable.")
    ] = None,
    max_running: Annotated[int, typer.Option(min=1, help="Generations at the same time.")] = 32,
    max_waiting: Annotated[int, typer.Option(min=0, help="Generations that may wait; more are refused.")] = 128,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one generation, waiting included.")] = 120.0,
    tool_style: Annotated[str, typer.Option(help="How the model writes calls of tools.")] = "hermes",
    draft: DraftOption = None,
) -> None:
    """Serve a model over HTTP, as OpenAI's interface has it, with constraints in everybody's words."""

    def command() -> Outcome:
        from .backends.commands.serve import serve as body

        settings = {"api_key": api_key, "max_running": max_running, "max_waiting": max_waiting, "seconds": timeout}
        return body(model, host, port, settings | {"tool_style": tool_style, "draft": draft and draft.value})

    _finish(command, as_json=False)


@app.command(epilog="For example: syntagma warmup --tokenizer path/to/tokenizer")
def warmup(
    tokenizer: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Keep this tokenizer's vocabulary; give several.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Keep this model's vocabulary.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compile the kernels and keep vocabularies ahead of time, for images and read-only containers."""

    def command() -> Outcome:
        from .backends.commands.warmup import warm_up

        return warm_up(tokenizer or [], model)

    _finish(command, as_json)


def _constraint(
    schema: str | None,
    lark: Path | None,
    regex: str | None,
    choice: list[str] | None,
    type_: str | None,
    profile: Profile,
) -> ConstraintOptions:
    from .backends.commands.constraint import ConstraintOptions

    return ConstraintOptions(schema, lark, regex, tuple(choice or ()), type_, profile.value)


def _finish(command: Callable[[], Outcome | Iterator[str | Outcome]], as_json: bool) -> NoReturn:
    """Run a command, print its outcome and leave with its status."""
    from .backends.commands.presentation import present

    raise typer.Exit(present(command, as_json))


def main() -> None:
    """Run the command line; a closed pipe or Ctrl-C ends it quietly."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
