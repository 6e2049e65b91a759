"""Reference pages out of the code: the command line, the errors and the public names.

python docs/generate.py            write docs/reference/{cli,errors,api}.md
python docs/generate.py --check    exit status 1 if a page is not what the code says
"""

from __future__ import annotations

import html
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import syntagma
import syntagma.errors

REFERENCE = Path(__file__).resolve().parent / "reference"


def cli() -> str:
    """Every command with its options, by typer."""
    words = [sys.executable, "-m", "typer", "syntagma.cli", "utils", "docs", "--name", "syntagma"]
    page = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return html.unescape(page).replace("# `syntagma`\n", "# The command line\n", 1)


def errors() -> str:
    """The tree and what every class says of itself."""
    tree, _, meaning = inspect.cleandoc(syntagma.errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")
    parts = ["# Errors", f"```text\n{inspect.cleandoc(tree)}\n```", meaning]
    for name, value in vars(syntagma.errors).items():
        if isinstance(value, type) and value.__module__ == syntagma.errors.__name__:
            parts.append(f"## {name}\n\n{documentation(value)}")
    return "\n\n".join(parts) + "\n"


def api() -> str:
    """The public names, with their public methods."""
    parts = ["# The public names", "`import syntagma as sg` hands on these; what is heavy is imported at first use."]
    for name in syntagma.__all__:
        value = getattr(syntagma, name)
        if isinstance(value, type) and issubclass(value, Exception):
            continue  # on the page of errors
        if not callable(value):
            parts.append(f"## {name}\n\n`{value!r}`" if isinstance(value, str) else f"## {name}")
            continue
        parts.append(f"## {name}{signature(value)}\n\n{documentation(value)}")
        parts += [
            f"### {name}.{method}{signature(member)}\n\n{documentation(member)}"
            for method, member in (inspect.getmembers(value) if isinstance(value, type) else ())
            if not method.startswith("_") and callable(member) and member.__doc__
        ]
    return "\n\n".join(parts) + "\n"


def signature(value: Callable[..., object]) -> str:
    """The parameters as written, or nothing where Python cannot tell."""
    try:
        return str(inspect.signature(value)).replace("'", "")
    except ValueError:
        return ""


def documentation(value: object) -> str:
    """The docstring; sections and examples keep their layout in a block."""
    text = inspect.getdoc(value) or ""
    prose, _, rest = text.partition("\n\n")
    return f"{prose}\n\n```text\n{rest}\n```" if rest else prose


PAGES: dict[str, Callable[[], str]] = {"cli.md": cli, "errors.md": errors, "api.md": api}


def main() -> int:
    """Write the pages, or say which ones are stale."""
    stale = []
    for name, page in PAGES.items():
        path = REFERENCE / name
        text = page()
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
    if stale:
        print(f"Not what the code says: {', '.join(stale)}. Run `make docs`.")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
