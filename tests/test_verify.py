"""Verification: an honest run comes out equal; whatever was altered is found and named, and no model is ever run."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from ldbench.cli_verify import register
from ldbench.errors import LdbenchError, ResultError, UsageError
from ldbench.metrics.measured import Measured
from ldbench.metrics.score import Score
from ldbench.run import Settings, run, score_folder
from ldbench.score import score_images
from ldbench.submission.pack import pack
from ldbench.units import Contributions, Units
from ldbench.verify import verify
from ldbench.verify.checks import Check, check_score, check_scores, check_units
from ldbench.verify.verification import Verification

from .conftest import CARDS, small_card
from .test_layers import reached

PIXELS = """[metrics.minimality]
[metrics.composition]
cases = 4
[metrics.reversibility]
cases = 4
[metrics.error_inside]
"""


def editing_card(folder: Path) -> Path:
    """The brain's disease card with eight cases and metrics that need no network, as a file."""
    text = (CARDS / "sandbox-brain-disease.toml").read_text(encoding="utf-8")
    text = text[: text.index("[metrics.")].replace('id = "sandbox-brain-disease"', 'id = "small-edits"')
    text = re.sub(r"(?m)^(evaluation_cases|cases) = .*", r"\1 = 8", text)
    path = folder / "small-edits.toml"
    path.write_text(text + PIXELS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The card and the folder of a finished editing run."""
    folder = tmp_path_factory.mktemp("verify")
    card = editing_card(folder)
    _, path = run(str(card), "other-subject", Settings(folder / "runs", seed=3))
    return card, path.parent


@pytest.fixture
def card(made: tuple[Path, Path]) -> str:
    return str(made[0])


@pytest.fixture
def folder(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the run that a test may spoil."""
    return Path(shutil.copytree(made[1], tmp_path / "seed-3"))


def edited(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "result.json") -> Path:
    """Change a JSON file of the run."""
    record = json.loads((folder / name).read_text(encoding="utf-8"))
    change(record)
    (folder / name).write_text(json.dumps(record), encoding="utf-8")
    return folder


def one_pixel(path: Path) -> None:
    image = Image.open(path).convert("RGB")
    red, green, blue = image.getpixel((20, 20))
    image.putpixel((20, 20), ((red + 1) % 256, green, blue))
    image.save(path)


def first(folder: Path) -> Path:
    return sorted((folder / "images").iterdir())[0]


def resealed(folder: Path) -> None:
    """Manifests that fit whatever images are there."""
    for each in (folder, folder / "null", folder / "back"):
        for row in (record := json.loads((each / "manifest.json").read_text(encoding="utf-8")))["images"]:
            row["sha256"] = hashlib.sha256((each / row["file"]).read_bytes()).hexdigest()
        (each / "manifest.json").write_text(json.dumps(record), encoding="utf-8")


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


def swapped(folder: Path) -> None:
    one, two = sorted((folder / "images").iterdir())[:2]
    before = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(before)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda folder: one_pixel(first(folder)), "images: 1 not as in the manifest: brain-"),
        (lambda folder: one_pixel(sorted((folder / "null/images").iterdir())[0]), "null/images: 1 not as in"),
        (lambda folder: one_pixel(sorted((folder / "back/images").iterdir())[0]), "back/images: 1 not as in"),
        (swapped, "images: 2 not as in the manifest: brain-"),
        (lambda folder: first(folder).unlink(), "images: 1 missing: brain-"),
        (lambda folder: shutil.copy(first(folder), folder / "images" / "more.png"), "1 not in the manifest: more.png"),
        (lambda folder: shutil.rmtree(folder / "images"), "images: 8 missing: brain-"),
    ],
)
def test_altered_images_are_named_and_not_scored(
    spoil: Callable[[Path], object], fault: str, card: str, folder: Path
) -> None:
    spoil(folder)
    found = verify(folder, task=card)
    assert len(found.faults) == 1
    assert fault in found.faults[0]
    assert (found.verdict, found.exit_code, found.checks) == ("differs", 1, ())
    assert found.lines()[-1] == "differs: the images are not those that were scored; no score was recomputed"


@pytest.mark.parametrize("spoil", [swapped, lambda folder: one_pixel(first(folder))])
def test_manifests_that_were_mended_do_not_help(spoil: Callable[[Path], object], card: str, folder: Path) -> None:
    spoil(folder)
    resealed(folder)
    found = verify(folder, task=card)
    assert found.exit_code == 1
    assert "images_hash: recorded" in found.faults[0]


def of(metric: str, **change: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: next(score for score in record["scores"] if score["metric"] == metric).update(change)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (of("error_inside", value=0.1, ci_low=0.09, ci_high=0.11), ""),
        (of("error_inside", ci_low=0.0, ci_high=1.0), "ci_low 0, here"),
        (of("error_inside", n=9), "n 9, here 8"),
        (of("error_inside", direction="higher"), "direction 'higher', here 'lower'"),
        (of("error_inside", parameters={"interval": "guess"}), "against None, here 'true image', distance None"),
        (lambda record: record["scores"].pop(), "the result lacks it"),
    ],
)
def test_altered_scores_are_named(
    change: Callable[[dict[str, Any]], object], note: str, card: str, folder: Path
) -> None:
    (folder / "units.json").unlink()
    found = verify(edited(folder, change), task=card)
    assert [check.verdict for check in found.checks] == ["equal", "equal", "equal", "differs"]
    assert note in found.checks[-1].note
    assert found.lines()[6].startswith("differs: error_inside")
    assert found.exit_code == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["task"].update(version=7), "a card of version 7, the one here has 1"),
        (lambda r: r["task"].update(id="other"), "a card of id 'other', the one here has 'small-edits'"),
        (lambda r: r["task"].update(card_hash="0" * 64), "a card of card_hash '0000"),
        (lambda r: r.update(split_hash="1" * 64), "data of split_hash 111111111111, those here have"),
        (lambda r: r.update(origin="reported"), "expected a complete measured result, got complete, reported"),
        (lambda r: r.update(status="failed"), "expected a complete measured result, got failed"),
        (lambda r: r.update(images_hash=None), "got a result without; run it again"),
        (lambda r: r.update(seed=-1), "got a result without; run it again"),
        (lambda r: r["scores"].append(r["scores"][0]), "expected each metric once"),
        (lambda r: r["environment"].update(threads=10**9), "expected 1 to 1024, got 1000000000"),
        (lambda r: r["scores"][0].update(value=10**400), r"scores\[0\]\.value: expected a finite number"),
    ],
)
def test_what_cannot_be_verified_here_is_one_line(
    change: Callable[[dict[str, Any]], object], message: str, card: str, folder: Path
) -> None:
    (folder / "units.json").unlink()
    with pytest.raises(ResultError, match=message) as caught:
        verify(edited(folder, change), task=card)
    assert "\n" not in str(caught.value)


def test_a_run_that_is_not_there_or_not_finished_is_one_line(card: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LdbenchError, match="unknown task 'small-edits'"):
        verify(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ResultError, match="expected a finished run"):
        verify(folder, task=card)
    (folder / "result.json").write_text("[" * 100000, encoding="utf-8")
    with pytest.raises(ResultError, match="expected JSON, got maximum recursion"):
        verify(folder, task=card)
    (folder / "result.json").unlink()
    for path in (folder, tmp_path / "nothing.zip", tmp_path / "nothing.json"):
        with pytest.raises(ResultError, match="can't read"):
            verify(path, task=card)


def test_altered_contributions_are_found(card: str, folder: Path) -> None:
    def narrow(record: dict[str, Any]) -> None:
        by_unit = record["metrics"]["minimality"]["by_unit"]
        by_unit["cases"] = [number / 2 for number in by_unit["cases"]]

    found = verify(edited(folder, narrow, "units.json"), task=card)
    assert [check.metric for check in found.checks if check.verdict == "differs"] == ["minimality"]
    assert found.checks[0].note == "units.json has other contributions"
    assert found.exit_code == 1
    edited(folder, lambda record: record["metrics"]["minimality"].update(value=0.5), "units.json")
    with pytest.raises(ResultError, match="it belongs to another result"):
        verify(folder, task=card)


def test_complete_writes_the_units_of_an_equal_run_alone(card: str, folder: Path, tmp_path: Path) -> None:
    before = (folder / "units.json").read_bytes()
    assert verify(folder, task=card, complete=True).completed is None
    (folder / "units.json").unlink()
    assert verify(folder, task=card).completed is None
    assert not (folder / "units.json").exists()
    found = verify(folder, task=card, complete=True)
    assert found.completed == folder / "units.json"
    assert (folder / "units.json").read_bytes() == before
    (folder / "units.json").unlink()
    edited(folder, of("error_inside", value=0.1, ci_low=0.09, ci_high=0.11))
    assert verify(folder, task=card, complete=True).completed is None
    assert not (folder / "units.json").exists()
    archive = pack(folder, tmp_path / "x.zip").path
    with pytest.raises(UsageError, match="got an archive"):
        verify(archive, task=card, complete=True)


def test_images_scored_from_elsewhere_are_verified_there(card: str, made: tuple[Path, Path], tmp_path: Path) -> None:
    images = Path(shutil.copytree(made[1] / "images", tmp_path / "mine"))
    shutil.copytree(made[1] / "null" / "images", images / "null")
    _, path = score_folder(card, images, "mine", Settings(tmp_path / "runs", seed=3))
    with pytest.raises(ResultError, match="--images FOLDER"):
        verify(path, task=card)
    found = verify(path, task=card, images=images)
    assert [check.metric for check in found.checks] == ["minimality", "composition", "error_inside"]
    assert found.verdict == "equal"
    one_pixel(sorted(images.glob("*.png"))[0])
    assert "images_hash" in verify(path, task=card, images=images).faults[0]


def gone(folder: Path) -> Path:
    """The run as one of a model that nobody has installed here."""
    named = {"name": "acme-diffusion", "distribution": "acme-not-installed", "parameters": {"weights": "gone.pt"}}
    return edited(folder, lambda record: record["model"].update(named))


def test_a_model_that_is_not_installed_is_not_missed(card: str, folder: Path) -> None:
    assert verify(gone(folder), task=card).verdict == "equal"
    assert not reached("ldbench.verify") & {"ldbench.registry", "ldbench.run", "ldbench.parameters"}


def test_a_task_is_never_a_path_that_a_result_names(card: str, folder: Path) -> None:
    edited(folder, lambda record: record["task"].update(id=card))
    with pytest.raises(LdbenchError, match="unknown task"):
        verify(folder)


@pytest.mark.slow
def test_no_model_is_imported_let_alone_run(card: str, folder: Path, tmp_path: Path) -> None:
    archive = pack(gone(folder), tmp_path / "x.zip").path
    probe = (
        "import sys\nfrom ldbench.verify import verify\n"
        f"found = verify({str(archive)!r}, task={card!r})\n"
        "bad = [name for name in sys.modules if name.split('.')[0] in ('ldbench_baselines', 'diffusers') or name in "
        "('ldbench.registry', 'ldbench.run')]\n"
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

    def watched(*arguments: Any) -> list[Measured]:
        seen.append(torch.get_num_threads())
        return score_images(*arguments)

    monkeypatch.setattr("ldbench.verify.recompute.score_images", watched)
    before = torch.get_num_threads()
    edited(folder, lambda record: record["environment"].update(threads=before + 1))
    assert verify(folder, task=card).verdict == "equal"
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


AUC = Score("auc", 0.7, 0.6, 0.8, 100, "higher")
FID = Score("fid", 100.0, 98.0, 102.0, 100, "lower")


@pytest.mark.parametrize(
    ("recorded", "change", "verdict"),
    [
        (FID, {"value": 100.019, "ci_low": 98.019, "ci_high": 102.019}, "equal"),
        (FID, {"value": 100.03, "ci_low": 98.03, "ci_high": 102.03}, "differs"),
        (FID, {"value": 100.5}, "differs"),
        (AUC, {"value": 0.75, "ci_low": 0.66, "ci_high": 0.83}, "reproduced"),
        (AUC, {"value": 0.85, "ci_low": 0.75, "ci_high": 0.95}, "differs"),  # outside of the recorded interval
        (AUC, {"value": 0.75, "ci_low": 0.74, "ci_high": 0.76}, "differs"),  # the recorded value outside of this one
        (AUC, {"value": 0.72}, "differs"),  # its interval stayed where it was: a digit was typed over
        (AUC, {"ci_low": 0.69}, "differs"),  # the training is the same, the interval isn't
        (Score("ssim", 1.0, 1.0, 1.0, 9, "higher"), {"value": 1 - 1e-7, "ci_low": 1 - 1e-7}, "equal"),
        (Score("composition", 0.0, 0.0, 0.0, 9, "lower"), {"value": 1e-6, "ci_high": 1e-6}, "differs"),
    ],
)
def test_the_verdict_on_one_score(recorded: Score, change: dict[str, float], verdict: str) -> None:
    assert check_score(recorded, replace(recorded, **change)).verdict == verdict


def test_scores_that_one_side_lacks_differ() -> None:
    found = check_scores([AUC], [FID])
    assert [(check.metric, check.recorded, check.recomputed, check.verdict) for check in found] == [
        ("fid", None, 100.0, "differs"), ("auc", 0.7, None, "differs"),
    ]
    assert "none" in found[0].line()
    assert Verification("x", (), (), (), 0.0).verdict == "differs"


def test_units_are_compared_for_equal_scores_alone() -> None:
    checks = [Check("auc", 0.7, 0.75, "reproduced"), Check("fid", 1.0, 1.0, "equal")]
    now = Units({"cases": ("a", "b")}, {name: Contributions(1.0, {"cases": (3.0, -4.0)}) for name in ("auc", "fid")})
    near = replace(now, metrics={"fid": Contributions(1.0, {"cases": (3.01, -4.01)})})
    assert check_units(checks, near, now) == checks
    assert check_units(checks, None, now) == checks
    for other in (
        replace(now, metrics={}),
        replace(now, ids={"cases": ("b", "a")}),
        replace(now, metrics={"fid": Contributions(1.0, {"cases": (3.1, -4.0)})}),
        replace(now, metrics={"fid": Contributions(1.0, {})}),
    ):
        assert [check.verdict for check in check_units(checks, other, now)] == ["reproduced", "differs"]


def test_what_is_other_here_is_said_and_nothing_a_terminal_obeys(card: str, folder: Path) -> None:
    edited(folder, lambda record: record["model"].update(name="\x1b[2Jmine"))
    edited(folder, lambda record: record["environment"]["packages"].update(torch="0.0.1"))
    assert not [line for line in verify(folder, task=card).lines() if "other here" in line]
    (folder / "units.json").unlink()
    lines = verify(edited(folder, of("error_inside", n=9)), task=card).lines()
    assert lines[-1] == f"other here: torch 0.0.1 -> {torch.__version__}"
    assert "?[2Jmine" in lines[0]


def test_the_commands_answer_by_their_exit_code(card: str, folder: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)

    def call(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
        return done.exit_code, done.stdout

    code, text = call("submit", folder, "--out", tmp_path / "x.zip")
    assert code == 0
    assert hashlib.sha256((tmp_path / "x.zip").read_bytes()).hexdigest() in text
    assert call("verify", tmp_path / "x.zip", "--task", card)[0] == 0
    one_pixel(first(folder))
    code, text = call("verify", folder, "--task", card)
    assert code == 1
    assert "differs: the images" in text


