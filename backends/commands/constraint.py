"""Constraint from options: a schema, grammar, regular expression, list of choices or Python type."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import SyntagmaError

if TYPE_CHECKING:
    from ...grammar.dialect import Dialect
    from ...grammar.ir import Grammar
    from ...grammar.jsonschema.resources import Registry

#: How a file's kind is told from its name.
KIND_OF_SUFFIX = {".json": "schema", ".lark": "lark", ".gbnf": "gbnf", ".ebnf": "ebnf", ".regex": "regex"}


class UsageError(SyntagmaError):
    """The options do not say what to do."""


@dataclass(frozen=True)
class ConstraintOptions:
    """What the command line says about the constraint; exactly one of the first five is given."""

    #: A file name, or JSON text.
    schema: str | None = None
    #: A file: GBNF or EBNF by its suffix, else Lark.
    lark: Path | None = None
    regex: str | None = None
    choices: Sequence[str] = ()
    #: "module:Name", looked up from the current folder too.
    type: str | None = None
    profile: Literal["spec", "generation"] = "generation"

    def constraint(self) -> Any:
        """Make the constraint.

        Raises
        ------
        UsageError : none or several are given, a file cannot be read, or the type cannot be found.
        GrammarError : what is given is broken.
        """
        given = [name for name in ("schema", "lark", "regex", "type") if getattr(self, name) is not None]
        given += ["choice"] if self.choices else []
        if len(given) != 1:
            found = " and ".join(f"--{name}" for name in given) or "none"
            raise UsageError(f"Expected one of --schema, --grammar, --regex, --choice and --type, got {found}.")
        if self.lark is not None:
            return grammar_in(self.lark, _dialect(KIND_OF_SUFFIX.get(self.lark.suffix)))
        if self.regex is not None:
            from ...grammar.regex import Regex

            return Regex(self.regex)
        if self.choices:
            from ...grammar.literals import Choice

            return Choice(list(self.choices))
        from ...grammar.jsonschema import JsonSchema

        if self.type is not None:
            return JsonSchema(find_type(self.type), profile=self.profile)
        text = schema_text(self.schema or "")
        beside = None if is_schema(self.schema or "") else registry_for(text, Path(self.schema or ""))
        return JsonSchema(text, profile=self.profile, registry=beside)


def constraint_of_file(path: Path, kind: str | None, profile: Literal["spec", "generation"]) -> Any:
    """The constraint in a file; its kind is told by the suffix unless `kind` says it. A last newline ends a regex."""
    kind = kind or KIND_OF_SUFFIX.get(path.suffix)
    if kind == "schema":
        return ConstraintOptions(schema=str(path), profile=profile).constraint()
    if kind in ("lark", "gbnf", "ebnf"):
        return grammar_in(path, _dialect(kind))
    if kind == "regex":
        return ConstraintOptions(regex=read_text(path).removesuffix("\n")).constraint()
    raise UsageError(f"Cannot tell what {path} holds. Name it .json, .lark, .gbnf, .ebnf or .regex, or say --kind.")


def grammar_in(path: Path, dialect: Dialect) -> Any:
    """The constraint of a grammar's file; one in Lark's syntax may import others from its folder."""
    from ...grammar.dialect import read_grammar
    from ...grammar.lark import Lark

    text = read_text(path)
    if dialect == "lark":
        return Lark(text, base_path=None if str(path) == "-" else path.parent)
    return read_grammar(text, dialect=dialect)


def _dialect(kind: str | None) -> Dialect:
    return "gbnf" if kind == "gbnf" else "ebnf" if kind == "ebnf" else "lark"


def grammar_of(constraint: Any) -> Grammar:
    """The grammar of a constraint."""
    result: Grammar = constraint.grammar()
    return result


def is_schema(argument: str) -> bool:
    """Whether an argument is a schema's JSON text; anything else names a file."""
    stripped = argument.lstrip()
    return stripped.startswith("{") or stripped in ("true", "false")


def schema_text(argument: str) -> str:
    """The JSON text that an argument is, or that is in the file which it names."""
    return argument if is_schema(argument) else read_text(Path(argument))


def registry_for(text: str, path: Path) -> Registry | None:
    """The schemas beside a schema's file that its references lead to; none for standard input, or a broken schema.

    Raises
    ------
    GrammarError : one of them is broken.
    """
    from ...grammar.jsonschema.beside import registry_beside
    from ...grammar.jsonschema.loading import parse_schema

    try:
        schema = parse_schema(text)
    except SyntagmaError:  # which `JsonSchema` says better
        return None
    return None if str(path) == "-" else registry_beside(schema, path.parent)


def read_text(path: Path) -> str:
    """The file's text; "-" is standard input.

    Raises
    ------
    UsageError : it cannot be read, or is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error


def read_bytes(path: Path) -> bytes:
    """The file's bytes; "-" is standard input.

    Raises
    ------
    UsageError : it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {unreadable(path, error)}.") from error


def unreadable(path: Path, error: OSError) -> str:
    """Why a file cannot be read or written, in words."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file" if path.parent.is_dir() else f"there is no folder {path.parent}"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return (error.strerror or str(error)).lower()


def find_type(name: str) -> Any:
    """The Python object that "module:Name" names."""
    module, _, attribute = name.partition(":")
    if not attribute:
        raise UsageError(f"Expected --type MODULE:NAME, got {name!r}.")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"Cannot find the type {name!r}: {error}.") from error
    return found
