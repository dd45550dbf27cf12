"""`ldbench new generator`: what it writes installs, conforms, tests itself and ranks; and it never overwrites."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ldbench.api import API_VERSION
from ldbench.errors import UnknownNameError, UsageError
from ldbench.plugins.generators import load_generator
from ldbench.plugins.scaffold.package import SANDBOX, names_of, write_package
from ldbench.task import card
from ldbench.testing import assert_generator
from tests.command_line import said
from tests.in_turn import in_turn
from tests.small_aging import small_card

KINDS = sorted(SANDBOX)
FILES = {
    "README.md", "pyproject.toml", "src/my_blur/__init__.py", "src/my_blur/py.typed", "tests/test_my_blur.py",
    ".github/workflows/test.yml", ".gitignore",
}  # fmt: skip
LONG = "x" * 40
PIP = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_keeps_the_contract_from_its_first_day(kind: str, tmp_path: Path) -> None:
    write_package("my-blur", kind, tmp_path / "new")
    cls = load_generator(f"{tmp_path / 'new' / 'src' / 'my_blur' / '__init__.py'}:MyBlur")
    assert cls.kinds == {kind}
    assert cls.api_version == API_VERSION
    assert not cls.reference
    assert_generator(cls)


def placeholders(texts: dict[str, str]) -> list[str]:
    """The names of texts that still hold one of a template."""
    return [name for name, text in texts.items() if re.search(r"\$(\{|[a-z])", text)]


def complete_texts(written: Sequence[Path], folder: Path) -> dict[str, str]:
    """The files of a package by name; all are there, hold no placeholder, and say what to replace."""
    assert {str(path.relative_to(folder)) for path in written} == FILES
    texts = {path.name: path.read_text(encoding="utf-8") for path in written}
    assert not placeholders(texts)
    assert "REPLACE" in texts["__init__.py"]
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_complete_and_hold_no_placeholder(kind: str, tmp_path: Path) -> None:
    texts = complete_texts(write_package("my-blur", kind, tmp_path / "new"), tmp_path / "new")
    assert 'pip install "$LDBENCH"' in texts["test.yml"]
    assert f"ldbench run {SANDBOX[kind]} my-blur" in texts["test.yml"]
    assert "ldbench report runs --format html" in texts["test.yml"]
    assert card.load(SANDBOX[kind]).kind == kind


def test_no_index_is_asked_for_the_suite_by_its_bare_name(tmp_path: Path) -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in write_package("my-blur", out=tmp_path / "new")}
    assert tomllib.loads(texts["pyproject.toml"])["project"]["dependencies"] == ["torch"]
    workflow = yaml.safe_load(texts["test.yml"])
    installing = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "pip" in step.get("run", "")]
    assert installing == ['pip install "$LDBENCH" ".[test]"']


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (None, 1), ("ldbench", 1), ("ldbench==0.1.0", 1), ("git+https://a.b/c/ldbench@main", 1), ("", 1),
        ("git+https://a.b/c/ldbench@0123abc", 0), ("wheels/ldbench-0.1.0-py3-none-any.whl", 0),
    ],
)
def test_the_workflow_fails_until_it_is_said_where_the_suite_comes_from(
    source: str | None, code: int, tmp_path: Path
) -> None:
    write_package("my-blur", out=tmp_path / "new")
    workflow = yaml.safe_load((tmp_path / "new/.github/workflows/test.yml").read_text(encoding="utf-8"))
    runs = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    given = workflow["env"]["LDBENCH"] if source is None else source
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", runs[0]], env={"PATH": os.environ["PATH"], "LDBENCH": given},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stdout.startswith("::error::LDBENCH: expected a wheel's path or git+https://...@COMMIT") == bool(code)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_stay_short_even_with_the_longest_name(kind: str, tmp_path: Path) -> None:
    for path in write_package(LONG, kind, tmp_path / "new"):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            assert max(map(len, text.splitlines())) <= 120, path
            ast.parse(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My-Blur", "NAME: expected up to 40 lower-case letters, digits and single hyphens, a letter first"),
        ("my_blur", "got 'my_blur'"),
        ("3d", "got '3d'"),
        ("my--blur", "got 'my--blur'"),
        ("my-blur-", "got 'my-blur-'"),
        ("../blur", "got '../blur'"),
        ("", "got ''"),
        (f"{LONG}x", f"got '{LONG}x'"),
        ("class", "a word of Python's own"),
        ("true", "a word of Python's own"),
        ("basic-ft", "'basic-ft' is registered by ldbench 0.1.0 already"),
        ("random", "a module 'random' is installed already"),
        ("torch", "a module 'torch' is installed already"),
        ("ldbench-baselines", "a module 'ldbench_baselines' is installed already"),
    ],
)
def test_a_name_that_would_not_do_is_refused_in_one_line(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_package(name, out=tmp_path / "new")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_names_follow_from_one() -> None:
    names = names_of("a1-b2-c")
    assert (names.name, names.module, names.cls) == ("a1-b2-c", "a1_b2_c", "A1B2C")


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="expected a folder that isn't there yet"):
        write_package("my-blur", out=folder)
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    assert (folder / "README.md").read_text() == "mine"


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown kind 'ageing': did you mean aging"):
        write_package("my-blur", "ageing", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    *files, following = said("new", "generator", "my-blur", "--kind", "aging").splitlines()
    assert all(Path(line).is_file() for line in files)
    assert following == "next: pip install -e my-blur; ldbench check my-blur; ldbench run sandbox-brain-aging my-blur"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the package in it, editable; the running one stays as it is.

    It sees the running one's packages through a .pth file, since nothing may be downloaded.
    """
    folder = tmp_path_factory.mktemp("scaffold")
    write_package("my-blur", "aging", folder / "my-blur")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    inside = next((folder / "venv").glob("lib/python*/site-packages"))
    outer = [path for path in sys.path if path.endswith("site-packages")]
    (inside / "outer.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in outer))
    found = folder / "venv" / "bin" / "python"
    into = ["--prefix", folder / "venv", "--ignore-installed", "--editable", folder / "my-blur"]
    subprocess.run([found, "-m", "pip", "install", "--quiet", *PIP, *into], check=True)
    return found


@dataclass(frozen=True)
class Used:
    """A folder in which the suite was used by the Python that has the package, and what each command said."""

    folder: Path
    listed: str
    checked: str
    board: str


@pytest.fixture(scope="module")
def used(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Used:
    """All that a user does with the package, one command after another; each succeeds."""
    folder = tmp_path_factory.mktemp("used")
    ended = in_turn(
        [
            ["list", "models"], ["check", "my-blur"],
            ["run", str(small_card(folder)), "my-blur", "copy-source", "--out", "runs", "--device", "cpu"],
            ["report", "runs", "--format", "json"],
        ],
        folder, python=python,
    )  # fmt: skip
    assert [one.returncode for one in ended] == [0] * 4, "".join(one.stdout + one.stderr for one in ended)
    listed, checked, _, board = (one.stdout for one in ended)
    return Used(folder, listed, checked, board)


def told(python: Path, folder: Path, *arguments: str) -> str:
    """What Python says to these arguments in a folder; it must succeed."""
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_installs_editable_and_is_listed(python: Path, used: Used) -> None:
    assert any(line.startswith("my-blur ") and line.endswith("[my-blur 0.1.0]") for line in used.listed.splitlines())
    where = told(python, used.folder, "-c", "import my_blur; print(my_blur.__file__)").strip()
    assert Path(where).is_relative_to(python.parents[2] / "my-blur" / "src")


@pytest.mark.slow
def test_it_keeps_the_contract_by_name_and_by_its_own_tests(python: Path, used: Used) -> None:
    assert used.checked.endswith("25 clauses, none broken\n")
    own = str(python.parents[2] / "my-blur" / "tests")
    assert "2 passed" in told(python, used.folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", own)


@pytest.mark.slow
def test_it_runs_on_sandbox_data_and_gets_a_rank(used: Used) -> None:
    rows = {row["model"]["name"]: row for row in json.loads(used.board)["rows"]}
    psnr = {model: row["scores"][0]["value"] for model, row in rows.items()}
    assert rows["my-blur"]["scores"][0]["rank"] == 1
    assert psnr["my-blur"] > psnr["copy-source"], "it learned nothing of ageing"
