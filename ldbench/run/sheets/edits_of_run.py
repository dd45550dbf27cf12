"""The figure of a finished editing run: some of its cases, drawn by seed, each with source, result, truth and change.

Which cases are shown is decided by seed, class of the target and case ids alone, so two models' figures show the same
ones. Runs that edit nothing and unfinished runs are errors, and so are runs of another card, whose sources and truths
would be other images.
"""

from __future__ import annotations

from pathlib import Path

from ldbench.api import Case
from ldbench.data.images import pixels_of
from ldbench.data.of_result import recorded_data
from ldbench.data.task_data import TaskData
from ldbench.errors import UsageError
from ldbench.records.own_files import check_own, marked
from ldbench.records.run_folder import RunFolder
from ldbench.run.sheets.contact_sheet import draw, read_pixels
from ldbench.run.sheets.edit_sheet import THRESHOLD, EditRow, edit_sheet

ROWS = 8
_IS_PNG = marked(b"PNG\r\n\x1a\n")  # whose, no PNG says


def figure_of_run(
    folder: Path, *, rows: int = ROWS, seed: int | None = None, threshold: float = THRESHOLD, out: Path | None = None,
    card_name: str | None = None,
) -> Path:
    """Draw the edits of a finished run from its folder; returns the PNG, by default `folder/edits.png`.

    `seed` draws the cases, by default the run's own. `card_name` is a card's path for a task that is not installed.
    Raises `ResultError` or `UsageError`, one line, for a folder that holds no finished editing run of this card, and
    for an `out` that is there and no PNG, or an image of the run.
    """
    run = RunFolder(folder)
    check_own([out] if out else [], _IS_PNG, "ldbench figure edits", inputs=list(run.images.glob("*.png")))
    result = run.read_beside_images()
    if result.task.kind == "text-to-image":
        raise UsageError(f"{folder}: expected a run of an editing task, got {result.task.id} (text-to-image)")
    data = recorded_data(result.task, result.split_hash, result.seed, folder, card_name)
    drawn_by = result.seed or 0 if seed is None else seed
    return write_edit_sheet(data, run, drawn_by, rows=rows, threshold=threshold, out=out)


def write_edit_sheet(
    data: TaskData, folder: RunFolder, seed: int, *, rows: int = ROWS, threshold: float = THRESHOLD,
    out: Path | None = None,
) -> Path:
    """Draw `rows` of the cases whose results lie in the run's folder, the same number of each target class.

    Raises `ImageError` for a result that is missing, unreadable or of another size than its source.
    """
    if rows < 1:
        raise UsageError(f"--rows: expected 1 or more, got {rows}")
    chosen = draw_cases(data, rows, seed)
    pictures = [_row(data, case, folder.image(case.id)) for case in chosen]
    note = f"{len(chosen)} of {len(data.cases)} cases of {data.task.id}, drawn by seed {seed} and id."
    return edit_sheet(pictures, out or folder.edits, note=note, threshold=threshold)


def draw_cases(data: TaskData, rows: int, seed: int) -> list[Case]:
    """Up to `rows` cases, the same number of each target class (one more of the first ones where it doesn't divide)."""
    labels = {case.id: target_class(data, case) for case in data.cases}
    classes = sorted(set(labels.values()))
    chosen: list[Case] = []
    for index, label in enumerate(classes):
        members = {name: label for name, other in labels.items() if other == label}
        share = rows // len(classes) + (index < rows % len(classes))
        chosen += [data.by_id[name] for ids in draw(members, share, seed).values() for name in ids]
    return chosen


def asked(case: Case, target_class: str) -> str:
    """What the case asks for, in a few words: `diagnosis: CN -> AD`, or with its class `age: 70 -> 77 (AD)`."""
    if case.edit is None:
        return f"no change ({target_class})"
    change = f"{case.edit.attribute}: {_shown(case.edit.source)} -> {_shown(case.edit.target)}"
    return change if case.edit.target == target_class else f"{change} ({target_class})"


def _row(data: TaskData, case: Case, path: Path) -> EditRow:
    if case.source is None:
        raise UsageError(f"{data.task.id}: expected a source in every case, got none in {case.id}; it edits nothing")
    truth = None if data.truth is None else pixels_of(data.truth(case.id), path)
    caption = f"{case.id}   {asked(case, target_class(data, case))}"
    return EditRow(caption, pixels_of(case.source, path), read_pixels(path), truth)


def target_class(data: TaskData, case: Case) -> str:
    """What is balanced: the edit's own target where it is a class, else the card's class attribute."""
    if case.edit is not None and isinstance(case.edit.target, str):
        return case.edit.target
    return str(case.attributes[data.task.data.class_attribute])


def _shown(value: str | int | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
