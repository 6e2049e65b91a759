"""Floors: an import only goes down, and only the floor that needs a heavy library names it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("errors", "grammar", "automata", "sampling", "backends", "cli")
#: Libraries that only the named floors may import, at whatever depth of a function.
RESERVED = {
    "numba": {"automata"},
    "torch": {"backends"},
    "transformers": {"backends"},
    "safetensors": {"backends"},
    "tokenizers": {"automata", "backends"},
    "lark": {"grammar"},
    "interegular": {"grammar"},
    "typer": {"cli"},
}
#: What `import syntagma` and `syntagma --help` may not load.
HEAVY = ("numba", "torch", "transformers", "tokenizers", "lark", "interegular", "pydantic", "jsonschema_rs")
MODULES = sorted(path for path in [*ROOT.glob("*.py"), *(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py"))])


def floor(path: Path) -> str:
    """The floor that a module of the package belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[ast.Import | ast.ImportFrom, list[str]]]:
    """Every import statement with the dotted names it reaches for; relative ones are resolved from the root."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield node, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - (node.level - 1)] + (node.module.split(".") if node.module else [])
            yield node, [".".join(base)] if base else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            yield node, [node.module or ""]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    here = floor(path)
    if here not in FLOORS:
        return  # the faces see every floor
    for node, names in imports(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            for name in names:
                target = name.split(".")[0]
                assert target in FLOORS, f"{path}:{node.lineno} imports {name}, which is no floor"
                assert FLOORS.index(target) <= FLOORS.index(here), f"{path}:{node.lineno} imports upwards: {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_package_imports_itself_relatively_and_others_where_they_belong(path: Path) -> None:
    for node, names in imports(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            continue
        for name in names:
            library = name.split(".")[0]
            assert library != "syntagma", f"{path}:{node.lineno} imports the package absolutely"
            allowed = RESERVED.get(library)
            assert allowed is None or floor(path) in allowed, f"{path}:{node.lineno} imports {library}"


def test_only_the_kernel_decorator_compiles() -> None:
    compilers = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "jitclass"}
    users = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in compilers and "numba" in ast.unparse(node.value))
        or (isinstance(node, ast.ImportFrom) and node.module == "numba" and compilers & {a.name for a in node.names})
    ]
    assert {user.rsplit(":", 1)[0] for user in users} == {"automata/kernel.py"}


def test_kernel_modules_share_functions_and_no_constants() -> None:
    """A constant that a kernel reads from another module goes stale in the cache when that module changes."""
    for path in (ROOT / "automata").glob("_*_kernels.py"):
        for node, names in imports(path):
            if isinstance(node, ast.ImportFrom) and node.level and names[0].endswith("_kernels"):
                constants = [alias.name for alias in node.names if alias.name.isupper()]
                assert constants == [], f"{path}:{node.lineno}"


def loaded_after(code: str) -> set[str]:
    """The heavy libraries that a new process holds after running `code`."""
    probe = f"import sys\n{code}\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import syntagma") == set()


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    assert loaded_after("import syntagma.cli") == set()


@pytest.mark.parametrize("name", ["errors", "grammar.ir"])
def test_the_ground_loads_nothing_heavy(name: str) -> None:
    assert loaded_after(f"import syntagma.{name}") == set()
