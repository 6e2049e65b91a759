"""The JSON Schema constraint: relax and guard.

    schema  --Document-->  nodes  --Reader-->  facts  --Lowering-->  rules, guards

A schema compiles to the tightest cheap grammar that has every valid instance (in the profile's spelling), and guards
that refuse the rest. Rules are written when they are looked up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeAlias

from jsonschema_rs import ValidationError

from ...errors import EmptyLanguage, GrammarError
from ..analysis import reachable
from ..collection import no_collection
from ..ir import NOTHING, Check, Expr, Grammar, Guarded, Ref, children, sequence
from ..regex import parse_regex
from .clock import Clock
from .conflicts import why_empty
from .dialect import dialect_named
from .document import Document, Node
from .guards import Guard
from .layout import parse_layout
from .loading import as_schema, fitting_dialect, parse_schema
from .lowering import Lowering, Style
from .reading import Reader
from .resources import Registry, Schema, registry_of
from .rules import Rules
from .strings import EVERY, SHORTEST
from .verdicts import DYNAMIC, Verdict, verdicts_of

Profile: TypeAlias = Literal["generation", "spec"]
Order: TypeAlias = Literal["schema", "any"]


class JsonSchema:
    """A constraint: the text is a JSON value that a schema accepts.

    Parameters
    ----------
    schema : an object or a boolean, a JSON text, or a Python type (`types.schema_of` lists them).
    profile : "generation" for what serving wants, "spec" for the letter of the specification. The profile gives the
        defaults of `whitespace` and `property_order`. Besides, "generation" has the shortest spelling of strings,
        numbers of at most 20 digits without exponent and without negative zero, only the common part of some formats
        (see `formats`), and closes objects that declare properties and leave `additionalProperties` and
        `unevaluatedProperties` unset after all their applicators are merged; keys that are required stay allowed.
    whitespace : "any", "compact", "indent=2", at most so many bytes in each gap, or a regular expression for a gap.
        Default: any ("spec"), at most one space behind `,` and `:` and none elsewhere ("generation").
    property_order : "schema" for the order of declaration, "any" for every order. Default: by profile.
    format : whether `format` is asserted, or an annotation.
    draft : "4", "6", "7", "2019-09" or "2020-12", for schemas without a `$schema` that says it. By default the newest
        whose meta-schema accepts the schema.
    registry : schemas that references may lead to. Nothing is ever fetched by network on its own.
    seconds : what reading the schema and writing its rules may take, in all.

    Raises
    ------
    GrammarError : not a valid schema, or a reference leads nowhere; with the JSON pointer.
    EmptyLanguage : provably no instance is valid.
    BudgetExceeded : the schema is too large or nested too deep, or takes too long.

    >>> JsonSchema({"const": 1, "type": "null"})
    Traceback (most recent call last):
    ...
    syntagma.errors.EmptyLanguage: No instance is valid: #/const (1) and #/type ("null") contradict each other at #
    """

    def __init__(
        self,
        schema: Any,
        profile: Profile = "generation",
        whitespace: str | int | None = None,
        property_order: Order | None = None,
        format: Literal["assert", "annotation"] = "assert",
        draft: str | int | None = None,
        registry: Registry | None = None,
        seconds: float = 60.0,
    ) -> None:
        _one_of("profile", profile, "generation", "spec")
        _one_of("property_order", property_order, None, "schema", "any")
        _one_of("format", format, "assert", "annotation")
        #: The Python type that the schema was made from, if any.
        self.type: Any = None
        if isinstance(schema, str | bytes):
            schema = parse_schema(schema)
        elif not isinstance(schema, dict | bool):
            self.type, schema = schema, _schema_of(schema)
        #: The schema itself.
        self.schema: Schema = as_schema(schema)
        dialect = fitting_dialect(self.schema, draft, registry)
        self._options = (profile, whitespace, property_order, format, dialect.name)
        self._registry = registry
        document = Document(self.schema, dialect, registry)
        self._reader = Reader(
            document, asserts_formats=format == "assert", closed=profile == "generation", clock=Clock(seconds)
        )
        layout = parse_layout(whitespace, profile, parse_regex)
        style = Style(
            layout,
            EVERY if profile == "spec" else SHORTEST,
            order=property_order or ("any" if profile == "spec" else "schema"),
            closed=profile == "generation",
        )
        self._rules = Rules(self._reader.clock)
        self._lowering = Lowering(self._reader, style, self._rules)
        with self._reader.clock, no_collection():
            self._start = self._make_start()

    def _make_start(self) -> str:
        """The start rule's name."""
        root = self._reader.document.root
        try:
            value = self._lowering.value((root,), 0)
        except RecursionError:
            raise GrammarError("Expected a schema that nests less deeply. Simplify it", pointer="#") from None
        if value == NOTHING:
            where, reason, atoms = why_empty(self._reader, (root,))
            conflict = [(atom.pointer, atom.keyword) for atom in atoms]
            raise EmptyLanguage(f"No instance is valid: {reason}", pointer=where, conflict=conflict)
        if self._reader.document.dynamic:
            value = Guarded(value, self._lowering.guard((root,), "#", "$dynamicRef"))
        outer = self._lowering.style.layout.outer
        body: Expr = sequence(outer, value, outer)
        return body.rule if isinstance(body, Ref) else self._rules.define("start", body).rule

    def grammar(self) -> Grammar:
        """The grammar; its rules are written on first look-up."""
        return Grammar(self._start, self._rules, self._lowering.places, is_normal=True, heavy=self._rules.heavy)

    @property
    def decode(self) -> Callable[[Any], Any]:
        """The function from a JSON value to the object that the caller's type describes."""
        if self.type is None:
            return lambda value: value
        from ..types import decoder_of

        return decoder_of(self.type)

    @cached_property
    def residuals(self) -> list[Check]:
        """The guards: what the automaton does not decide. Writes all rules."""
        found: dict[Check, None] = {}
        stack = list(reachable(self._rules, self._start).values())
        while stack:
            top = stack.pop()
            if isinstance(top, Guarded):
                found[top.check] = None
            stack.extend(children(top))
        return list(found)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """How each keyword of each subschema that matters is decided. Writes all rules."""
        guarded = self._lowering.undecided | {(check.pointer, check.keyword) for check in self.residuals}
        if self._reader.document.dynamic:
            guarded |= {(node.pointer, keyword) for node in self._reader.nodes() for keyword in DYNAMIC}
        return verdicts_of(self._reader.nodes(), guarded)

    @cached_property
    def subschemas(self) -> dict[tuple[Node, ...], Expr]:
        """What satisfies some subschemas together, for all that hold of one value; `()`: any JSON value.

        Subschemas applied in place (`allOf`, `anyOf`, ...) are part of what they stand in. Writes all rules.
        """
        len(self._rules)
        return self._lowering.values_written()

    def validates(self, text: bytes) -> bool:
        """Whether the validator accepts a JSON text; of layout and spelling it knows nothing."""
        return Guard(self._reader.referee, (self._reader.document.root,), "#", "")(text)

    def errors(self, value: Any) -> Iterator[ValidationError]:
        """What the validator finds wrong with a value."""
        return self._reader.referee.errors(self._reader.document.root, value)

    @property
    def reader(self) -> Reader:
        """What the subschemas say, for linters."""
        return self._reader

    @property
    def style(self) -> Style:
        """What texts look like."""
        return self._lowering.style

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the schema, the options and the registry."""
        resources = sorted((uri, self._registry.contents(uri)) for uri in self._registry) if self._registry else []
        text = json.dumps([self.schema, self._options, resources], ensure_ascii=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonSchema) and (self.type, self.fingerprint) == (other.type, other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        """The schema is what is pickled, with all that the registry holds; the grammar is made anew."""
        schema = self.schema if self.type is None else self.type
        held = None if self._registry is None else {uri: self._registry.contents(uri) for uri in self._registry}
        return _made_anew, (schema, self._options, held, self._reader.clock.seconds)

    def __repr__(self) -> str:
        text = json.dumps(self.schema, default=repr)
        return f"JsonSchema({text if len(text) < 60 else text[:57] + '...'})"


def _made_anew(schema: Any, options: Any, held: dict[str, Schema] | None, seconds: float) -> JsonSchema:
    """The constraint that was pickled."""
    profile, whitespace, order, form, draft = options
    registry = None if held is None else registry_of(held, dialect_named(draft))
    return JsonSchema(schema, profile, whitespace, order, form, draft, registry, seconds)


def _schema_of(python_type: Any) -> Schema:
    from ..types import schema_of

    return schema_of(python_type)


def _one_of(option: str, value: object, *known: object) -> None:
    if value not in known:
        names = ", ".join(repr(name) for name in known if name is not None)
        raise GrammarError(f"Expected `{option}` to be one of {names}, got {value!r}.")
