"""Every board as one picture: a row of images a model, the same cases in every row, real images above them.

    python -m leaderboards.contact_sheets runs/leaderboards --out docs/images
    python -m leaderboards.contact_sheets runs/leaderboards/sandbox-brain-t2i --out docs/images --banner

Rows stand in the board's order, those without a rank below a gap, and show the lowest seed that the board folds. Above
them are real test scans of the same classes or, for edits, sources and true answers. Cases and scans are the first by a
hash of their ids, as many of each class. `--banner` draws the real images and the best ranked row alone, larger and
without a word. A caption for each picture is printed.
"""

from __future__ import annotations

import argparse
import io
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ldbench.api import Case, Record
from ldbench.board.gather import BoardSet, read_boards
from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.board.row_labels import TRUTH_MARK
from ldbench.data.images import pixels_of
from ldbench.data.of_result import recorded_data
from ldbench.data.scans import balanced
from ldbench.data.task_data import TaskData
from ldbench.errors import ImageError, LdbenchError, ResultError, UsageError
from ldbench.records.files import refusal, whole_file
from ldbench.records.identity import row_key
from ldbench.records.run_folder import RunFolder
from ldbench.report.html.picture import encoded
from ldbench.report.tables.content import BoardLine, page
from ldbench.run.sheets.contact_sheet import GAP, INK, MARGIN, PAPER, Pixels, enlarged, read_pixels, whole_factor
from ldbench.run.sheets.edits_of_run import asked, target_class

CASES, BANNER_CASES = 10, 6
LABEL, LABEL_LETTERS, LABEL_FONT, LABEL_LINE = 140, 22, 13, 16
HEADING_LETTERS, HEADING_FONT, HEADING_LINE = 13, 10, 12
BLOCK_GAP = 16
GREYS, COLOURS, GREYISH = 32, 224, 24  # of the palette; channels that differ by less than the last count as grey


@dataclass(frozen=True)
class SheetRow:
    """A line of a sheet: what stands at its left, and an image a case."""

    label: str
    images: tuple[Pixels, ...]


@dataclass(frozen=True)
class Sheet:
    """The rows of one board: real images, ranked rows and rows without a rank, under a heading a column."""

    headings: tuple[str, ...]
    originals: tuple[SheetRow, ...]
    ranked: tuple[SheetRow, ...]
    unranked: tuple[SheetRow, ...]


def sheet_of(boards: BoardSet, board: Leaderboard, count: int) -> Sheet:
    """What the runs of a board show of `count` cases; a `LdbenchError` where runs or data are not whole."""
    if not board.rows:
        raise ResultError(f"{board.task.id}: expected a complete run, got failed ones alone; run them again")
    data = recorded_data(board.task, board.split_hash, 0, board.task.id)
    cases = drawn_cases(data, count)
    lines = [line for block in page(board).tables[0].blocks for line in block]
    rows = []
    for row, line in zip(board.rows, lines, strict=True):
        run = run_of(boards, board, row)
        rows.append(SheetRow(row_label(line), tuple(read_pixels(run.image(case.id)) for case in cases)))
    ranked = sum(row.competes for row in board.rows)
    headings = tuple(heading(data, case) for case in cases)
    return Sheet(headings, originals(data, cases), tuple(rows[:ranked]), tuple(rows[ranked:]))


def drawn_cases(data: TaskData, count: int) -> list[Case]:
    """`count` of the cases or a few less, as many of each class, one class after the other."""
    scans = [scan for scan in data.dataset.records if scan.id in data.by_id]
    return [data.by_id[scan.id] for scan in drawn(scans, data, count)]


def drawn(scans: Sequence[Record], data: TaskData, count: int) -> list[Record]:
    """The first scans of each class by a hash of their ids, one class after the other."""
    spec = data.task.data
    if count < len(spec.classes):
        raise UsageError(f"--cases: expected at least one a class of {data.task.id}, {len(spec.classes)}, got {count}")
    chosen = [scans[place] for place in balanced(scans, data.task, count)]
    return sorted(chosen, key=lambda scan: spec.classes.index(str(scan.attributes[spec.class_attribute])))


def originals(data: TaskData, cases: Sequence[Case]) -> tuple[SheetRow, ...]:
    """Sources and, where they are known, true answers of edits; for other tasks real test scans of the same classes."""
    if data.editing is None:
        scans = drawn(data.of_classes("test"), data, len(cases))
        return (_real_row("real test scans", [torch.from_numpy(data.dataset.image(scan)) for scan in scans]),)
    sources = _real_row("source", [case.source for case in cases])
    return (sources,) if data.truth is None else (sources, _real_row("truth", [data.truth(one.id) for one in cases]))


def _real_row(label: str, images: Sequence[torch.Tensor]) -> SheetRow:
    return SheetRow(label, tuple(pixels_of(image, Path(label)) for image in images))


def run_of(boards: BoardSet, board: Leaderboard, row: BoardRow) -> RunFolder:
    """The folder of the row's lowest seed; a `ResultError` where its images are gone."""
    path = next(
        path for path, one in boards.found
        if (one.task.id, one.status, one.seed) == (board.task.id, "complete", row.seeds[0])
        and row_key(one) == row_key(row)
    )
    run = RunFolder.holding(Path(path))
    run.read_beside_images()
    return run


def heading(data: TaskData, case: Case) -> str:
    """The class that is asked for, or of an edit before and after."""
    label = target_class(data, case)
    return label if case.source is None else asked(case, label).rpartition(": ")[2]


def row_label(line: BoardLine) -> str:
    """The row's name, and in a line of its own its rank or that it sees the truth: Pillow's font has no dagger."""
    name, mark, _ = line.model.partition(f" {TRUTH_MARK}")
    below = f"rank {line.place}" if line.place else "sees the truth" if mark else ""
    return "\n".join(filter(None, [*textwrap.wrap(name, LABEL_LETTERS, max_lines=3, placeholder="..."), below]))


def draw_sheet(sheet: Sheet) -> Image.Image:
    """All rows with labels and headings, small images at their own size."""
    headings = [textwrap.wrap(text, HEADING_LETTERS, break_long_words=False) for text in sheet.headings]
    blocks = [block for block in (sheet.originals, sheet.ranked, sheet.unranked) if block]
    top = MARGIN + max(map(len, headings)) * HEADING_LINE + GAP
    picture, places = _laid_out(blocks, 1, (MARGIN + LABEL, top))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(HEADING_FONT)
    for (left, _), lines in zip(places[0], headings, strict=True):
        for line, text in enumerate(reversed(lines), 1):
            pen.text((left, top - GAP - line * HEADING_LINE), text, fill=INK, font=font)
    font = ImageFont.load_default(LABEL_FONT)
    for row, ((_, height), *_) in zip((row for block in blocks for row in block), places, strict=True):
        for line, text in enumerate(row.label.splitlines()):
            pen.text((MARGIN, height + line * LABEL_LINE), text, fill=INK, font=font)
    return picture


def draw_banner(sheet: Sheet) -> Image.Image:
    """The real images and the best ranked row without labels, enlarged until a side has about 128 pixels."""
    height, width = sheet.originals[0].images[0].shape[:2]
    picture, _ = _laid_out([[*sheet.originals, *sheet.ranked[:1]]], whole_factor(height, width), (0, 0), 0)
    return picture


def _laid_out(
    blocks: Sequence[Sequence[SheetRow]], factor: int, corner: tuple[int, int], margin: int = MARGIN
) -> tuple[Image.Image, list[list[tuple[int, int]]]]:
    """The images of all blocks from `corner` on, and by row and column where each of them stands."""
    shapes = {image.shape for block in blocks for row in block for image in row.images}
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
        raise ImageError(f"contact sheet: expected images of one size, got {sizes}; score each run on the task's own")
    height, width = (side * factor + GAP for side in shapes.pop()[:2])
    left, top = corner
    places = []
    for block in blocks:
        for row in block:
            places.append([(left + column * width, top) for column in range(len(row.images))])
            top += height
        top += BLOCK_GAP
    size = left + len(places[0]) * width - GAP + margin, top - BLOCK_GAP - GAP + margin
    picture = Image.new("RGB", size, PAPER)
    for row, corners in zip((row for block in blocks for row in block), places, strict=True):
        for pixels, place in zip(row.images, corners, strict=True):
            picture.paste(enlarged(pixels, factor), place)
    return picture, places


def in_palette(picture: Image.Image) -> bytes:
    """The picture as PNG in 32 greys and 224 colours of its own, which is smaller; grey images stay grey."""
    pixels = np.asarray(picture)
    coloured = pixels[np.ptp(pixels, axis=-1) >= GREYISH]
    colours: list[int] = []
    if len(coloured):
        chosen = Image.fromarray(coloured[None]).quantize(COLOURS, Image.Quantize.FASTOCTREE)
        colours = (chosen.getpalette() or [])[: 3 * COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([round(255 * level / (GREYS - 1)) for level in range(GREYS) for _ in range(3)] + colours)
    buffer = io.BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def caption(board: Leaderboard, sheet: Sheet, banner: bool) -> str:
    """What the picture shows, for the text below it."""
    rows = [row.label for row in sheet.originals]
    if banner:
        *name, rank = sheet.ranked[0].label.splitlines()  # a long name is broken
        rows.append(f"{' '.join(name)}, {rank} on {board.metrics[0].metric}")
    else:
        rows += [f"the ranked rows, by {board.metrics[0].metric}"] if sheet.ranked else []
        rows += ["the rows without a rank"] if sheet.unranked else []
    return (
        f"From top to bottom: {'; '.join(rows)}. {len(sheet.headings)} cases of {board.task.id}, the first of each "
        "class by a hash of their ids; one seed a row."
    )


def write_sheets(runs: Path, out: Path, banner: bool, count: int) -> None:
    """Draw all boards below `runs` to `out`, and print path and caption of each."""
    boards = read_boards([runs], measured_only=True)
    for task, board in boards.boards.items():
        sheet = sheet_of(boards, board, count)
        if banner and not sheet.ranked:
            raise ResultError(f"{task}: expected a ranked row for the banner, got none; run a model of the board")
        path = out / f"{'banner' if banner else 'sheet'}-{task}.png"
        png = encoded(np.asarray(draw_banner(sheet))) if banner else in_palette(draw_sheet(sheet))
        with refusal(f"write {path}"), whole_file(path) as part:
            part.write_bytes(png)
        print(f"{path}: {caption(board, sheet, banner)}")


def main() -> None:
    """Draw the boards of a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--banner", action="store_true")
    parser.add_argument("--cases", type=int, help=f"of all classes together; {CASES}, in a banner {BANNER_CASES}")
    asked_for = parser.parse_args()
    try:
        default = BANNER_CASES if asked_for.banner else CASES
        count = default if asked_for.cases is None else asked_for.cases
        write_sheets(asked_for.runs, asked_for.out, asked_for.banner, count)
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
