"""Styles of tool calls: how the families of models write them, read from `styles/*.toml`.

A style is
    begin  call_begin arguments call_end  (separator call_begin arguments call_end)*  end
where `call_begin` holds the name of the tool as `{name}` and, maybe, the number of the call as `{index}`, and the
arguments are a JSON object or XML. Text stands in front, or, where the style has a `text_begin`, instead of calls.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "styles"


@dataclass(frozen=True)
class ToolStyle:
    """How one family of models writes calls."""

    name: str
    #: The models that write so, for people.
    models: tuple[str, ...]
    #: Names of special tokens in the marks below.
    special: tuple[str, ...]
    call_begin: str
    call_end: str
    separator: str = ""
    begin: str = ""
    #: A mark in front of `begin` that may be left out.
    optional_begin: str = ""
    end: str = ""
    #: What comes before text that is not a call, and what behind it.
    text_begin: str = ""
    text_end: str = ""
    #: "json", or the style of XML, see `xml_arguments`.
    arguments: str = "json"
    #: Whether one answer may hold several calls.
    parallel: bool = True


@cache
def tool_style(name: str) -> ToolStyle:
    """The style of that name.

    Raises
    ------
    ValueError : there is none.
    """
    if name not in tool_styles():
        raise ValueError(f"Expected one of the styles {', '.join(tool_styles())}, got {name!r}.")
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    return ToolStyle(name, tuple(data.pop("models")), tuple(data.pop("special")), **data)


@cache
def tool_styles() -> tuple[str, ...]:
    """The names of all styles."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
