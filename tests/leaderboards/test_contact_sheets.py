"""Sheets of boards: rows in the board's order, the same cases in each, real images above; damage is one line."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ldbench.api import Score
from ldbench.board.gather import read_boards
from ldbench.data.images import pixels_of
from ldbench.data.task_data import TaskData, task_data
from ldbench.records.result import ModelRef, Result, TaskRef, write
from ldbench.task import card
from leaderboards.contact_sheets import drawn_cases, in_palette, main, originals, sheet_of
from tests.known_spreads import known_spreads

Captured = pytest.CaptureFixture[str]
Pixels = npt.NDArray[np.uint8]
SAMPLES, EDITS = "sandbox-brain-t2i", "sandbox-brain-aging"
SIDE, GAP, BLOCK_GAP, LEFT = 64, 4, 16, 12 + 140
TOP = 12 + 12 + 4  # below one line of headings
CASES = 4
# name, seed, viewed FID, whether it competes; the board's order is that of this list
RUNS = [
    ("better", 0, 20, True), ("worse", 2, 50, True), ("worse", 1, 52, True), ("ceiling", 0, 5, False),
    ("floor", 0, 90, False),
]
ROWS = [0, 2, 3, 4]  # of RUNS: every row's lowest seed


@pytest.fixture(scope="module", autouse=True)
def spreads() -> Iterator[None]:
    with known_spreads():
        yield


@pytest.fixture(scope="module")
def data() -> dict[str, TaskData]:
    return {task: task_data(card.load(task), 0) for task in (SAMPLES, EDITS)}


@pytest.fixture(scope="module")
def runs(data: dict[str, TaskData], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of both tasks; an image is of one grey level, which tells run and case."""
    out = tmp_path_factory.mktemp("runs")
    for task, of_task in data.items():
        reference = TaskRef(task, of_task.task.version, of_task.task.kind, of_task.task.hash)
        for place, (name, seed, fid, competes) in enumerate(RUNS):
            folder = out / task / f"{name}-00000000" / f"seed-{seed}"
            (folder / "images").mkdir(parents=True)
            for column, case in enumerate(drawn_cases(of_task, CASES)):
                Image.fromarray(solid(level(place, column))).save(folder / "images" / f"{case.id}.png")
            score = Score("viewed_fid", fid, fid - 1, fid + 1, 200, "lower", "net", {"interval": "jackknife"})
            model = ModelRef(name, "ldbench", "0", reference=not competes, sees_truth=name == "ceiling")
            split = of_task.split_hash()
            write(Result(reference, model, "measured", [score], seed=seed, split_hash=split), folder / "result.json")
    return out


def level(place: int, column: int) -> int:
    return 40 * place + 8 * column


def solid(grey: int) -> Pixels:
    return np.full((SIDE, SIDE, 3), grey, dtype=np.uint8)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["contact_sheets.py", *map(str, arguments)])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def tile(sheet: Pixels, top: int, column: int) -> npt.NDArray[np.int64]:
    left = LEFT + column * (SIDE + GAP)
    return sheet[top : top + SIDE, left : left + SIDE].astype(np.int64)


def real_rows(data: TaskData) -> list[list[Pixels]]:
    """What must stand above a board, from the data set itself."""
    cases = drawn_cases(data, CASES)
    if data.truth is not None:
        images = [[case.source for case in cases], [data.truth(case.id) for case in cases]]
        return [[pixels_of(image, Path()) for image in row] for row in images]
    scans, classes = data.test_scans()
    asked = [str(case.attributes["diagnosis"]) for case in cases]
    shown = originals(data, cases)[0].images
    every = [pixels_of(scan, Path()) for scan in scans]
    for picture, label in zip(shown, asked, strict=True):  # a test scan of the class of its column
        assert any(np.array_equal(picture, scan) for scan, one in zip(every, classes, strict=True) if one == label)
    assert len({picture.tobytes() for picture in shown}) == CASES
    return [list(shown)]


def test_rows_stand_in_the_boards_order_with_the_same_cases_below_real_images(
    data: dict[str, TaskData], runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert call(monkeypatch, runs, "--out", tmp_path, "--cases", CASES) == 0
    for task in (SAMPLES, EDITS):
        top = TOP
        sheet = read(tmp_path / f"sheet-{task}.png")
        for images in real_rows(data[task]):
            for column, image in enumerate(images):
                assert np.abs(tile(sheet, top, column) - image).max() <= 8
            top += SIDE + GAP
        for index, place in enumerate(ROWS):
            top += BLOCK_GAP if index in (0, 2) else 0
            for column in range(CASES):
                shown = tile(sheet, top, column)
                assert np.abs(shown - level(place, column)).max() <= 4, (task, place, column)
                assert (np.ptp(shown, axis=-1) == 0).all()
            assert sheet[top : top + 16, 12:LEFT].min() < 100  # its name
            top += SIDE + GAP
        assert sheet.shape == (top - GAP + 12, LEFT + CASES * (SIDE + GAP) - GAP + 12, 3)
    said = capsys.readouterr().out.splitlines()
    assert "source; truth; the ranked rows, by viewed_fid; the rows without a rank. 4 cases of " in said[0]
    assert said[1].startswith(f"{tmp_path / f'sheet-{SAMPLES}.png'}: From top to bottom: real test scans; the ranked")


def test_cases_are_balanced_and_more_cases_hold_the_fewer(data: dict[str, TaskData]) -> None:
    for of_task in data.values():
        few, more = ([case.id for case in drawn_cases(of_task, count)] for count in (CASES, 9))
        classes = [case.attributes["diagnosis"] for case in drawn_cases(of_task, 9)]
        assert classes == ["CN"] * 4 + ["AD"] * 4
        assert set(few) <= set(more)


def test_labels_and_headings(data: dict[str, TaskData], runs: Path) -> None:
    boards = read_boards([runs], measured_only=True)
    sheets = {task: sheet_of(boards, board, CASES) for task, board in boards.boards.items()}
    assert [row.label for row in sheets[SAMPLES].ranked] == ["better\nrank 1", "worse\nrank 2"]
    assert [row.label for row in sheets[SAMPLES].unranked] == ["ceiling\nsees the truth", "floor"]
    assert sheets[SAMPLES].headings == ("CN", "CN", "AD", "AD")
    first = drawn_cases(data[EDITS], CASES)[0].edit
    assert first is not None
    assert sheets[EDITS].headings[0] == f"{first.source:g} -> {first.target:g} (CN)"


def test_a_banner_is_real_images_and_the_best_row_at_twice_their_size_to_the_last_bit(
    data: dict[str, TaskData], runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    folder = runs / SAMPLES
    assert call(monkeypatch, folder, "--out", tmp_path, "--banner", "--cases", CASES) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"banner-{SAMPLES}.png"]
    banner, step = read(tmp_path / f"banner-{SAMPLES}.png"), 2 * SIDE + GAP
    assert banner.shape == (2 * step - GAP, CASES * step - GAP, 3)
    rows = [*real_rows(data[SAMPLES]), [solid(level(0, column)) for column in range(CASES)]]
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            shown = banner[row * step :, column * step :][: 2 * SIDE, : 2 * SIDE]
            assert np.array_equal(shown, image.repeat(2, axis=0).repeat(2, axis=1))
    assert "real test scans; better, rank 1 on viewed_fid. 4 cases" in capsys.readouterr().out


def test_the_palette_keeps_greys_grey_and_colours_near() -> None:
    random = np.random.default_rng(0)
    greys = random.integers(0, 256, (40, 60, 1)).repeat(3, axis=2)
    colours = np.array([(200, 20, 30), (20, 180, 40), (90, 60, 20)])[random.integers(0, 3, (40, 60))]
    for pixels in (greys, np.concatenate([greys, colours])):
        png = in_palette(Image.fromarray(pixels.astype(np.uint8)))
        with Image.open(io.BytesIO(png)) as image:
            shown = np.asarray(image.convert("RGB")).astype(int)
        assert np.abs(shown - pixels).max() <= 8
        assert (np.ptp(shown[:40], axis=-1) == 0).all()


def first_image(runs: Path) -> Path:
    return min((runs / EDITS / "better-00000000" / "seed-0" / "images").iterdir())


def other_card(runs: Path) -> None:
    for path in runs.rglob("result.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record["task"]["version"] = 99
        path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message", "arguments"),
    [
        (lambda runs: first_image(runs).unlink(), "expected a PNG image", ()),
        (lambda runs: Image.new("L", (32, 32)).save(first_image(runs)), "one size, got 32x32x3 and 64x64x3", ()),
        (lambda runs: shutil.rmtree(first_image(runs).parent), "keep them together", ()),
        (lambda runs: None, "at least one a class of sandbox-brain-aging, 2, got 0", ("--cases", 0)),
        (other_card, "version 99", ()),
        (shutil.rmtree, "no such file or folder", ()),
        (
            lambda runs: [shutil.rmtree(runs / EDITS / f"{name}-00000000") for name in ("better", "worse")],
            "expected a ranked row for the banner", ("--banner", "--cases", CASES),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_one_line_and_no_sheet_is_left(
    runs: Path, damage: Callable[[Path], object], message: str, arguments: tuple[object, ...], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: Captured,
) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(runs / EDITS, copy / EDITS)
    damage(copy)
    assert call(monkeypatch, copy, "--out", tmp_path / "out", *(arguments or ("--cases", CASES))) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("error: ")
    assert message in said.err
    assert not (tmp_path / "out").exists()
