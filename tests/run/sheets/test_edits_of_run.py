"""Pictures of edits: the difference's laws, every tile in its place, cases drawn by seed, wrong folders in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from ldbench.data.images import write_image
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ImageError, LdbenchError, ResultError, UsageError
from ldbench.records.result import ModelRef, Result, TaskRef, write
from ldbench.records.run_folder import RunFolder
from ldbench.run.sheets.edit_sheet import EditRow, edit_sheet, signed_difference
from ldbench.run.sheets.edits_of_run import draw_cases, figure_of_run, write_edit_sheet
from ldbench.task import card
from tests.command_line import called

MARGIN, GAP, CAPTION, SIDE = 12, 4, 26, 128
LEVELS = arrays(np.float64, (3, 4), elements=st.integers(0, 255).map(lambda level: level / 255))
THRESHOLDS = st.floats(0.01, 0.9)
TASK = "sandbox-brain-aging"
Grey = npt.NDArray[np.float64]


@given(LEVELS, THRESHOLDS)
def test_nothing_changed_is_white(image: Grey, threshold: float) -> None:
    assert (signed_difference(image, image, threshold) == 255).all()


@given(LEVELS, LEVELS, THRESHOLDS)
def test_swapping_before_and_after_swaps_red_and_green(before: Grey, after: Grey, threshold: float) -> None:
    there, back = signed_difference(before, after, threshold), signed_difference(after, before, threshold)
    assert np.array_equal(there, back[..., [1, 0, 2]])


@given(LEVELS, LEVELS, THRESHOLDS)
def test_colour_is_where_the_change_reaches_the_threshold_and_by_its_sign(
    before: Grey, after: Grey, threshold: float
) -> None:
    red, green, _ = np.moveaxis(signed_difference(before, after, threshold).astype(int), -1, 0)
    change = after - before
    clear = np.abs(np.abs(change) - threshold) > 1e-6
    assert (((red == 255) & (green == 255)) == (np.abs(change) < threshold))[clear].all()
    assert (green > red)[(change > threshold) & clear].all()
    assert (red > green)[(change < -threshold) & clear].all()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), THRESHOLDS)
def test_larger_changes_are_never_paler(changes: list[float], threshold: float) -> None:
    after = np.sort(np.array(changes))[None]
    pixels = signed_difference(np.zeros_like(after), after, threshold)[0].astype(int)
    assert (np.diff(pixels, axis=0) <= 0).all()
    assert (np.diff(pixels.max(axis=-1) - pixels.min(axis=-1)) >= 0).all()


def test_a_change_of_exactly_the_threshold_is_shown_and_one_level_less_is_not() -> None:
    levels = np.array([[0.3, 0.4, 0.7]])
    assert (signed_difference(levels - 0.1, levels, 0.1) != 255).any(axis=-1).all()
    assert (signed_difference(levels - 0.1 + 1 / 255, levels, 0.1) == 255).all()


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, float("nan")])
def test_a_threshold_outside_the_range_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="expected more than 0 and less than 1"):
        signed_difference(np.zeros((2, 2)), np.zeros((2, 2)), threshold)


def test_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="one size, got 2x2 and 2x3"):
        signed_difference(np.zeros((2, 2)), np.zeros((2, 3)))
    for rows in ([EditRow("a", noise(0), noise(0, 32))], [EditRow("a", noise(0), noise(0), noise(0, 32))], []):
        with pytest.raises(ImageError, match=r"of one size, got (32x32x3 and 64x64x3|none)"):
            edit_sheet(rows, tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists()


def noise(seed: int, side: int = 64) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def tile(sheet: Path, row: int, column: int) -> npt.NDArray[np.uint8]:
    """The tile's pixels, shrunk back by its factor after a look that nothing was smoothed."""
    top, left = MARGIN + CAPTION + row * (SIDE + GAP + CAPTION), MARGIN + column * (SIDE + GAP)
    with Image.open(sheet) as image:
        pixels = np.array(image)[top : top + SIDE, left : left + SIDE]
    small = pixels[::2, ::2]
    assert np.array_equal(pixels, np.repeat(np.repeat(small, 2, axis=0), 2, axis=1))
    return small


def test_every_image_stands_in_its_place_unchanged(tmp_path: Path) -> None:
    rows = [EditRow("first", noise(0), noise(1), noise(2)), EditRow("second", noise(3), noise(4))]
    sheet = edit_sheet(rows, tmp_path / "deep" / "s.png", note="A note.", threshold=0.2)
    for index, row in enumerate(rows):
        grey = [None if one is None else one.mean(axis=-1) / 255 for one in (row.source, row.result, row.truth)]
        assert np.array_equal(tile(sheet, index, 0), row.source)
        assert np.array_equal(tile(sheet, index, 1), row.result)
        assert np.array_equal(tile(sheet, index, 3), signed_difference(grey[0], grey[1], 0.2))
    assert np.array_equal(tile(sheet, 0, 2), noise(2))
    assert np.array_equal(
        tile(sheet, 0, 4), signed_difference(noise(0).mean(axis=-1) / 255, noise(2).mean(axis=-1) / 255, 0.2)
    )
    assert (tile(sheet, 1, 2) == 255).all()
    assert (tile(sheet, 1, 4) == 255).all()
    without = edit_sheet(rows[1:], tmp_path / "w.png")
    with Image.open(sheet) as wide, Image.open(without) as narrow:
        assert wide.width == 2 * MARGIN + 5 * (SIDE + GAP) - GAP
        assert narrow.width == 2 * MARGIN + 3 * (SIDE + GAP) - GAP


@pytest.fixture(scope="module")
def data() -> TaskData:
    return task_data(card.load(TASK), 0)


@pytest.fixture(scope="module")
def finished(data: TaskData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose results are the sources, as `ldbench run` leaves it (without scores)."""
    folder = tmp_path_factory.mktemp("copy") / "seed-0"
    for case in [case for rows, seed in ((8, 0), (8, 1), (2, 0)) for case in draw_cases(data, rows, seed)]:
        assert case.source is not None
        write_image(case.source, folder / "images" / f"{case.id}.png")
    task = TaskRef(data.task.id, data.task.version, data.task.kind, data.task.hash)
    model = ModelRef("copy-source", "ldbench", "0")
    write(Result(task, model, "measured", [], seed=0, split_hash=data.split_hash()), folder / "result.json")
    return folder


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_cases_are_drawn_by_seed_and_balanced_over_target_classes(data: TaskData, rows: int) -> None:
    drawn = draw_cases(data, rows, 0)
    classes = [case.attributes["diagnosis"] for case in drawn]
    assert len({case.id for case in drawn}) == len(drawn) == rows
    assert abs(classes.count("AD") - classes.count("CN")) <= 1
    assert [case.id for case in drawn] == [case.id for case in draw_cases(data, rows, 0)]
    assert [case.id for case in drawn] != [case.id for case in draw_cases(data, rows, 1)]


def test_the_figure_of_a_run_shows_source_truth_and_no_change(data: TaskData, finished: Path, tmp_path: Path) -> None:
    sheet = figure_of_run(finished, out=tmp_path / "e.png")
    assert data.truth is not None
    for index, case in enumerate(draw_cases(data, 8, 0)):
        assert case.source is not None
        for column, image in ((0, case.source), (1, case.source), (2, data.truth(case.id))):
            shown = (image * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
            assert np.array_equal(tile(sheet, index, column), shown)
        assert (tile(sheet, index, 3) == 255).all()
    assert sum((tile(sheet, row, 4) != 255).any() for row in range(8)) >= 4
    assert figure_of_run(finished).read_bytes() == sheet.read_bytes()
    assert figure_of_run(finished, out=sheet) == sheet
    image = next((finished / "images").glob("*.png"))
    with pytest.raises(ResultError, match=r"expected a file to write, got one that `ldbench figure edits` reads"):
        figure_of_run(finished, out=image)
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes", encoding="utf-8")
    with pytest.raises(ResultError, match=rf"{notes}: expected a file of `ldbench figure edits` or none, got another"):
        figure_of_run(finished, out=notes)
    assert notes.read_text(encoding="utf-8") == "# Notes"
    assert write_edit_sheet(data, RunFolder(finished), 1, out=tmp_path / "o.png").read_bytes() != sheet.read_bytes()


def test_the_command_writes_beside_the_run_or_where_it_is_told(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    said = called("figure", "edits", finished, "--rows", "2", "--out", out)
    assert (said.exit_code, said.stdout) == (0, f"{out}\n")
    with Image.open(out) as image:
        assert image.height == 2 * MARGIN + CAPTION + 2 * (SIDE + GAP + CAPTION) + 4 * CAPTION
    said = called("figure", "edits", finished, "--rows", "0")
    assert isinstance(said.exception, LdbenchError)


def set_task(folder: Path, **change: object) -> None:
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    record["task"] |= change
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")


def set_field(folder: Path, **change: object) -> None:
    record = json.loads((folder / "result.json").read_text(encoding="utf-8")) | change
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such folder"),
        (lambda folder: (folder / "result.json").unlink(), "finish the run there"),
        (lambda folder: shutil.rmtree(folder / "images"), "keep them together"),
        (lambda folder: [one.write_bytes(b"no") for one in (folder / "images").iterdir()], "got something else"),
        (lambda folder: set_task(folder, id="sandbox-brain-t2i", kind="text-to-image"), "run of an editing task"),
        (lambda folder: set_task(folder, version=99), "version 99 .* run it again on this card"),
        (lambda folder: set_task(folder, card_hash="0" * 64), r"card 000000000000\), but"),
        (lambda folder: set_task(folder, id="sandbox-brain-agin"), "did you mean"),
        (lambda folder: set_field(folder, split_hash="0" * 64), "over other data"),
        (lambda folder: set_field(folder, status="failed", error="x"), "a complete measured run, got a failed"),
    ],
)
def test_what_is_no_finished_run_of_this_card_is_one_line(
    damage: Callable[[Path], object], message: str, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    damage(folder)
    with pytest.raises(LdbenchError, match=message) as raised:
        figure_of_run(folder, out=tmp_path / "new.png")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "new.png").exists()
