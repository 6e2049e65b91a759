"""Packaging: what the wheel ships is what the tree holds.

The repository root is the package, and `packages` in pyproject.toml is written by hand: an unlisted folder would work
in an editable install and be missing from the wheel.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("grammar", "automata", "sampling", "backends")
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def folders() -> list[Path]:
    """Every folder of the floors, the floors included."""
    return sorted(
        path
        for floor in FLOORS
        for path in [ROOT / floor, *(ROOT / floor).rglob("*")]
        if path.is_dir() and path.name != "__pycache__"
    )


def package(folder: Path) -> str:
    """The import name of a folder."""
    return ".".join(["syntagma", *folder.relative_to(ROOT).parts])


def test_every_folder_with_modules_is_a_listed_package() -> None:
    with_modules = {package(folder) for folder in folders() if any(folder.glob("*.py"))}
    assert set(SETUPTOOLS["packages"]) == {"syntagma"} | with_modules


def test_every_package_has_an_init() -> None:
    assert [f for f in folders() if any(f.glob("*.py")) and not (f / "__init__.py").exists()] == []


def test_root_modules_are_the_faces_and_the_ground() -> None:
    """Any module at the root is shipped, so a noxfile or a conftest has no place there."""
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py", "errors.py"}


def test_data_files_are_shipped() -> None:
    patterns = SETUPTOOLS["package-data"]
    missing = [
        str(path.relative_to(ROOT))
        for folder in folders()
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not is_shipped(path, patterns)
    ]
    assert missing == []
    assert "py.typed" in patterns["syntagma"]


def is_shipped(path: Path, patterns: dict[str, list[str]]) -> bool:
    """Whether a package at or above the file's folder lists a pattern for it."""
    return any(
        fnmatch(str(path.relative_to(folder)), pattern)
        for folder in path.parents
        if folder.is_relative_to(ROOT)
        for pattern in patterns.get(package(folder), ())
    )


def test_the_license_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
