"""Arguments of tools in XML, as some families of models write them: an element for each property of an object.

A string stands as it is, up to the closing tag; any other value as JSON. Properties come in the order of their
declaration, others than declared do not come.

Sources: the chat templates of Qwen3-Coder, MiniMax-M2, GLM-4.6 and DeepSeek-V3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GrammarSyntaxError, UnsupportedFeature
from .combinators import FreeText
from .combinators import json as json_part
from .marks import marked
from .part import Part, Text, as_part, in_sequence, one_of
from .regex import Regex


@dataclass(frozen=True)
class XmlStyle:
    """How an element is written.

    `begin` holds the property's name as `{name}` and, maybe, whether it is a string, "true" or "false", as `{string}`;
    a line end in it stands for any layout.
    """

    begin: str
    end: str
    #: Whether a line end on each side of a value is layout.
    trims: bool = False


XML_STYLES: Mapping[str, XmlStyle] = {
    "qwen_xml": XmlStyle("<parameter={name}>", "</parameter>", trims=True),
    "minimax_xml": XmlStyle('<parameter name="{name}">', "</parameter>"),
    "glm_xml": XmlStyle("<arg_key>{name}</arg_key>\n<arg_value>", "</arg_value>"),
    "deepseek_xml": XmlStyle('<｜DSML｜parameter name="{name}" string="{string}">', "</｜DSML｜parameter>"),
}

#: What a property's schema may hold and still be text as it stands.
_STRING = {
    "type",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "minLength",
    "maxLength",
    "enum",
    "const",
}
_OBJECT = {
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "$defs",
    "definitions",
    "$schema",
}


def xml_arguments(schema: Any, style: str, spaces: int = 2, special: Iterable[str] = ()) -> Part:
    """The elements of an object, with at most so many blanks and line ends around them and around JSON values.

    Parameters
    ----------
    special : names of special tokens in the marks of elements.

    Raises
    ------
    UnsupportedFeature : the style is not known, or the schema is more than a list of properties.
    GrammarError : a property's schema is wrong.
    """
    if style not in XML_STYLES:
        raise UnsupportedFeature(
            f"JSON Schemas in the style {style!r} are not supported; known are {', '.join(XML_STYLES)}."
        )
    _see_object(schema)
    blanks = as_part(Regex(f"[ \\n\\r\\t]{{0,{spaces}}}"))
    parts: list[Part] = [blanks]
    for name, value in schema.get("properties", {}).items():
        written = _element(name, _resolved(value, schema), schema, XML_STYLES[style], blanks, tuple(special))
        element = in_sequence(written, blanks)
        parts.append(element if name in schema.get("required", ()) else element.optional())
    return in_sequence(*parts)


def _see_object(schema: Any) -> None:
    """Refuse what is more, or less, than a list of properties."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise UnsupportedFeature("Expected the arguments as an object, got another schema: XML has no form for that.")
    if odd := sorted(schema.keys() - _OBJECT):
        raise UnsupportedFeature(f"`{odd[0]}` of an object has no form in XML.")


def _element(
    name: str, value: Any, root: Mapping[str, Any], style: XmlStyle, blanks: Part, special: tuple[str, ...]
) -> Part:
    is_text = isinstance(value, dict) and value.get("type") == "string"
    written = style.begin.replace("{name}", name).replace("{string}", "true" if is_text else "false")
    marks = [marked(mark, special) for mark in written.split("\n")]
    begin = in_sequence(marks[0], *(part for mark in marks[1:] for part in (blanks, mark)))
    end = marked(style.end, special)
    if is_text:
        return in_sequence(begin, _string(name, value, style), end)
    definitions = {key: root[key] for key in ("$defs", "definitions") if key in root}
    whole = {**definitions, **value} if isinstance(value, dict) else value
    return in_sequence(begin, blanks, json_part(whole), blanks, end)


def _string(name: str, value: Mapping[str, Any], style: XmlStyle) -> Part:
    """A string as it stands: one of those listed, or text without the closing tag."""
    if odd := sorted(value.keys() - _STRING):
        raise UnsupportedFeature(f"`{odd[0]}` of the string {name!r} is not supported in XML.")
    listed = value.get("enum", [value["const"]] if "const" in value else None)
    if listed is None:
        return FreeText((style.end,), value.get("maxLength"), value.get("minLength", 0))
    texts = [text for text in listed if isinstance(text, str) and style.end not in text]
    return one_of(*map(Text, texts))


def _resolved(value: Any, root: Mapping[str, Any]) -> Any:
    """The schema that a property's `$ref` into the same schema names."""
    for _ in range(16):
        pointer = (
            value.get("$ref") if isinstance(value, dict) and value.keys() <= {"$ref", "title", "description"} else None
        )
        if not isinstance(pointer, str) or not pointer.startswith("#/"):
            break
        found: Any = root
        for key in pointer[2:].split("/"):
            found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        if found is None:
            break
        value = found
    return value


def read_xml_arguments(text: str, at: int, schema: Mapping[str, Any], style: str) -> tuple[dict[str, Any], int]:
    """The values of the elements that begin at a place, and where they end.

    Raises
    ------
    GrammarSyntaxError : an element is cut off, or holds no JSON where it should; with the offset.
    """
    how = XML_STYLES[style]
    begin = re.compile(r"\s*" + _pattern(how.begin))
    properties, found = schema.get("properties", {}), dict[str, Any]()
    while (element := begin.match(text, at)) is not None:
        stop = text.find(how.end, element.end())
        if stop < 0:
            raise GrammarSyntaxError(f"Expected `{how.end}` behind an argument.", source=text, offset=element.end())
        value = text[element.end() : stop]
        if how.trims:
            value = value.removeprefix("\n").removesuffix("\n")
        declared = _resolved(properties.get(element["name"]), schema)
        is_text = isinstance(declared, dict) and declared.get("type") == "string"
        try:
            found[element["name"]] = value if is_text else json.loads(value)
        except ValueError as error:
            message = f"Expected the argument `{element['name']}` as JSON: {error}."
            raise GrammarSyntaxError(message, source=text, offset=element.end()) from error
        at = stop + len(how.end)
    blanks = re.compile(r"\s*").match(text, at)
    return found, blanks.end() if blanks else at


def _pattern(begin: str) -> str:
    """A pattern that finds the beginning of an element, and in it the `name`."""
    placed = {"{name}": r"(?P<name>[^<>\"]+)", "{string}": "(?:true|false)", "\n": r"\s*"}
    return "".join(placed.get(piece) or re.escape(piece) for piece in re.split(r"(\{name\}|\{string\}|\n)", begin))
