"""A run that the suite began before its code was rearranged goes on, and ends as one that was never interrupted.

What lies in the folder stands here as that suite wrote it: names, and `run.json` to the letter but for the version,
and for the digests of card and data, which are those of the sandbox of today.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ldbench import __version__
from ldbench.errors import ResultError
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import small_card

from .verify.conftest import editing_card

METRICS = "[metrics.auc]\nepochs = 1\nbatch_size = 8\nlearning_rate = 0.001\n"

SAMPLES = ("small/mean-image-230820f2/seed-0", """{
 "batch_size": 3,
 "card_hash": "e634bf8c63515d35a18839833f1c99daffe53bdbb472a93dbc095d516773acfa",
 "device": "cpu",
 "model": "mean-image",
 "model_version": "VERSION",
 "parameters": {},
 "seed": 0,
 "split_hash": "d3642c61ee709ecaf30c26adf9039dd333579abf011fe4947bf5143e6edb7030",
 "task": "small",
 "task_version": 2
}
""")
EDITS = ("small-edits/other-subject-a08a3c65/seed-3", """{
 "batch_size": 3,
 "card_hash": "c5e9a6019aa4447e9328ed0f2adcb4ae36ef7011e12aa56f9aab813d38c77d31",
 "device": "cpu",
 "model": "other-subject",
 "model_version": "VERSION",
 "parameters": {},
 "seed": 3,
 "split_hash": "d3642c61ee709ecaf30c26adf9039dd333579abf011fe4947bf5143e6edb7030",
 "task": "small-edits",
 "task_version": 2
}
""")
# killed in the second batch of three samples, and, all edits done, in the second of three null edits
OF_SAMPLES = [f"images/brain-{subject}-scan.png" for subject in ("s0921", "s0263", "s0315", "s0325")]
OF_EDITS = [f"null/images/brain-{subject}-scan.null.png" for subject in ("s0819", "s0527", "s0001")]


def card_of_then(folder: Path) -> Path:
    return small_card(folder, metrics=METRICS)


def begun(folder: Path, state: str) -> Path:
    """A folder as it was left, without images."""
    (folder / "fit").mkdir(parents=True)
    (folder / ".lock").touch()
    (folder / "run.json").write_text(state.replace("VERSION", __version__), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("card", "model", "seed", "left", "names"),
    [
        (card_of_then, "mean-image", 0, SAMPLES, OF_SAMPLES),
        (editing_card, "other-subject", 3, EDITS, ["images", "manifest.json", *OF_EDITS]),
    ],
    ids=["samples", "edits"],
)
def test_it_goes_on_and_ends_as_one_that_was_not_interrupted(
    card: Callable[[Path], Path], model: str, seed: int, left: tuple[str, str], names: list[str], tmp_path: Path
) -> None:
    task, place, state = str(card(tmp_path)), *left
    settings = Settings(tmp_path / "whole", seed, "cpu", 3)
    result, path = run(task, model, settings)
    whole, cut = path.parent, begun(tmp_path / "cut" / place, state)
    for name in names:
        (cut / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (whole / name).is_dir() else shutil.copy2)(whole / name, cut / name)
    done = [file for name in names for file in [cut / name, *(cut / name).glob("*")] if file.suffix == ".png"]
    kept = {file: file.stat().st_ino for file in done if file.name != "brain-s0325-scan.png"}
    assert len(kept) == 3 or len(kept) == 8 + 3

    again, where = run(task, model, Settings(tmp_path / "cut", seed, "cpu", 3))

    assert where == cut / "result.json"
    assert (again.scores, again.images_hash, again.split_hash) == (result.scores, result.images_hash, result.split_hash)
    assert {file: file.stat().st_ino for file in kept} == kept  # whole batches were not made again
    written = {file.relative_to(cut): file.read_bytes() for file in cut.rglob("*") if file.is_file()}
    expected = {file.relative_to(whole): file.read_bytes() for file in whole.rglob("*") if file.is_file()}
    for name in ("result.json", "times.json"):  # both hold times
        assert written.pop(Path(name)) != expected.pop(Path(name))
    assert written == expected
    assert [stage.whole for stage in again.stages] == [True, False, None]  # nobody timed the images of then


def test_one_that_was_begun_otherwise_is_still_refused(tmp_path: Path) -> None:
    place, state = SAMPLES
    begun(tmp_path / place, state)
    (tmp_path / place / "samples.png").touch()  # else nothing was made yet, and the folder is begun anew
    with pytest.raises(ResultError, match="begun with batch_size 3, this run has 50"):
        run(str(card_of_then(tmp_path)), "mean-image", Settings(tmp_path, device="cpu"))
