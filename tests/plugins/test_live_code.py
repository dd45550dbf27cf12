"""Code that was typed is known by its text, and code of a file that was edited since is not taken for the file's."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ldbench.errors import PluginError
from ldbench.plugins.code import check_unedited, code_digest
from ldbench.plugins.live_code import check_is_that_of_its_file, is_own, is_typed, typed_sources

CELL = """
from math import sqrt
import local_helper
from dataclasses import dataclass, field
from typing import ClassVar
from ldbench.api import Generator

LEVELS = (0.5, {"a": 1})

def level():
    return LEVELS[0] * sqrt(1) * local_helper.RATE

@dataclass
class Grey(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    plus: float = 0.0

    @property
    def level(self):
        return level()

    def generate(self, requests, context):
        return [self.level for request in requests]
"""
Notebook = Callable[[str], ModuleType]


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Runs cells as IPython does: in a `__main__` without a file, each cell's text kept under a name of its own."""
    (tmp_path / "local_helper.py").write_text("RATE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    names = list[str]()

    def run(cell: str) -> ModuleType:
        names.append(f"<cell {len(names)} of {tmp_path.name}>")
        linecache.cache[names[-1]] = (len(cell), None, cell.splitlines(keepends=True), names[-1])
        exec(compile(cell, names[-1], "exec", dont_inherit=True), vars(main))
        return main

    yield run
    for name in names:
        linecache.cache.pop(name, None)
    sys.modules.pop("local_helper", None)


def test_the_code_of_a_notebook_is_its_cells_and_what_they_read(notebook: Notebook) -> None:
    main = notebook(CELL)
    texts, modules = typed_sources(main.Grey)
    assert CELL in texts.values()
    assert texts["variable LEVELS"] == "[0.5, [['a', 1]]]"
    assert modules == {"local_helper"}
    assert is_typed(main.Grey)
    main.LEVELS = np.int64(3)
    assert typed_sources(main.Grey)[0]["variable LEVELS"] == "np.int64(3)"


@pytest.mark.parametrize(
    "later",
    [
        "LEVELS = (0.25, {'a': 1})", "def level():\n    return 1.0",
        "import local_helper as other\nlevel = other.level",
    ],
)
def test_another_value_function_or_module_is_other_code(later: str, notebook: Notebook, tmp_path: Path) -> None:
    main = notebook(CELL)
    before = code_digest(main.Grey, None)
    notebook("unrelated = 3\ndef further():\n    return unrelated")
    assert code_digest(main.Grey, None) == before
    (tmp_path / "local_helper.py").write_text("RATE = 1\ndef level():\n    return 2\n")
    importlib.reload(main.local_helper)
    in_file = code_digest(main.Grey, None)
    notebook(later)
    assert len({before, in_file, code_digest(main.Grey, None)}) == 3


def test_what_has_no_text_is_refused(notebook: Notebook) -> None:
    main = notebook(CELL)
    main.LEVELS = object()
    with pytest.raises(PluginError, match=r"level reads LEVELS: expected a number, .*got object.*; make it in fit"):
        code_digest(main.Grey, None)
    for name in [name for name in linecache.cache if name.startswith("<cell")]:
        linecache.cache.pop(name)
    with pytest.raises(PluginError, match=r"Grey: expected a class of a file or a notebook, got Grey\.\w+, which was"):
        code_digest(main.Grey, None)


def test_only_the_users_own_modules_are_looked_into(notebook: Notebook) -> None:
    notebook(CELL)
    assert [is_own(name) for name in ("__main__", "local_helper", "math", "json", "torch", "ldbench.api", "none")] == [
        True, True, False, False, False, False, False
    ]


@pytest.mark.slow
@pytest.mark.parametrize("edited", ["near.py", "edited_model_file.py"])
def test_a_file_that_was_edited_since_is_not_what_runs(
    edited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "near.py").write_text("def rate():\n    return 1\n")
    own = "from functools import cached_property\nfrom near import rate\nclass Model:\n    @cached_property\n"
    (tmp_path / "edited_model_file.py").write_text(f"{own}    def made(self):\n        return rate() + 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = importlib.import_module("edited_model_file")
    check_is_that_of_its_file(model.Model, "generator Model")
    text = (tmp_path / edited).read_text()
    try:
        (tmp_path / edited).write_text(f"# a comment\n{text}")
        with pytest.raises(PluginError, match=rf"the code that {edited} holds, got an older .*edited after its import"):
            check_is_that_of_its_file(model.Model, "generator Model")
        (tmp_path / edited).write_text(text.replace("return", "retur n"))
        with pytest.raises(PluginError, match="got an older"):
            check_is_that_of_its_file(model.Model, "generator Model")
        (tmp_path / edited).write_text(text)
        check_is_that_of_its_file(model.Model, "generator Model")
    finally:
        for name in ("near", "edited_model_file"):
            del sys.modules[name]


HOLDS = """
from functools import wraps
from dataclasses import dataclass, field
from typing import ClassVar
from ldbench.api import Generator

def by(rate):
    def inner(value):
        return value * rate
    return inner

def times(function):
    rate = OF_WRAPPER
    @wraps(function)
    def wrapped(*given):
        return function(*given) * rate
    return wrapped

class Base(Generator):
    of_base = OF_BASE

@dataclass
class Grey(Base):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    of_class: ClassVar[float] = OF_CLASS
    parts: list[float] = field(default_factory=lambda start=OF_FIELD: [start], init=False)
    scaled = by(OF_CELL)

    @times
    def generate(self, requests, context, level=OF_DEFAULT, *, further=OF_KEYWORD):
        return [level for request in requests]
"""
NAMES = ("WRAPPER", "BASE", "CLASS", "FIELD", "CELL", "DEFAULT", "KEYWORD")


@pytest.mark.parametrize("other", NAMES)
def test_what_was_taken_from_another_cell_is_code(other: str, notebook: Notebook) -> None:
    def digest(values: dict[str, float]) -> str:
        notebook("\n".join(f"OF_{name} = {value}" for name, value in values.items()))
        return code_digest(notebook(HOLDS).Grey, None)

    same = dict.fromkeys(NAMES, 0.25)
    first = digest(same)
    assert digest(same | {other: 0.75}) != first
    assert digest(same) == first


def test_classes_that_python_writes_parts_of_have_a_text(notebook: Notebook) -> None:
    main = notebook(
        "import enum, torch\nfrom functools import cache\nfrom typing import NamedTuple\n"
        "class Mode(enum.Enum):\n    A = 1\nclass Pair(NamedTuple):\n    a: int = 2\n"
        f"@cache\ndef kept():\n    return 1\n{CELL}    def of(self, mode=Mode.A, dtype=torch.float16):\n"
        "        return Pair(), Mode, mode\n    @torch.no_grad()\n    def other(self, width=Pair()):\n"
        "        return 1\n"
    )
    texts = typed_sources(main.Grey)[0]
    assert texts["Grey.of holds mode"] == "Mode.A = 1"
    assert texts["Grey.of holds dtype"] == "torch.float16"
    assert texts["Grey.other holds width"] == "[2]"


EDITS = [
    ("far.py", "x * 1", "x * 2"), ("far.py", "RATE = 1", "RATE = 2"),
    ("edited_model_file.py", "SCALE = 1", "SCALE = 2"), ("edited_model_file.py", "of_class = 1", "of_class = 2"),
]
LATER = [("far.py", "[1]", "[2]"), ("edited_model_file.py", "level=1", "level=2")]


@pytest.mark.slow
@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize(("edited", "before", "after"), [*EDITS, *LATER])
def test_an_edit_of_any_hashed_file_is_seen(
    edited: str, before: str, after: str, seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far.py").write_text("RATE = 1\nLEVELS = [1]\ndef shade(x):\n    return x * 1\n")
    (tmp_path / "edited_model_file.py").write_text(
        "import far\nfrom ldbench.api import Generator\nSCALE = 1\nCOUNT = 0\n"
        "class Model(Generator):\n    of_class = 1\n    def generate(self, requests, context, level=1):\n"
        "        global COUNT\n        COUNT += 1\n        return far.shade(SCALE)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    model = importlib.import_module("edited_model_file")
    vars(model)["COUNT"] = 3  # which its own code sets
    try:
        if seen:
            check_unedited(model.Model, None, "generator Model")
        file = tmp_path / edited
        file.write_text(file.read_text().replace(before, after))
        if seen or (edited, before, after) in EDITS:
            with pytest.raises(PluginError, match=rf"the code that {edited} holds, got an older "):
                check_unedited(model.Model, None, "generator Model")
        importlib.invalidate_caches()
        for path in tmp_path.glob("__pycache__/*"):
            path.unlink()  # whose times are whole seconds
        importlib.reload(model.far)
        check_unedited(importlib.reload(model).Model, None, "generator Model")
    finally:
        for name in ("far", "edited_model_file"):
            del sys.modules[name]
