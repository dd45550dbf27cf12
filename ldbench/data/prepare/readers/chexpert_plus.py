"""CheXpert Plus as its owners ship it: one table of images and reports, and the findings in files of their own.

`df_chexpert_plus_240401.csv` has a row an image. The findings were read off the reports by CheXbert, once for each part
of a report: `impression_fixed.json`, `findings_fixed.json` and `report_fixed.json`, one JSON object a line. Films are
PNG files, though the table calls them .jpg: below `PNG/`, as the archive unpacks, or below `PNG_train/` and
`PNG_valid/`, as single files are handed out. DICOM files aren't read.

CheXbert says No Finding of an empty text, so a row whose report lacks the part that `labels` names has no labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ldbench.data.decoding import one_line
from ldbench.data.prepare.readers.chexpert_table import (
    FINDING_COLUMNS,
    FilmPlace,
    LeftOut,
    Release,
    Row,
    Tables,
)
from ldbench.data.prepare.readers.csv_text import known
from ldbench.data.prepare.readers.tables import read_cells
from ldbench.errors import DataError

TABLE = "df_chexpert_plus_*.csv"
PARTS = {"impression": "section_impression", "findings": "section_findings", "report": "report"}
_COLUMNS = {  # theirs -> the name in train.csv
    "path_to_image": "Path", "sex": "Sex", "age": "Age", "frontal_lateral": "Frontal/Lateral", "ap_pa": "AP/PA",
}
_UNKNOWN = {"Sex": "Unknown", "Age": "0"}  # how train.csv says so

Part = Literal["impression", "findings", "report"]
Labels = tuple[str, ...]


@dataclass(frozen=True)
class PlusFilms:
    """The folders that hold `train/` or `valid/`, and those that hold the patients of one of them."""

    folder: Path
    above: tuple[Path, ...]
    beside: Mapping[str, Path]

    def path(self, place: FilmPlace) -> Path:
        """The film of a row; where there is none, the place that the archive gives it."""
        split, below = place.rest.split("/", 1)
        names = [above / place.rest for above in self.above]
        names += [self.beside[split] / below] if split in self.beside else []
        films = (film for name in names for film in (name.with_suffix(".png"), name))
        return next((film for film in films if film.is_file()), (self.folder / "PNG" / place.rest).with_suffix(".png"))


def plus_table(root: Path) -> Path | None:
    """The table in the folder, None where there is none. Raises DataError for several."""
    found = sorted(root.glob(TABLE))
    if len(found) > 1:
        raise DataError(f"{root}: expected one {TABLE}, got {' and '.join(path.name for path in found)}; keep one")
    return found[0] if found else None


def plus_release(root: Path, tables: Tables, part: Part) -> Release:
    """The rows of the table with the findings of a part of the reports; DataError for another layout."""
    table = plus_table(root)
    if table is None:
        raise DataError(f"{root}: expected CheXpert Plus's table {TABLE} there, got none; name its folder with --root")
    labels = _labels(root, part)
    cells = read_cells(table, "CheXpert Plus's table", (*_COLUMNS, PARTS[part]), others=False)
    columns = {name: cells[name].tolist() for name in cells.columns}
    rows = []
    for at, line in enumerate(cells.index):
        path = columns["path_to_image"][at]
        if tables != "both" and not path.startswith(f"{tables}/"):
            continue
        rows.append(_row(f"{table.name} line {line}", {name: columns[name][at] for name in columns}, labels, part))
    return Release(rows, _films(root), "")


def _films(root: Path) -> PlusFilms:
    splits = ("train", "valid")
    above = [place for place in (root / "PNG", root / "PNG" / "PNG", root) if any((place / s).is_dir() for s in splits)]
    beside = {split: root / f"PNG_{split}" for split in splits if (root / f"PNG_{split}").is_dir()}
    return PlusFilms(root, tuple(above), beside)


def _row(line: str, cells: Mapping[str, str], labels: Mapping[str, Labels | None], part: Part) -> Row:
    path = cells["path_to_image"]
    named = {name: known(cells[theirs]) or _UNKNOWN.get(name, "") for theirs, name in _COLUMNS.items()}
    of_image = labels.get(path)
    findings = dict(zip(FINDING_COLUMNS, of_image or ("",) * len(FINDING_COLUMNS), strict=True))
    return Row(line, named | findings, _unlabelled(cells, path, labels, part))


def _unlabelled(
    cells: Mapping[str, str], path: str, labels: Mapping[str, Labels | None], part: Part
) -> LeftOut | None:
    """Why a row has no labels, None where it has."""
    if not known(cells[PARTS[part]]):
        return LeftOut("rule", "no-text", f"the report has no {part}, so {part}_fixed.json says nothing of the image")
    if path not in labels:
        return LeftOut("fault", "label", f"expected its findings in {part}_fixed.json, got none")
    if labels[path] is None:
        return LeftOut("fault", "label", f"expected one line of it in {part}_fixed.json, got several that differ")
    return None


def _labels(root: Path, part: Part) -> dict[str, Labels | None]:
    """The fourteen cells of each image, as `train.csv` spells them; None where two lines of the file differ."""
    name = f"{part}_fixed.json"
    places = [path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.is_file()]
    if len(places) != 1:
        got = " and ".join(path.relative_to(root).as_posix() for path in places) or "none"
        raise DataError(
            f"{root}: expected {name} there or in one folder below it, got {got}; unpack chexbert_labels.zip there, "
            "and keep one"
        )
    labels: dict[str, Labels | None] = {}
    for path, cells in _label_lines(places[0]):
        labels[path] = cells if labels.get(path, cells) == cells else None
    return labels


def _label_lines(file: Path) -> Iterator[tuple[str, Labels]]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            yield from (_label_line(file, number, line) for number, line in enumerate(lines, 1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read {file}: {one_line(error)}; expected CheXbert's labels") from error


def _label_line(file: Path, number: int, line: str) -> tuple[str, Labels]:
    try:
        record: dict[str, str | float | None] = json.loads(line)
        return str(record["path_to_image"]), tuple(_spelt(record[name]) for name in FINDING_COLUMNS)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file}: expected a JSON object a line with path_to_image and the 14 findings, got another thing in line "
            f"{number} ({type(error).__name__}: {one_line(error)}); unpack chexbert_labels.zip again"
        ) from error


def _spelt(value: str | float | None) -> str:
    """A label as `train.csv` spells it, so that one function judges both."""
    return "" if value is None else str(value)
