"""Each plug-in's file imports its own neighbours, also where two folders have modules of the same names."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ldbench.errors import PluginError
from ldbench.plugins import neighbours
from ldbench.plugins.code import remember, source_digest, sources
from ldbench.plugins.live_code import check_is_that_of_its_file
from ldbench.plugins.registry import import_file

MODEL = """
import helper
import pack.inner as inner
from helper import LEVEL, Net
from pack import inner as same

class Mine:
    def late(self):
        from later import LEVEL
        return LEVEL

    def through(self):
        return helper.through()
"""
HELPER = """
import pack
LEVEL = "{0}"
class Net: ...

def through():
    import later
    return later.LEVEL + pack.LEVEL
"""
FILES = {
    "helper.py": HELPER, "later.py": 'LEVEL = "{0}"\n', "pack/__init__.py": 'from .inner import LEVEL\n',
    "pack/inner.py": 'import colours\nLEVEL = colours.LEVEL\n', "colours.py": 'LEVEL = "{0}"\n',
}


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """The files of two plug-ins, each with neighbours of the same names that say whose they are."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(neighbours, "_folders", [])
    before = {*sys.modules}
    for folder in "ab":
        for name, text in FILES.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(folder), encoding="utf-8")
        (tmp_path / folder / "model.py").write_text(MODEL, encoding="utf-8")
    yield tmp_path / "a/model.py", tmp_path / "b/model.py"
    ours = ("ldbench_file_", "ldbench_folder_", "helper", "later", "pack", "colours")
    for name in {*sys.modules} - before:
        if name.startswith(ours):
            del sys.modules[name]


def said(module: Any) -> tuple[str, ...]:
    mine = module.Mine()
    return module.LEVEL, module.inner.LEVEL, module.same.LEVEL, mine.late(), mine.through()


def test_each_file_has_its_own_neighbours_whenever_it_imports_them(two: tuple[Path, Path]) -> None:
    one, other = map(import_file, two)
    assert (said(one), said(other)) == (("a", "a", "a", "a", "aa"), ("b", "b", "b", "b", "bb"))
    one, other = import_file(two[0]), import_file(two[1])
    assert (said(other), said(one)) == (("b", "b", "b", "b", "bb"), ("a", "a", "a", "a", "aa"))


def test_a_lone_plug_ins_neighbours_are_modules_by_their_plain_names(two: tuple[Path, Path]) -> None:
    module = import_file(two[0])
    assert module.helper is sys.modules["helper"]
    assert module.Net.__module__ == "helper"
    assert vars(module)["__builtins__"] is vars(sys.modules["helper"])["__builtins__"]  # Python's own


def test_neighbours_of_both_are_pickled_and_known_by_their_code(two: tuple[Path, Path]) -> None:
    for module in map(import_file, two):
        assert type(pickle.loads(pickle.dumps(module.Net()))) is module.Net
        files = sources(module.__name__)
        assert {*files} == {"model.py", *FILES}
        assert {*files.values()} == {Path(str(module.__file__)).parent / name for name in files}
        assert {*sources(module.inner.__name__)} == {"pack/__init__.py", "pack/inner.py"}


def test_an_edit_of_a_neighbour_after_its_import_is_seen_in_both(two: tuple[Path, Path]) -> None:
    for module in map(import_file, two):
        folder = Path(str(module.__file__)).parent
        remember(module.__name__)
        assert source_digest(module.__name__) is not None
        check_is_that_of_its_file(module.Mine, "mine", {folder / "colours.py"})
        (folder / "colours.py").write_text('LEVEL = "other"\n', encoding="utf-8")
        assert source_digest(module.__name__) is None
        with pytest.raises(PluginError, match=r"expected the code that colours\.py holds, got an older LEVEL"):
            check_is_that_of_its_file(module.Mine, "mine", {folder / "colours.py"})


def test_a_neighbour_hides_no_module_that_is_installed_or_pythons_own(two: tuple[Path, Path]) -> None:
    for path in two:
        for name in ("json", "numpy"):
            (path.parent / f"{name}.py").write_text("raise ValueError('hidden')\n", encoding="utf-8")
        path.write_text(f"import json\nimport numpy.linalg\nimport numpy as np\n{MODEL}", encoding="utf-8")
    one, other = map(import_file, two)
    assert one.json is other.json is sys.modules["json"]
    assert one.np is other.np is sys.modules["numpy"]
    assert (said(one)[0], said(other)[0]) == ("a", "b")


def test_what_a_folder_lacks_is_found_as_ever(two: tuple[Path, Path]) -> None:
    two[1].write_text(f"{MODEL}\ndef absent():\n    import no_such_module\n", encoding="utf-8")
    _, other = map(import_file, two)
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        other.absent()


WORKERS = """
import multiprocessing, sys
from pathlib import Path
from ldbench.plugins.registry import import_file

def first(path):
    import_file(Path(path))

def level(net):
    return sys.modules[type(net).__module__].LEVEL

if __name__ == "__main__":
    modules = [import_file(Path(path)) for path in sys.argv[2:]]
    for module in modules:
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(1, first, (module.__file__,)) as pool:
            print(*pool.map(level, [module.Net()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_neighbours_of_both_go_to_other_processes(how: str, two: tuple[Path, Path]) -> None:
    program = two[0].parents[1] / "program.py"
    program.write_text(WORKERS, encoding="utf-8")
    call = [sys.executable, str(program), how, *map(str, two)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ})
    assert (done.stdout.split(), done.returncode) == (["a", "b"], 0), done.stderr


def test_a_copy_of_a_folder_is_a_folder_of_its_own(two: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(two[0].parent, tmp_path / "copy")
    one, other = import_file(two[0]), import_file(copy / "model.py")
    assert one.helper is not other.helper
    assert (said(one), said(other)) == (("a", "a", "a", "a", "aa"),) * 2
