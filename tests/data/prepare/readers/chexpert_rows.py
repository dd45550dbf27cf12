"""A CheXpert table of the rows that a test names, and what the reader says of it."""

from __future__ import annotations

import csv
from pathlib import Path

from ldbench.api import Found, Skipped
from ldbench.data.prepare.readers.chexpert import CheXpertFindingsReader, CheXpertReader
from ldbench.data.prepare.readers.chexpert_table import COLUMNS

SIZE = 32
FILM = "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg"
LATERAL = FILM.replace("frontal", "lateral")
CELLS = {"Path": FILM, "Sex": "Female", "Age": "61", "Frontal/Lateral": "Frontal", "AP/PA": "AP"}


def reader(*, all_findings: bool = False, **settings: object) -> CheXpertReader:
    kind = CheXpertFindingsReader if all_findings else CheXpertReader
    return kind(size=SIZE, **settings)  # type: ignore[arg-type]


def write_rows(folder: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = COLUMNS) -> None:
    """A `train.csv` of these rows (absent findings blank), and an empty file for each image they name."""
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        inside = Path(*Path(row["Path"]).parts[1:])
        if row["Path"].startswith("CheXpert-v1.0-small/train/") and ".." not in inside.parts:
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / inside).touch()


def found_of(folder: Path, *rows: dict[str, str], all_findings: bool = False, **settings: object) -> Found:
    """What the reader says of a table of these rows alone."""
    write_rows(folder, [CELLS | row for row in rows])
    return reader(all_findings=all_findings, tables="train", **settings).found(folder)


def only_skipped(found: Found) -> Skipped:
    assert found.images == ()
    (left,) = found.skipped
    assert "\n" not in left.reason
    return left
