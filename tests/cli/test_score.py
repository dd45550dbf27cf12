"""The command `ldbench score`: what it calls a folder, and what it doesn't overwrite."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ldbench.errors import ResultError, UsageError
from ldbench.records.result import read
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.command_line import called
from tests.conftest import cheap_card

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cheap_card(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def images(card: Path) -> Path:
    return run(str(card), "mean-image", Settings(card.parent / "runs"))[1].parent / "images"


def score(*arguments: object) -> object:
    """What the command raises, None where all is well."""
    return called("score", *arguments).exception


def names(out: Path) -> set[str]:
    return {read(path).model.name for path in out.rglob("result.json")}


def test_two_folders_without_a_name_are_two_rows(card: Path, images: Path, tmp_path: Path) -> None:
    for folder in ("model a", "model b"):
        shutil.copytree(images, tmp_path / folder)
        assert score(card, tmp_path / folder, "--out", tmp_path / "runs") is None
    assert names(tmp_path / "runs") == {"model a", "model b"}
    error = score(card, tmp_path / "model a", "--out", tmp_path / "runs")
    assert isinstance(error, ResultError)
    assert score(card, tmp_path / "model a", "--out", tmp_path / "runs", "--replace") is None
    assert score(card, tmp_path / "model a", "--out", tmp_path / "runs", "--name", "mine") is None
    assert names(tmp_path / "runs") == {"model a", "model b", "mine"}


@pytest.mark.parametrize("path", [".", "../mine", "below/..", "link"])
def test_a_folder_has_its_name_however_it_is_named(
    path: str, card: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(images, tmp_path / "mine")
    (tmp_path / "mine" / "link").symlink_to(images)
    (tmp_path / "mine" / "below").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert score(card, path, "--out", tmp_path / "runs") is None
    assert names(tmp_path / "runs") == {"link" if path == "link" else "mine"}


def test_several_folders_are_the_cards_seeds_of_one_row(card: Path, images: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(images, tmp_path / name) for name in ("first", "second")]
    said = called("score", card, *folders, "--name", "mine", "--out", tmp_path / "runs")
    assert said.exit_code == 0
    assert "seed 1 has the images of seed 0, pixel by pixel: boards count one of them alone" in said.stderr
    assert said.stderr.count("pixel by pixel") == 1
    results = sorted((read(path) for path in (tmp_path / "runs").rglob("result.json")), key=lambda one: one.seed or 0)
    assert [(one.model.name, one.seed) for one in results] == [("mine", 0), ("mine", 1)]
    assert {tuple(one.card_seeds or ()) for one in results} == {(0, 1, 2, 3, 4)}


@pytest.mark.parametrize(
    ("folders", "options", "said"),
    [
        (["a", "b"], [], "--name: expected a name for the row"),
        (["a", "b"], ["--name", "mine", "--seed", "1"], "--seed: expected none with 2 folders"),
        (list("abcdef"), ["--name", "mine"], "at most 5 folders, one for each seed of the card (0, 1, 2, 3, 4), got 6"),
        (["a", "./a"], ["--name", "mine"], "got one twice"),
    ],
)
def test_folders_that_are_no_seeds_are_refused(
    folders: list[str], options: list[str], said: str, card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = score(card, *folders, *options, "--out", tmp_path / "runs")
    assert isinstance(error, UsageError)
    assert said in str(error)
    assert not (tmp_path / "runs").exists()
