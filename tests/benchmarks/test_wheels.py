"""What is missing on a machine: by version and by name, with all that it needs, and nothing that is there."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys

import pytest
from packaging.utils import canonicalize_name

from benchmarks.wheels import NO_STAGE, ROOT, missing, versions, wanted
from ldbench.run.requirements import inspect
from ldbench.task import card

PINS = versions(["a==2.0", "b==1.5", "c==3.1  # why", "", "# d==1"])
NEEDS = {"a": ["B>=1", 'd; extra == "more"', 'e; sys_platform == "win32"'], "b": ["c"]}


def lacking(there: list[str], *asked: str) -> dict[str, str]:
    found = missing(asked, versions(there), PINS, lambda name: NEEDS.get(name, ()))
    return {name: str(version) for name, version in found.items()}


def test_what_is_missing_comes_with_what_it_needs() -> None:
    assert lacking([], "A>=1", "torch>=2") == {"a": "2.0", "b": "1.5", "c": "3.1"}
    assert lacking(["b==1.0"], "a") == {"a": "2.0"}


def test_a_version_that_does_not_do_is_missing_and_a_bare_name_does() -> None:
    assert lacking(["a==1.0", "b", "c"], "a>=2") == {"a": "2.0"}
    assert lacking(["a", "b==0.9"], "a>=2", "b>=1", "c==3.0") == {"b": "1.5", "c": "3.1"} | {"c": "3.0"}


def test_another_package_with_the_same_module_does() -> None:
    assert lacking(["opencv-python-headless==4.0"], "opencv-python") == {}


def test_a_package_without_a_version_is_refused_in_one_line() -> None:
    with pytest.raises(SystemExit, match=r"^z: expected a version in constraints\.txt, got none"):
        lacking([], "z>=1")


def test_the_suites_own_requirements_all_have_a_version() -> None:
    pins = versions((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    there = versions(["torch==2.11.0", "torchvision==0.26.0", "xxhash", "pyarrow", "pandas", "aiohttp"])
    found = missing(wanted(ROOT / "pyproject.toml"), there, pins, lambda name: ())
    assert {"diffusers", "transformers", "setuptools", "pytest"} <= found.keys()


def test_the_run_of_the_day_needs_nothing_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))  # as where it is called by its path
    monkeypatch.setattr(sys, "argv", ["device_run.py"])
    task = card.load(importlib.import_module("device_run").arguments().task)
    hidden = [
        module for module, names in importlib.metadata.packages_distributions().items()
        if not NO_STAGE.isdisjoint(map(canonicalize_name, names))
    ]
    assert "stlpips_pytorch" in hidden
    for module in hidden:
        monkeypatch.setitem(sys.modules, module, None)
    assert inspect(task, 0).unmet == ()
