"""Formats of structural tags as parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from ..errors import GrammarError, UnsupportedFeature
from .combinators import FreeText
from .combinators import json as json_part
from .dialect import read_grammar
from .free_text import dispatch
from .ir import Expr
from .json_object import JsonObject, fail_at, words_at
from .part import Book, Part, Special, Text, as_part, in_sequence, one_of
from .regex import Regex
from .xml_arguments import xml_arguments


@dataclass(frozen=True, slots=True, repr=False)
class Dispatched(Part):
    """Free text in which each trigger is followed by its part; see `free_text.dispatch`."""

    branches: tuple[tuple[str, Part], ...]
    excludes: tuple[str, ...] = ()
    loop: bool = True
    must: bool = False

    def __repr__(self) -> str:
        return f"dispatched({', '.join(f'{trigger!r}: {part!r}' for trigger, part in self.branches)})"

    def parts(self) -> tuple[Part, ...]:
        return tuple(part for _, part in self.branches)

    def expression(self, book: Book) -> Expr:
        branches = [(trigger, part.expression(book)) for trigger, part in self.branches]
        return dispatch(branches, excludes=self.excludes, loop=self.loop, must=self.must)


@dataclass(frozen=True)
class _Ends:
    """How the nearest tag around ends: free text in it must not hold that."""

    texts: tuple[str, ...] = ()
    tokens: tuple[str | int, ...] = ()


class Reader:
    """Reads formats; `ends` are those of the nearest tag around."""

    def tag(self, value: Any) -> Part:
        """A whole structural tag, of either dialect."""
        top = JsonObject(value, "#")
        if "structures" in top.value:
            part = self._legacy(top)
        else:
            part = self.format(top.get("format", dict), "#/format", _Ends())
        top.done()
        return part

    def _legacy(self, top: JsonObject) -> Part:
        triggers = top.strings("triggers")
        tags: list[tuple[str, Part]] = []
        for k, value in enumerate(top.get("structures", list)):
            item = JsonObject(value, f"#/structures/{k}")
            begin, end = item.get("begin", str), item.get("end", str)
            schema = item.get("schema", (dict, bool, str), {})
            content = _located(item.at("schema"), lambda schema=schema: json_part(schema))  # type: ignore[misc]
            tags.append((begin, in_sequence(content, Text(end))))
            item.done()
        return _triggered(tags, triggers, "#/structures")

    def format(self, value: Any, pointer: str, ends: _Ends) -> Part:
        """A format of any type."""
        found = JsonObject(value, pointer)
        kind = found.value.get("type")
        reader = getattr(self, f"_{kind}", None) if isinstance(kind, str) and kind in KINDS else None
        if reader is None:
            fail_at(f"Expected a format with a `type` out of {', '.join(KINDS)}, got {json.dumps(kind)}.", pointer)
        part: Part = reader(found, ends)
        found.done()
        return part

    def _formats(self, found: JsonObject, name: str, ends: _Ends) -> list[Part]:
        values = found.get(name, list)
        if not values:
            fail_at("Expected at least one format.", found.at(name))
        return [self.format(value, f"{found.at(name)}/{k}", ends) for k, value in enumerate(values)]

    # What matches a text of its own

    def _const_string(self, found: JsonObject, ends: _Ends) -> Part:
        return Text(found.get("value", str))

    def _json_schema(self, found: JsonObject, ends: _Ends) -> Part:
        schema = found.get("json_schema", (dict, bool))
        if found.get("excludes", list, []):
            raise UnsupportedFeature("`excludes` of a JSON Schema is not supported.", pointer=found.pointer)
        if (style := found.get("style", str, "json")) != "json":
            if found.get("any_order", bool, False):
                raise UnsupportedFeature("`any_order` is not supported for XML.", pointer=found.pointer)
            spaces = found.get("max_whitespace_cnt", int, 2)
            return _located(found.at("json_schema"), lambda: xml_arguments(schema, style, spaces))
        options: dict[str, Any] = {"property_order": "any"} if found.get("any_order", bool, False) else {}
        if (spaces := found.get("max_whitespace_cnt", int, None)) is not None:
            options["whitespace"] = spaces
        return _located(found.at("json_schema"), lambda: json_part(schema, **options))

    def _grammar(self, found: JsonObject, ends: _Ends) -> Part:
        text = found.get("grammar", str)
        return _located(found.at("grammar"), lambda: _checked(read_grammar(text)))

    def _regex(self, found: JsonObject, ends: _Ends) -> Part:
        pattern = found.get("pattern", str)
        return _located(found.at("pattern"), lambda: _checked(Regex(pattern)))

    def _any_text(self, found: JsonObject, ends: _Ends) -> Part:
        _refuse_budget(found)
        excludes = found.strings("excludes", [])
        return FreeText(_unique(*excludes, *ends.texts), found.get("max_chars", int, None))

    def _qwen_xml_parameter(self, found: JsonObject, ends: _Ends) -> Part:
        schema = found.get("json_schema", (dict, bool))
        return _located(found.at("json_schema"), lambda: xml_arguments(schema, "qwen_xml"))

    # What is put together

    def _sequence(self, found: JsonObject, ends: _Ends) -> Part:
        return in_sequence(*self._formats(found, "elements", ends))

    def _or(self, found: JsonObject, ends: _Ends) -> Part:
        return one_of(*self._formats(found, "elements", ends))

    def _optional(self, found: JsonObject, ends: _Ends) -> Part:
        return self._content(found, ends).optional()

    def _plus(self, found: JsonObject, ends: _Ends) -> Part:
        return self._repeated(found, ends, 1, None)

    def _star(self, found: JsonObject, ends: _Ends) -> Part:
        return self._repeated(found, ends, 0, None)

    def _repeat(self, found: JsonObject, ends: _Ends) -> Part:
        low, high = found.get("min", int), found.get("max", int)
        if low < 0 or high < -1 or -1 < high < low:
            fail_at(f"Expected bounds 0 <= min <= max, or -1 for no maximum; got {low} and {high}.", found.pointer)
        return self._repeated(found, ends, low, None if high == -1 else high)

    def _repeated(self, found: JsonObject, ends: _Ends, low: int, high: int | None) -> Part:
        inner = found.value.get("content")
        if isinstance(inner, dict) and inner.get("type") == "exclude_token" and low <= 1 and high is None:
            excluded = JsonObject(found.get("content", dict), found.at("content"))
            text = self._free_tokens(excluded, ends)
            excluded.done()
            return replace(text, min_chars=low)
        return self._content(found, ends).repeat(low, high)

    def _content(self, found: JsonObject, ends: _Ends) -> Part:
        return self.format(found.get("content", dict), found.at("content"), ends)

    # Tags

    def _tag(self, found: JsonObject, ends: _Ends) -> Part:
        begin, rest = self._begin_and_rest(found)
        return in_sequence(Text(begin) if isinstance(begin, str) else begin, rest)

    def _begin_and_rest(self, found: JsonObject) -> tuple[str | Special, Part]:
        """How a tag begins, and what comes behind that."""
        begin, end = found.get("begin", (str, dict)), found.get("end", (str, list, dict))
        if isinstance(end, dict):
            closing: Part = self._token_object(end, found.at("end"))
            inner = _Ends(tokens=(closing.token,) if isinstance(closing, Special) else ())
        else:
            texts = [end] if isinstance(end, str) else words_at(end, found.at("end"), may_be_empty=True)
            closing = one_of(*map(Text, texts))
            inner = _Ends(texts=tuple(text for text in texts if text))
        content = self._content(found, inner)
        opening = begin if isinstance(begin, str) else self._token_object(begin, found.at("begin"))
        return opening, in_sequence(content, closing)

    def _tags(self, found: JsonObject) -> list[tuple[str | Special, Part]]:
        tags: list[tuple[str | Special, Part]] = []
        for k, value in enumerate(found.get("tags", list)):
            item = JsonObject(value, f"{found.at('tags')}/{k}")
            if item.value.get("type", "tag") != "tag":
                fail_at("Expected a tag.", item.pointer)
            tags.append(self._begin_and_rest(item))
            item.done()
        if not tags:
            fail_at("Expected at least one tag.", found.at("tags"))
        return tags

    def _triggered_tags(self, found: JsonObject, ends: _Ends) -> Part:
        tags = self._tags(found)
        texts = [(begin, rest) for begin, rest in tags if isinstance(begin, str)]
        if len(texts) < len(tags):
            fail_at("Expected tags that begin with text; for tokens there is token_triggered_tags.", found.at("tags"))
        excludes = _unique(*found.strings("excludes", []), *ends.texts)
        once = found.get("stop_after_first", bool, False)
        must = found.get("at_least_one", bool, False)
        return _triggered(texts, found.strings("triggers"), found.pointer, excludes, once=once, must=must)

    def _dispatch(self, found: JsonObject, ends: _Ends) -> Part:
        branches: list[tuple[str, Part]] = []
        for trigger, part in self._rules(found, ends):
            if not isinstance(trigger, str) or not trigger:
                fail_at("Expected patterns that are text and not empty.", found.at("rules"))
            branches.append((trigger, part))
        excludes = _unique(*found.strings("excludes", []))
        _see_triggers_apart([trigger for trigger, _ in branches], excludes, found.pointer)
        return Dispatched(tuple(branches), excludes, found.get("loop", bool, True))

    def _rules(self, found: JsonObject, ends: _Ends) -> list[tuple[Any, Part]]:
        rules: list[tuple[Any, Part]] = []
        for k, rule in enumerate(found.get("rules", list)):
            pointer = f"{found.at('rules')}/{k}"
            if not isinstance(rule, list) or len(rule) != 2:
                fail_at("Expected a pattern and a format.", pointer)
            rules.append((rule[0], self.format(rule[1], f"{pointer}/1", ends)))
        if not rules:
            fail_at("Expected at least one rule.", found.at("rules"))
        return rules

    def _tags_with_separator(self, found: JsonObject, ends: _Ends) -> Part:
        tag = one_of(*(in_sequence(as_part(begin), rest) for begin, rest in self._tags(found)))
        more = in_sequence(Text(found.get("separator", str)), tag).repeat()
        once = found.get("stop_after_first", bool, False)
        whole = tag if once else in_sequence(tag, more)
        return whole if found.get("at_least_one", bool, False) else whole.optional()

    # Tokens

    def _token(self, found: JsonObject, ends: _Ends) -> Special:
        return _special(found.get("token", (int, str)))

    def _token_object(self, value: Any, pointer: str) -> Special:
        found = JsonObject(value, pointer)
        if found.value.get("type", "token") != "token":
            fail_at("Expected a text or a token.", pointer)
        token = self._token(found, _Ends())
        found.done()
        return token

    def _exclude_token(self, found: JsonObject, ends: _Ends) -> NoReturn:
        message = "A single `exclude_token` would count tokens; put it into `star` or `plus`, or use `any_tokens`."
        raise UnsupportedFeature(message, pointer=found.pointer)

    def _any_tokens(self, found: JsonObject, ends: _Ends) -> Part:
        _refuse_budget(found)
        return self._free_tokens(found, ends)

    def _free_tokens(self, found: JsonObject, ends: _Ends) -> FreeText:
        """Text that holds no special token, and spells none of those that are excluded by name."""
        excluded = [*found.get("exclude_tokens", list, []), *ends.tokens]
        return FreeText(_unique(*(token for token in excluded if isinstance(token, str))), None)

    def _token_triggered_tags(self, found: JsonObject, ends: _Ends) -> Part:
        tags = self._tags(found)
        triggers = found.get("trigger_tokens", list)
        calls: list[Part] = []
        for begin, rest in tags:
            if isinstance(begin, str) or begin.token not in triggers:
                fail_at("Expected tags that begin with a token out of `trigger_tokens`.", found.at("tags"))
            calls.append(in_sequence(begin, rest))
        free = self._free_tokens(found, _Ends(tokens=(*ends.tokens, *triggers)))
        once, must = found.get("stop_after_first", bool, False), found.get("at_least_one", bool, False)
        return _token_dispatched(one_of(*calls), free, once=once, must=must)

    def _token_dispatch(self, found: JsonObject, ends: _Ends) -> Part:
        rules = self._rules(found, ends)
        calls = [in_sequence(_special(token), part) for token, part in rules if isinstance(token, str | int)]
        if len(calls) < len(rules):
            fail_at("Expected patterns that are tokens.", found.at("rules"))
        free = self._free_tokens(found, _Ends(tokens=tuple(token for token, _ in rules)))
        return _token_dispatched(one_of(*calls), free, once=not found.get("loop", bool, True), must=False)


#: The types of formats.
KINDS = (
    "const_string", "json_schema", "qwen_xml_parameter", "grammar", "regex", "any_text",
    "sequence", "or", "optional", "plus", "star", "repeat",
    "tag", "triggered_tags", "tags_with_separator", "dispatch",
    "token", "exclude_token", "any_tokens", "token_triggered_tags", "token_dispatch",
)  # fmt: skip


def _unique(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _special(token: str | int) -> Special:
    return Special(token, or_text=isinstance(token, str))


def _refuse_budget(found: JsonObject) -> None:
    if found.get("max_tokens", int, None) is not None:
        message = "`max_tokens` counts tokens, which a grammar over text cannot; use `max_chars` of `any_text`."
        raise UnsupportedFeature(message, pointer=found.pointer)


def _checked(constraint: Any) -> Part:
    """A constraint whose errors come now."""
    constraint.grammar()
    return as_part(constraint)


def _located(pointer: str, make: Callable[[], Part]) -> Part:
    """What `make` makes; errors get the pointer in front of theirs."""
    try:
        return make()
    except GrammarError as error:
        inner = (error.pointer or "").removeprefix("#")
        raise type(error)(error.message, source=error.source, offset=error.offset, pointer=pointer + inner) from error


def _token_dispatched(call: Part, free: Part, *, once: bool, must: bool) -> Part:
    """Free text and calls in turn; with `must` a call comes first."""
    if once:
        return call if must else in_sequence(free, call.optional())
    more = in_sequence(in_sequence(free, call).repeat(), free)
    return in_sequence(call, more) if must else more


def _triggered(
    tags: Sequence[tuple[str, Part]],
    triggers: Sequence[str],
    pointer: str,
    excludes: tuple[str, ...] = (),
    *,
    once: bool = False,
    must: bool = False,
) -> Part:
    """Free text in which each trigger begins one of the tags; with `must` a tag comes first."""
    _see_triggers_apart(triggers, excludes, pointer)
    branches: list[tuple[str, Part]] = []
    for begin, rest in tags:
        found = [trigger for trigger in triggers if begin.startswith(trigger)]
        if len(found) != 1:
            fail_at(f"Expected one trigger that `{begin}` begins with, got {found or 'none'}.", pointer)
        branches.append((found[0], in_sequence(Text(begin[len(found[0]) :]), rest)))
    unused = [trigger for trigger in triggers if trigger not in {trigger for trigger, _ in branches}]
    if unused:
        fail_at(f"Expected a tag that begins with the trigger `{unused[0]}`; there is none.", pointer)
    if not must:
        return Dispatched(tuple(branches), excludes, loop=not once)
    first = one_of(*(in_sequence(Text(trigger), part) for trigger, part in branches))
    return first if once else in_sequence(first, Dispatched(tuple(branches), excludes))


def _see_triggers_apart(triggers: Sequence[str], excludes: Sequence[str], pointer: str) -> None:
    if not triggers:
        fail_at("Expected at least one trigger.", pointer)
    for trigger in triggers:
        inside = [word for word in triggers if word in trigger and word != trigger]
        if inside := inside + [word for word in excludes if word in trigger]:
            rule = "Expected triggers that hold neither each other nor what is excluded"
            fail_at(f"{rule}, got `{inside[0]}` in `{trigger}`.", pointer)
