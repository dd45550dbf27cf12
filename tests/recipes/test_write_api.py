"""The public API is what its pages say and what was promised: pages current, examples run, a change is a decision."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import ldbench
from ldbench.api import API_VERSION
from ldbench.errors import PluginError
from ldbench.plugins.generators import check_class
from recipes import write_api
from tests.stand_ins.broken_generators import OnlyText

ROOT = Path(__file__).parents[2]
HISTORIC = ROOT / "tests" / "historic"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(write_api.pages()))
def test_a_page_says_what_the_source_says(name: str) -> None:
    committed = (ROOT / "docs" / "api" / name).read_text(encoding="utf-8")
    assert committed == write_api.pages()[name], "run python -m recipes.write_api and commit docs/api"


def test_every_page_is_in_the_index_and_every_link_leads_to_one() -> None:
    folder = ROOT / "docs" / "api"
    linked = set(re.findall(r"\]\(([a-z_]+\.md)\)", (folder / "index.md").read_text(encoding="utf-8")))
    assert linked == {path.name for path in folder.glob("*.md")} - {"index.md"} == set(write_api.pages())


def test_the_index_names_the_version() -> None:
    text = (ROOT / "docs" / "api" / "index.md").read_text(encoding="utf-8")
    assert f"`ldbench.api.API_VERSION`, now {API_VERSION}." in text


EXAMPLES = ["ldbench.api.generator", "ldbench.errors", "ldbench.testing", "ldbench.plugins.scaffold.package"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name))
    assert done.failed == 0
    assert done.attempted > 0


def test_the_public_surface_is_the_one_that_was_promised() -> None:
    frozen = HISTORIC / f"api-{API_VERSION}.txt"
    assert frozen.is_file(), "a new API_VERSION needs its file: python recipes/write_api.py --freeze"
    assert write_api.surface() == frozen.read_text(encoding="utf-8").splitlines(), (
        "public names or signatures changed: raise API_VERSION (minor for what is added, major for what breaks), tell "
        "the change log, and run python recipes/write_api.py --freeze"
    )


def test_the_functions_of_the_suite_are_those_of_its_version() -> None:
    frozen = HISTORIC / f"python-{ldbench.__version__}.txt"
    assert write_api.functions_surface() == frozen.read_text(encoding="utf-8").splitlines(), (
        "public functions changed: tell the change log, and run python -m recipes.write_api --freeze"
    )


def test_every_name_at_the_top_is_where_it_is_said_to_be() -> None:
    said = write_api._imported(write_api._tree("ldbench"))
    assert {name: said[name] for name in ldbench.__all__} == {
        name: getattr(ldbench, name).__module__ for name in ldbench.__all__
    }
    assert set(ldbench.__all__) <= set(dir(ldbench))
    with pytest.raises(AttributeError, match="no attribute 'run_tasks'"):
        _ = ldbench.run_tasks


def kept(promise: str, surface: Sequence[str]) -> bool:
    """Whether a line of a frozen surface still stands; a literal may gain values, a call optional keywords."""
    if promise in surface:
        return True
    if "(" in promise and not promise.startswith("class "):
        return any(takes_as_much(line, promise) for line in surface if line.startswith(f"{promise.partition('(')[0]}("))
    name, literal, values = promise.partition(" = Literal[")
    if not literal:
        return False
    now = next((line for line in surface if line.startswith(f"{name}{literal}")), "")
    return set(values.rstrip("]").split(", ")) <= set(now.partition("[")[2].rstrip("]").split(", "))


def takes_as_much(now: str, before: str) -> bool:
    """Whether each call of the signature `before` is one of `now`: only optional keywords were added."""
    new, old = (ast.parse(f"def f({line.partition('(')[2]}: ...").body[0] for line in (now, before))
    assert isinstance(new, ast.FunctionDef)
    assert isinstance(old, ast.FunctionDef)
    added = {a.arg for a in new.args.kwonlyargs} - {a.arg for a in old.args.kwonlyargs}
    keywords = list(zip(new.args.kwonlyargs, new.args.kw_defaults, strict=True))
    if any(default is None for a, default in keywords if a.arg in added):
        return False
    staying = [(a, default) for a, default in keywords if a.arg not in added]
    new.args.kwonlyargs, new.args.kw_defaults = [a for a, _ in staying], [default for _, default in staying]
    return ast.dump(new) == ast.dump(old)


def test_a_minor_version_only_adds() -> None:
    (major, _, minor), surface = API_VERSION.partition("."), write_api.surface()
    earlier = list(HISTORIC.glob(f"api-{major}.*.txt"))
    assert earlier or minor == "0"
    for path in earlier:
        gone = [line for line in path.read_text(encoding="utf-8").splitlines() if not kept(line, surface)]
        assert not gone, f"{path.name} promised {gone}: that takes a new major version"


def test_a_literal_may_gain_values_and_lose_none() -> None:
    assert kept("a.B = Literal['x', 'y']", ["a.B = Literal['x', 'y', 'z']"])
    assert not kept("a.B = Literal['x', 'y']", ["a.B = Literal['x', 'z']", "a.C = Literal['x', 'y']"])
    assert not kept("a.B: int = 1", ["a.B: int = 2"])


def test_a_call_may_gain_optional_keywords_and_nothing_else() -> None:
    before = "a.f(x: int, *, y: int=0) -> int"
    assert kept(before, ["a.f(x: int, *, y: int=0, z: str | None=None) -> int"])
    for now in (
        "a.f(x: int, *, y: int=0, z: str) -> int", "a.f(x: int, *, y: int=1) -> int", "a.f(x: int) -> int",
        "a.f(x: int, z: int=0, *, y: int=0) -> int", "a.f(x: int, *, y: int=0, z: int=0) -> str",
    ):
        assert not kept(before, [now]), now


def test_the_surface_tells_a_changed_default_and_a_lost_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = "from dataclasses import dataclass\n@dataclass\nclass A:\n"
    source = head + "    x: int = {x}\n    def f(self, y={y}):\n        pass\n"
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = []
    for x, y in ((1, 2), (3, 2), (1, 4)):
        (tmp_path / "surface_of_this.py").write_text(source.format(x=x, y=y))
        seen.append(list(write_api._surface_of(write_api.module("surface_of_this"))))
    assert seen[0] == [
        "class surface_of_this.A @dataclass", "surface_of_this.A.x: int = 1", "surface_of_this.A.f(self, y=2)",
    ]  # fmt: skip
    assert seen[0] != seen[1] != seen[2] != seen[0]


@pytest.mark.parametrize("version", ["", "1", "1.0", "1.7"])
def test_a_class_of_this_major_version_is_taken(version: str) -> None:
    @dataclass
    class Plugin(OnlyText):
        """A plugin."""

        api_version: ClassVar[str] = version

    assert check_class(Plugin, "plugin") is Plugin


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("2.0", f"plugin: Plugin is written for ldbench.api 2.0, this ldbench has {API_VERSION}; install a version of"),
        ("0", f"plugin: Plugin is written for ldbench.api 0, this ldbench has {API_VERSION}; install"),
        ("one", f"plugin: api_version: expected '{API_VERSION}' or '1', got 'one'"),
        ("1.0.2", f"plugin: api_version: expected '{API_VERSION}' or '1', got '1.0.2'"),
        (1.0, f"plugin: api_version: expected '{API_VERSION}' or '1', got 1.0"),
    ],
)
def test_a_class_of_another_major_version_is_refused_in_one_line(version: str, message: str) -> None:
    @dataclass
    class Plugin(OnlyText):
        """A plugin."""

        api_version: ClassVar[str] = version

    with pytest.raises(PluginError) as caught:
        check_class(Plugin, "plugin")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
