"""Scores computed again from images: equal where nothing changed, and without the model."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from ldbench.errors import LdbenchError, ResultError, UsageError
from ldbench.records.result import Result, read
from ldbench.records.run_folder import RunFolder
from ldbench.run.pipeline import run
from ldbench.run.score_folder import score_folder
from ldbench.run.settings import Settings
from ldbench.run.submission.pack import pack
from ldbench.run.verify import verify
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import Panel, scores_of
from tests.command_line import raising
from tests.conftest import small_card
from tests.layers import reached

from .conftest import edited, first, of, one_pixel

pytestmark = pytest.mark.slow


def test_an_honest_run_is_equal_from_its_folder_its_result_and_its_archive(
    card: str, folder: Path, tmp_path: Path
) -> None:
    archive = pack(folder, tmp_path / "x.zip").path
    elsewhere = tmp_path / "elsewhere.zip"
    archive.rename(elsewhere)
    found = [verify(path, task=card) for path in (folder, folder / "result.json", elsewhere)]
    for each in found:
        assert [check.metric for check in each.checks] == ["minimality", "composition", "reversibility", "error_inside"]
        assert {check.verdict for check in each.checks} == {"equal"}
        assert {check.difference for check in each.checks} == {0.0}
        assert (each.verdict, each.exit_code, each.faults) == ("equal", 0, ())
    assert "seed 3" in found[0].lines()[0]
    assert found[0].lines()[-1].startswith("equal: all 4 scores")


def test_complete_writes_the_units_of_an_equal_run_alone(card: str, folder: Path, tmp_path: Path) -> None:
    before = (folder / "units.json").read_bytes()
    assert verify(folder, task=card, complete=True).written == ()
    (folder / "units.json").unlink()
    assert verify(folder, task=card).written == ()
    assert not (folder / "units.json").exists()
    found = verify(folder, task=card, complete=True)
    assert found.written == (folder / "units.json",)
    assert (folder / "units.json").read_bytes() == before
    (folder / "units.json").unlink()
    edited(folder, of("error_inside", value=0.1, ci_low=0.09, ci_high=0.11))
    assert verify(folder, task=card, complete=True).written == ()
    assert not (folder / "units.json").exists()
    archive = pack(folder, tmp_path / "x.zip").path
    with pytest.raises(UsageError, match="got an archive"):
        verify(archive, task=card, complete=True)


def test_the_recomputed_scores_go_into_a_folder_of_runs(card: str, folder: Path, tmp_path: Path) -> None:
    recorded = read(folder / "result.json")
    units, groups = ((folder / name).read_bytes() for name in ("units.json", "subgroups.json"))
    (folder / "units.json").unlink()
    (folder / "subgroups.json").unlink()
    edited(folder, of("error_inside", value=next(
        score.value * (1 + 1e-8) for score in recorded.scores if score.metric == "error_inside"
    )))
    found = verify(folder, task=card, out=tmp_path / "accepted")
    (written,) = found.written
    assert f"wrote {written}" in found.lines()
    kept = read(written)
    assert kept.scores == recorded.scores
    assert kept.environment is not None
    assert kept.environment.notes[-1].startswith("scores recomputed on ")
    assert replace(kept, scores=[], environment=None) == replace(recorded, scores=[], environment=None)
    for name, before in {"units.json": units, "subgroups.json": groups}.items():
        assert written.with_name(name).read_bytes() == before
    assert written.parent.relative_to(tmp_path / "accepted").parts == folder_of(recorded).parts
    with pytest.raises(ResultError, match="this model and seed have a run there"):
        verify(folder, task=card, out=tmp_path / "accepted")


def test_a_run_that_came_there_meanwhile_gets_nothing_mixed_in(
    card: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = RunFolder(tmp_path / "accepted" / folder_of(read(folder / "result.json")))

    def meanwhile(inputs: Inputs) -> Panel:
        place.path.mkdir(parents=True, exist_ok=True)
        place.begin({"seed": 3})
        return scores_of(inputs)

    with place.claimed(), pytest.raises(ResultError, match="another run is at work there"):
        verify(folder, task=card, out=tmp_path / "accepted")
    monkeypatch.setattr("ldbench.run.verify.recompute.scores_of", meanwhile)
    with pytest.raises(ResultError, match="this model and seed have a run there"):
        verify(folder, task=card, out=tmp_path / "accepted")
    assert {path.name for path in place.path.iterdir()} == {".lock", "run.json"}


def folder_of(result: Result) -> Path:
    assert result.seed is not None
    return RunFolder.of(Path(), result.task.id, result.model, result.seed).path


def test_a_result_that_differs_goes_nowhere(card: str, folder: Path, tmp_path: Path) -> None:
    (folder / "units.json").unlink()
    edited(folder, of("error_inside", value=0.0))
    assert verify(folder, task=card, out=tmp_path / "accepted").written == ()
    assert not (tmp_path / "accepted").exists()


def test_images_scored_from_elsewhere_are_verified_there(card: str, made: tuple[Path, Path], tmp_path: Path) -> None:
    images = Path(shutil.copytree(made[1] / "images", tmp_path / "mine"))
    shutil.copytree(made[1] / "null" / "images", images / "null")
    _, path = score_folder(card, images, "mine", Settings(tmp_path / "runs", seed=3))
    with pytest.raises(ResultError, match="--images FOLDER"):
        verify(path, task=card)
    found = verify(path, task=card, images=images)
    assert [check.metric for check in found.checks] == ["minimality", "composition", "error_inside"]
    assert found.verdict == "equal"
    assert "back: no images, and the card asks for them: reversibility" in found.lines()
    one_pixel(sorted(images.glob("*.png"))[0])
    assert "images_hash" in verify(path, task=card, images=images).faults[0]


def gone(folder: Path) -> Path:
    """The run as one of a model that nobody has installed here."""
    named = {"name": "acme-diffusion", "distribution": "acme-not-installed", "parameters": {"weights": "gone.pt"}}
    return edited(folder, lambda record: record["model"].update(named))


def test_a_model_that_is_not_installed_is_not_missed(card: str, folder: Path) -> None:
    assert verify(gone(folder), task=card).verdict == "equal"
    assert not reached("ldbench.run.verify") & {
        "ldbench.plugins.generators", "ldbench.run.pipeline", "ldbench.plugins.parameters",
    }


def test_a_task_is_never_a_path_that_a_result_names(card: str, folder: Path) -> None:
    edited(folder, lambda record: record["task"].update(id=card))
    with pytest.raises(LdbenchError, match="unknown task"):
        verify(folder)


@pytest.mark.slow
def test_no_model_is_imported_let_alone_run(card: str, folder: Path, tmp_path: Path) -> None:
    archive = pack(gone(folder), tmp_path / "x.zip").path
    probe = (
        "import sys\nfrom ldbench.run.verify import verify\n"
        f"found = verify({str(archive)!r}, task={card!r})\n"
        "bad = [name for name in sys.modules if name.split('.')[0] in ('ldbench_baselines', 'diffusers') or name in "
        "('ldbench.plugins.generators', 'ldbench.run.pipeline')]\n"
        "print(found.verdict, bad)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "equal []\n", done.stderr


@pytest.mark.slow
def test_a_trained_score_of_real_images_is_equal(tmp_path: Path) -> None:
    card = str(small_card(tmp_path))
    _, path = run(card, "real", Settings(tmp_path / "runs"))
    found = verify(path, task=card)
    assert [(check.metric, check.verdict) for check in found.checks] == [("auc", "equal")]


def test_scores_are_computed_with_the_threads_of_the_run(
    card: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(inputs: Inputs) -> Panel:
        seen.append(torch.get_num_threads())
        return scores_of(inputs)

    monkeypatch.setattr("ldbench.run.verify.recompute.scores_of", watched)
    before = torch.get_num_threads()
    edited(folder, lambda record: record["environment"].update(threads=before + 1))
    assert verify(folder, task=card).verdict == "equal"
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_what_is_other_here_is_said_and_nothing_a_terminal_obeys(card: str, folder: Path) -> None:
    edited(folder, lambda record: record["model"].update(name="\x1b[2Jmine"))
    edited(folder, lambda record: record["environment"]["packages"].update(torch="0.0.1"))
    edited(folder, lambda record: record["environment"].update(processor="abacus"))
    assert not [line for line in verify(folder, task=card).lines() if "other here" in line]
    (folder / "units.json").unlink()
    lines = verify(edited(folder, of("error_inside", n=9)), task=card).lines()
    here = torch.backends.cpu.get_cpu_capability()
    assert lines[-1] == f"other here: processor abacus -> {here}, torch 0.0.1 -> {version('torch')}"
    lines = verify(edited(folder, lambda record: record["environment"].pop("processor")), task=card).lines()
    assert lines[-1] == f"other here: torch 0.0.1 -> {version('torch')}"
    assert "?[2Jmine" in lines[0]


def test_the_commands_answer_by_their_exit_code(card: str, folder: Path, tmp_path: Path) -> None:
    def call(*arguments: object) -> tuple[int, str]:
        done = raising(*arguments)
        return done.exit_code, done.stdout

    code, text = call("submit", folder, "--out", tmp_path / "x.zip")
    assert code == 0
    assert hashlib.sha256((tmp_path / "x.zip").read_bytes()).hexdigest() in text
    assert call("verify", tmp_path / "x.zip", "--task", card)[0] == 0
    one_pixel(first(folder))
    code, text = call("verify", folder, "--task", card)
    assert code == 1
    assert "differs: the images" in text
