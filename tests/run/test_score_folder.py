"""Images from elsewhere score as a run's do, under a name of their own."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ldbench.board.gather import collect, fold
from ldbench.board.row_labels import labels
from ldbench.errors import LdbenchError, ResultError, UsageError
from ldbench.records import files
from ldbench.records import result as results
from ldbench.records.run_folder import RESULT, SUBGROUPS, UNITS
from ldbench.records.units import Contributions, Units
from ldbench.run import scoring
from ldbench.run.cases import export_cases
from ldbench.run.pipeline import run
from ldbench.run.score_folder import score_folder
from ldbench.run.settings import Settings
from tests.conftest import cheap_card
from tests.small_aging import small_card

pytestmark = pytest.mark.slow


def test_images_from_elsewhere_score_as_those_of_a_run(tmp_path: Path) -> None:
    card = str(cheap_card(tmp_path))
    ran, path = run(card, "real", Settings(tmp_path / "runs"))
    scored, where = score_folder(card, path.parent / "images", "mine", Settings(tmp_path / "runs"))
    assert scored.scores == ran.scores
    assert scored.images_hash == ran.images_hash
    assert scored.model.scored
    assert not ran.model.scored
    assert results.read(where) == scored


def test_images_scored_under_the_name_of_a_run_leave_the_run_alone(tmp_path: Path) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    ran, path = run(card, "mean-image", settings)
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    images = run(card, "real", Settings(tmp_path / "others"))[1].parent / "images"
    scored, where = score_folder(card, images, "mean-image", settings)
    assert where.parent != path.parent
    assert scored.images_hash != ran.images_hash
    assert {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()} == before
    assert run(card, "mean-image", settings) == (ran, path)
    [board] = fold(collect([settings.out])).values()
    assert set(labels(board.rows).names.values()) == {"mean-image", "mean-image (scored)"}


def test_jpeg_files_are_scored_with_a_warning(tmp_path: Path) -> None:
    card, said = str(cheap_card(tmp_path)), list[str]()
    images = run(card, "mean-image", Settings(tmp_path / "runs"))[1].parent / "images"
    settings = Settings(tmp_path / "scored", say=said.append)
    score_folder(card, images, "lossless", settings)
    assert not said
    copies = Path(shutil.copytree(images, tmp_path / "copies"))
    for path in sorted(copies.glob("*.png"))[:3]:
        Image.open(path).save(path.with_suffix(".JPG"), "JPEG")
        path.unlink()
    score_folder(card, copies, "lossy", settings)
    [line] = said
    assert line.startswith(f"3 of 8 images in {copies} are JPEG files: ")


def test_images_that_are_refused_leave_no_folder(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(LdbenchError):
        score_folder(str(cheap_card(tmp_path)), tmp_path / "none", "mine", Settings(tmp_path / "runs"))
    assert [path.name for path in (tmp_path / "runs").rglob("*")] == ["scored"]


def test_a_scored_result_is_overwritten_only_where_that_is_asked_for(tmp_path: Path) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    one, two = (run(card, model, settings)[1].parent / "images" for model in ("mean-image", "real"))
    first, path = score_folder(card, one, "mine", settings)
    before = path.read_bytes()
    with pytest.raises(ResultError, match=r"expected no result of 'mine' and seed 0 yet, got one; .*--name.*--replace"):
        score_folder(card, two, "mine", settings)
    assert path.read_bytes() == before
    assert score_folder(card, two, "mine", dataclasses.replace(settings, seed=1))[1] != path
    next(iter(two.glob("*.png"))).unlink()
    with pytest.raises(LdbenchError):
        score_folder(card, two, "mine", settings, replace=True)
    assert path.read_bytes() == before  # what can't be scored replaces nothing
    shutil.copytree(one, tmp_path / "three")
    copied = sorted((tmp_path / "three").glob("*.png"))
    shutil.copy(run(card, "real", Settings(tmp_path / "again"))[1].parent / "images" / copied[0].name, copied[0])
    second, again = score_folder(card, tmp_path / "three", "mine", settings, replace=True)
    assert (again, results.read(again)) == (path, second)
    assert second.images_hash != first.images_hash


@pytest.mark.parametrize("at", [UNITS, SUBGROUPS, RESULT])
def test_a_kill_between_the_files_of_a_replaced_result_breaks_no_report(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the new images ever lies beside the old result."""
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    one, two = (run(card, model, settings)[1].parent / "images" for model in ("mean-image", "real"))
    _, path = score_folder(card, one, "mine", settings)
    put = Path.replace

    def killed(part: Path, target: Path) -> Path:
        if Path(target).name == at:
            raise KeyboardInterrupt
        return put(part, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            score_folder(card, two, "mine", settings, replace=True)
    assert len(fold(collect([settings.out]))["small"].rows) == 2
    second, again = score_folder(card, two, "mine", settings, replace=True)
    assert (again, results.read(again)) == (path, second)


@pytest.mark.parametrize("full_at", [UNITS, SUBGROUPS, RESULT])
def test_a_result_that_cannot_be_replaced_stays_with_what_lies_beside_it(
    full_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    one, two = (run(card, model, settings)[1].parent / "images" for model in ("mean-image", "real"))
    _, path = score_folder(card, one, "mine", settings)
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    fill = files._fill

    def full(part: Path, *arguments: Any) -> None:
        if part.name.startswith(f".{full_at}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        fill(part, *arguments)

    monkeypatch.setattr(files, "_fill", full)
    with pytest.raises(ResultError, match=r"^can't write .*result\.json: No space left on device; free space or "):
        score_folder(card, two, "mine", settings, replace=True)
    assert {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before


def test_a_result_with_a_value_that_no_file_can_hold_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, settings = str(cheap_card(tmp_path)), Settings(tmp_path / "runs")
    images = run(card, "mean-image", settings)[1].parent / "images"
    _, path = score_folder(card, images, "mine", settings)
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    nan = Units({"cases": ("a",)}, {"psnr": Contributions(1.0, {"cases": (float("nan"),)})})
    monkeypatch.setattr(scoring, "units_of", lambda *arguments: nan)
    with pytest.raises(ValueError, match="not JSON compliant"):
        score_folder(card, images, "mine", settings, replace=True)
    assert {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before


def test_metrics_of_edits_back_that_are_not_there_are_named_and_the_others_scored(tmp_path: Path) -> None:
    card = small_card(tmp_path)
    tables = "[metrics.composition]\ncases = 2\n[metrics.reversibility]\ncases = 2\n"
    card.write_text(f"{card.read_text(encoding='utf-8')}\n{tables}", encoding="utf-8")
    export_cases(str(card), tmp_path / "cases.jsonl", 0)
    for row in map(json.loads, (tmp_path / "cases.jsonl").read_text(encoding="utf-8").splitlines()):
        if row.get("pass") != "back":
            image = tmp_path / "images" / row.get("image", f"{row['id']}.png")
            image.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tmp_path / row["source"], image)
    said = list[str]()
    settings = Settings(tmp_path / "runs", say=said.append)
    scored, _ = score_folder(str(card), tmp_path / "images", "mine", settings)
    assert [score.metric for score in scored.scores] == ["psnr", "composition"]
    assert said == [scored.note]
    assert said[0].startswith("not scored: reversibility: expected images of edits back, got no folder back/ ")
    assert "save them there as <case id>.back.png" in said[0]


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_a_name_that_no_table_shows_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--name: expected a name"):
        score_folder(str(cheap_card(tmp_path)), tmp_path, name, Settings(tmp_path / "runs"))
