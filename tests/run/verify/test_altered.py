"""What was altered after a run is named: images, manifests, scores, contributions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldbench.data.task_data import task_data
from ldbench.errors import LdbenchError, ResultError
from ldbench.records.run_folder import RunFolder
from ldbench.run.passes import read_images
from ldbench.run.verify import verify
from ldbench.task.card import load

from .conftest import edited, first, of, one_pixel, resealed


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


@pytest.mark.parametrize("left_out", ["null", "null/images", "back", "back/images"])
def test_metrics_cannot_be_left_out_with_their_images(left_out: str, card: str, folder: Path) -> None:
    """The result has the digest of what is left, and no score of what isn't."""
    kind = left_out.partition("/")[0]
    metric = {"null": "composition", "back": "reversibility"}[kind]
    shutil.rmtree(folder / left_out)
    if left_out != kind:
        (folder / kind / "manifest.json").write_text('{"images": []}', encoding="utf-8")
    data = task_data(load(card), 3)
    edited(folder, lambda record: record.update(
        images_hash=read_images(data, RunFolder(folder).image_folders).digest,
        scores=[score for score in record["scores"] if score["metric"] != metric],
    ))
    (folder / "units.json").unlink()
    found = verify(folder, task=card)
    assert found.faults == (f"{kind}: no images, and the card asks for them: {metric}",)
    assert (found.verdict, found.exit_code) == ("differs", 1)


@pytest.mark.parametrize("spoil", [swapped, lambda folder: one_pixel(first(folder))])
def test_manifests_that_were_mended_do_not_help(spoil: Callable[[Path], object], card: str, folder: Path) -> None:
    spoil(folder)
    resealed(folder)
    found = verify(folder, task=card)
    assert found.exit_code == 1
    assert "images_hash: recorded" in found.faults[0]


@pytest.mark.slow
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
        (lambda r: r["task"].update(version=7), "small-edits version 7 .* but the card here is small-edits version 2"),
        (lambda r: r["task"].update(id="other"), "on other version 2 .* but the card here is small-edits version 2"),
        (lambda r: r["task"].update(card_hash="0" * 64), "card 000000000000.* but the card here is small-edits"),
        (lambda r: r.update(split_hash="1" * 64), r"other data \(split 111111111111\) than the task has here"),
        (lambda r: r.update(origin="reported"), "expected a complete measured run, got a complete reported result"),
        (lambda r: r.update(status="failed"), "expected a complete measured run, got a failed"),
        (lambda r: r.update(images_hash=None), "got a result without; run it again"),
        (lambda r: r.update(seed=-1), "got a result without; run it again"),
        (lambda r: r.update(split_hash=None), "whose host keeps the truth: send it by `ldbench submit`, and verify it"),
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
    with pytest.raises(ResultError, match="expected JSON, got lists or tables too deep"):
        verify(folder, task=card)
    (folder / "result.json").unlink()
    with pytest.raises(ResultError, match=r"a finished run, got no result\.json; finish the run"):
        verify(folder, task=card)
    for path in (tmp_path / "nothing.zip", tmp_path / "nothing.json"):
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


def test_a_result_and_its_units_that_contradict_each_other_differ_whichever_was_altered(
    card: str, folder: Path
) -> None:
    true = verify(folder, task=card).checks[0]
    assert true.recorded is not None
    units = (folder / "units.json").read_bytes()
    edited(folder, lambda record: record["metrics"]["minimality"].update(value=0.5), "units.json")
    found = verify(folder, task=card)
    assert [check.metric for check in found.checks if check.verdict == "differs"] == ["minimality"]
    assert found.checks[0].note == "units.json and the result contradict each other: 0.5 there"
    (folder / "units.json").write_bytes(units)
    found = verify(edited(folder, of("minimality", value=true.recorded + 0.01)), task=card, complete=True)
    assert [check.metric for check in found.checks if check.verdict == "differs"] == ["minimality"]
    assert found.checks[0].note == f"units.json and the result contradict each other: {true.recorded:.6g} there"
    assert (found.exit_code, found.written) == (1, ())
