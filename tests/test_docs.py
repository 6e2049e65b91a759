"""Docs: code in the README and in docs/ runs, links lead somewhere, and the reference pages say what the code says.

Python blocks of a page run one after the other in one namespace. In a console block every command `$ ...` runs in the
repository root, and what it prints must be what stands below it. Examples in docstrings run as doctests.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [body for name, body in BLOCK.findall(page.read_text("utf-8")) if name == language]


def page_name(page: Path) -> str:
    """How a page is called in test ids."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=page_name)
def test_python_runs(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "docs"}
    for i, code in enumerate(blocks(page, "python")):
        exec(compile(code, f"{page_name(page)}, block {i}", "exec", dont_inherit=True), namespace)
    assert len(namespace) > 1


MODULES = sorted(
    path
    for floor in ("grammar", "automata", "sampling", "backends")
    for path in (ROOT / floor).rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("path", MODULES, ids=page_name)
def test_examples_in_docstrings_run(path: Path) -> None:
    module = importlib.import_module(".".join(["syntagma", *path.relative_to(ROOT).with_suffix("").parts]))
    assert doctest.testmod(module).failed == 0


def sessions() -> list[Any]:
    """Every command of a console block with the output that it shows; generated pages show none."""
    found = []
    for page in PAGES:
        for body in blocks(page, "console") if page.name != "cli.md" else ():
            for step in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = step.partition("\n")
                found.append(pytest.param(command, output, id=f"{page_name(page)}: {command[:60]}"))
    return found


@pytest.mark.parametrize(("command", "output"), sessions())
def test_console_shows_what_is_printed(command: str, output: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=os.environ | {"PATH": path, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = [line for line in run.stdout.splitlines() if not line.startswith("syntagma: compiling kernels")]
    assert printed == output.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_reference_is_what_the_code_says() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
