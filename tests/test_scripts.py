"""The programs beside the suite can start: every name that they import of it is there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for folder in ("benchmarks", "leaderboards") for path in (ROOT / folder).glob("*.py"))
OWN = ("ldbench", "ldbench_baselines", "ldbench_sandbox")


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Module and name of every import from the project's packages, those within functions included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in OWN:
            yield from ((node.module, alias.name) for alias in node.names)


def missing(source: str) -> list[str]:
    """The imported names that neither are in their module nor are a module below it."""
    absent = []
    for module, name in imported(source):
        if hasattr(importlib.import_module(module), name):
            continue
        try:
            importlib.import_module(f"{module}.{name}")
        except ModuleNotFoundError:
            absent.append(f"{module}.{name}")
    return absent


def test_a_name_that_is_gone_is_found() -> None:
    assert missing("from ldbench.board.seeds import pool, gone") == ["ldbench.board.seeds.gone"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_is_there(path: Path) -> None:
    assert missing(path.read_text(encoding="utf-8")) == []
