"""A class or an instance is what the command line calls by a name, and nothing that has no name is taken."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ldbench.errors import PluginError, UnknownNameError, UsageError
from ldbench.plugins.generators import load_generator
from ldbench.plugins.given import given
from ldbench.plugins.model_ref import code_of, model_ref
from tests.plugins.installed import install
from tests.stand_ins.broken_generators import OnlyText

pytestmark = pytest.mark.slow

FILE = """
from dataclasses import dataclass, field
from typing import ClassVar
from ldbench.api import Generator

@dataclass
class Grey(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    level: int | str = 0
    net: object = field(init=False, default=None)

    def generate(self, requests, context):
        raise NotImplementedError

def make():
    @dataclass
    class Inner(Grey):
        pass
    return Inner
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A file of the user's, imported from Python."""
    (tmp_path / "grey_of_user.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("grey_of_user")
    del sys.modules["grey_of_user"]


def test_a_class_of_a_file_is_the_row_that_the_command_line_makes_of_the_file(module: ModuleType) -> None:
    chosen = given(module.Grey(level="3"))
    built = chosen.build({})
    assert chosen.name == f"{module.__file__}:Grey"
    assert (built.level, type(built)) == ("3", module.Grey)  # type: ignore[attr-defined]
    named = load_generator(chosen.name)(level="3")  # type: ignore[call-arg]
    assert model_ref(chosen.name, built) == model_ref(chosen.name, named)
    assert code_of(chosen.name, built) == code_of(chosen.name, named)


def test_a_registered_class_has_its_registered_name() -> None:
    cls = load_generator("mean-image")
    assert given(cls).name == given(cls()).name == given("mean-image").name == "mean-image"
    assert given(load_generator("basic-ft")).name == "basic-ft"  # not a preset of it


def test_a_class_that_its_package_exports_has_its_registered_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exporting").mkdir()
    (tmp_path / "exporting" / "inner.py").write_text(FILE)
    (tmp_path / "exporting" / "__init__.py").write_text("from exporting.inner import Grey\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    package = importlib.import_module("exporting")
    try:
        assert given(package.Grey).name == "exporting.inner:Grey"
        install(tmp_path, "exporting", "0.1", {"exported": "exporting:Grey"})
        importlib.invalidate_caches()
        monkeypatch.syspath_prepend(str(tmp_path / "exporting"))  # entry points are looked for again
        assert given(package.Grey).name == "exported"
    finally:
        for name in ("exporting", "exporting.inner"):
            del sys.modules[name]


SCRIPT = FILE + """
if __name__ == "__main__":
    from ldbench.plugins.given import given
    from ldbench.plugins.model_ref import code_of, model_ref
    chosen = given(Grey)
    print(chosen.name, model_ref(chosen.name, chosen.build({})).version, code_of(chosen.name, chosen.build({})))
"""


def test_a_class_of_a_script_is_the_row_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
    name = f"{file}:Grey"
    named = load_generator(name)()
    assert done.stdout.split() == [name, model_ref(name, named).version, code_of(name, named)]
    of_prompt = subprocess.run([sys.executable, "-"], input=SCRIPT, capture_output=True, text=True, check=False)
    assert "PluginError: Grey: expected a class of a file or a notebook, got Grey.generate" in of_prompt.stderr


def test_what_could_not_be_found_again_is_refused(module: ModuleType) -> None:
    with pytest.raises(PluginError, match="expected what grey_of_user holds under this name now, got another class"):
        given(module.make())
    older = module.Grey()
    importlib.reload(module)
    with pytest.raises(PluginError, match="make instances anew"):
        given(older)
    given(module.Grey)


@pytest.mark.parametrize("wrong", [3, int, OnlyText.kinds])
def test_what_is_no_generator_is_one_line(wrong: Any) -> None:
    with pytest.raises(PluginError, match=r"generator: expected a name, a subclass of ldbench\.api\.Generator or an"):
        given(wrong)


def test_a_class_that_is_no_dataclass_is_refused_as_on_the_command_line() -> None:
    class Bare(OnlyText):
        pass

    with pytest.raises(PluginError, match=r"generator .*Bare: expected a dataclass"):
        given(Bare)
    with pytest.raises(UnknownNameError, match="did you mean real"):
        given("reel")


def test_an_instance_that_has_learnt_something_is_refused(module: ModuleType) -> None:
    for name, value in (("net", "weights"), ("further", None)):
        used = module.Grey()
        setattr(used, name, value)
        with pytest.raises(UsageError, match=rf"Grey: expected an instance with its parameters alone.* holds {name};"):
            given(used).build({})


def test_parameters_are_set_in_an_instance_or_beside_a_class(module: ModuleType) -> None:
    with pytest.raises(UsageError, match="expected none beside an instance, got level; set them in it"):
        given(module.Grey()).build({"level": 3})
    assert given(module.Grey).build({"level": "3"}) == module.Grey(level=3)  # a text, as --set reads it
    with pytest.raises(UsageError, match=r"level: expected level: int \| str = 0, got 0\.5"):
        given(module.Grey).build({"level": 0.5})
    assert given(module.Grey).build({"level": Path("weights/a")}) == module.Grey(level="weights/a")
    assert given(module.Grey(level=np.int64(3))).build({}) == module.Grey(level=3)
    wrong = module.Grey()
    wrong.level = [1]
    with pytest.raises(PluginError, match=r"Grey: expected level: int \| str = 0, got \[1\]"):
        given(wrong).build({})


@dataclass
class Asserting(OnlyText):
    """Pytest rewrites its method, so the code in memory is not that of the file; nobody edited it."""

    def generate(self, requests: Any, context: Any) -> Any:
        assert requests
        return super().generate(requests, context)


def test_code_that_an_import_hook_changes_is_taken() -> None:
    assert given(Asserting).name.endswith("tests.plugins.test_given:Asserting")
