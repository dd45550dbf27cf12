"""The rows of CheXpert's `train.csv` and `valid.csv`, what their cells say, and where the films lie.

Three layouts: the small release with `train/` and `valid/` beside the tables; the full-size one, whose films of
`train.csv` lie in folders `CheXpert-v1.0 batch 2 (train 1)` and so on, without `train/`; and copies whose folder or
paths have lost the release's name.

All cells are read as text: pandas would otherwise make NaN of blanks, and a comparison with NaN is a label that nobody
gave.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ldbench.data.prepare.readers.tables import read_cells
from ldbench.errors import DataError

FINDING_COLUMNS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation",
    "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
)
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDING_COLUMNS)
FOLDERS = ("CheXpert-v1.0-small", "CheXpert-v1.0")
OLDEST = 120
_PATH = re.compile(
    r"(?:[^/\\]+/)*(?P<rest>(?:train|valid)/(?P<patient>patient\d+)/study(?P<study>\d+)/"
    r"view(?P<view>\d+)_(?P<side>frontal|lateral)\.(?:jpe?g|png))", re.ASCII
)
_BATCH = "CheXpert-v1.0 batch *"
_LABELS = {"": None, "1.0": 1, "1": 1, "0.0": 0, "0": 0, "-1.0": -1, "-1": -1}
_AGE = re.compile(r"(\d{1,3})(\.0+)?", re.ASCII)
_SHOWN = 60  # characters of a bad cell

Tables = Literal["both", "train", "valid"]
Cells = Mapping[str, str]


class LeftOut(Exception):  # noqa: N818 (not an error: why a row is not used, which becomes a `Skipped`)
    """Why a row is not used: `fault` or `rule`, the rule's name, and one line."""

    def __init__(self, kind: Literal["fault", "rule"], rule: str, reason: str) -> None:
        super().__init__(reason)
        self.kind: Literal["fault", "rule"] = kind
        self.rule, self.reason = rule, reason


@dataclass(frozen=True)
class FilmPlace:
    """Where a row's image lies below the data set's folder (`rest`), whose it is, and from which side it was taken."""

    patient: str
    study: int
    view: int
    side: str
    rest: str

    @property
    def image(self) -> str:
        """The image's name in the data set, whatever the folder is called."""
        return f"{self.patient}/study{self.study}/view{self.view}"


@dataclass(frozen=True)
class Row:
    """A row of a table: its line, what its cells say by the names of `train.csv`, and why it can't be used, where that
    is known already."""

    line: str
    cells: Cells
    left_out: LeftOut | None = None


class FilmFolder(Protocol):
    """Knows where films lie."""

    def path(self, place: FilmPlace) -> Path:
        """The film of a row; where there is none, its usual place."""


@dataclass(frozen=True)
class Release:
    """What an owners' folder holds: rows, the films that they name, and what goes before a film's name."""

    rows: Sequence[Row]
    films: FilmFolder
    prefix: str


@dataclass(frozen=True)
class Films:
    """Where films lie: beside the tables, in `folder`, or by patient in the batch folders of the full-size release."""

    folder: Path
    batches: Mapping[str, Sequence[Path]]

    def path(self, place: FilmPlace) -> Path:
        """The film of a row; where there is none, the place beside the tables."""
        path = self.folder / place.rest
        split, below = place.rest.split("/", 1)
        batches = self.batches.get(place.patient, ()) if split == "train" else ()
        inside = (batch / below for batch in batches)
        return next((film for film in inside if film.is_file()), path)


def release_of(root: Path, tables: Tables) -> Release:
    """What the tables in `root` or below it name. Raises DataError for another layout."""
    folder = data_folder(root, tables)
    inside = folder.relative_to(root).as_posix()
    prefix = "" if inside == "." or is_batch(folder) else f"{inside}/"
    return Release(table_rows(folder, tables), films_of(folder), prefix)


def films_of(folder: Path) -> Films:
    """The films of the tables in `folder`, which may be a batch folder itself."""
    batches: defaultdict[str, list[Path]] = defaultdict(list)
    for batch in _batches(folder.parent if is_batch(folder) else folder):
        for patient in batch.glob("patient*"):
            batches[patient.name].append(batch)
    return Films(folder, batches)


def is_batch(folder: Path) -> bool:
    """Whether a folder is one of those that the full-size release comes in."""
    return folder.match(_BATCH)


def data_folder(root: Path, tables: Tables) -> Path:
    """The folder that holds the tables: `root`, or CheXpert's own folder inside it. Raises DataError."""
    names = _file_names(tables)
    own = [root / name for name in FOLDERS]
    for folder in (root, *own, *(batch for base in (root, *own) for batch in _batches(base) if _holds(batch, names))):
        missing = [name for name in names if not (folder / name).is_file()]
        if not missing:
            return folder
        if len(missing) < len(names):
            raise DataError(f"{folder}: expected {' and '.join(names)}, got no {missing[0]}; copy it, or set tables")
    raise DataError(f"{root}: expected {' and '.join(names)} there or in {FOLDERS[0]}/, got neither; name that folder")


def table_rows(folder: Path, tables: Tables) -> list[Row]:
    """Every row; its line is `train.csv line 17`, a cell text, "" where blank. Raises DataError naming the table."""
    return [row for name in _file_names(tables) for row in _read(folder / name)]


def place_of(row: Cells) -> FilmPlace | LeftOut:
    """Where a row's image lies, or why that can't be said. A matching path has no `..` and can't leave the folder."""
    path = row["Path"]
    match = _PATH.fullmatch(path)
    if match:
        return FilmPlace(match["patient"], int(match["study"]), int(match["view"]), match["side"], match["rest"])
    if path.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", path) or path[1:2] == ":":
        return LeftOut("fault", "path", f"the path {path[:_SHOWN]!r} leaves the root")
    expected = f"{FOLDERS[0]}/train/patient00001/study1/view1_frontal.jpg"
    return LeftOut("fault", "path", f"expected a path such as {expected}, got {path[:_SHOWN]!r}")


def check_view(row: Cells, place: FilmPlace) -> None:
    """LeftOut unless the row and its file name say that the view is frontal."""
    cell = row["Frontal/Lateral"]
    if cell not in ("Frontal", "Lateral"):
        raise LeftOut("fault", "view", f"expected Frontal or Lateral, got {cell[:_SHOWN]!r}")
    if cell.lower() != place.side:
        raise LeftOut("fault", "view", f"Frontal/Lateral is {cell}, but the file is called {place.side}")
    if cell == "Lateral":
        raise LeftOut("rule", "frontal", "a lateral view")


def patient_age(row: Cells) -> int:
    """Age in years at the study. LeftOut for 0, which is CheXpert's way to say unknown, and for what is no age."""
    match = _AGE.fullmatch(row["Age"])
    if not match or int(match[1]) > OLDEST:
        raise LeftOut("fault", "age", f"expected an Age of 0 to {OLDEST} years, got {row['Age'][:_SHOWN]!r}")
    if int(match[1]) == 0:
        raise LeftOut("rule", "age", "Age is 0: unknown")
    return int(match[1])


def patient_sex(row: Cells) -> str:
    """`female` or `male`. LeftOut for Unknown, which the owners' table holds, and for anything else."""
    cell = row["Sex"]
    if cell == "Unknown":
        raise LeftOut("rule", "sex", "Sex is Unknown")
    if cell not in ("Female", "Male"):
        raise LeftOut("fault", "sex", f"expected a Sex of Female, Male or Unknown, got {cell[:_SHOWN]!r}")
    return cell.lower()


def label_of(row: Cells, column: str) -> int | None:
    """1, 0, -1 (uncertain) or None (blank: not mentioned). LeftOut for anything else."""
    cell = row[column]
    if cell not in _LABELS:
        raise LeftOut("fault", "label", f"{column}: expected 1.0, 0.0, -1.0 or blank, got {cell[:_SHOWN]!r}")
    return _LABELS[cell]


def _batches(base: Path) -> list[Path]:
    return sorted(folder for folder in base.glob(_BATCH) if folder.is_dir())


def _holds(folder: Path, names: Sequence[str]) -> bool:
    return any((folder / name).is_file() for name in names)


def _file_names(tables: Tables) -> tuple[str, ...]:
    return ("train.csv", "valid.csv") if tables == "both" else (f"{tables}.csv",)


def _read(path: Path) -> list[Row]:
    table = read_cells(path, "CheXpert's table", COLUMNS)
    cells = zip(*(table[name].tolist() for name in COLUMNS), strict=True)
    return [
        Row(f"{path.name} line {line}", dict(zip(COLUMNS, row, strict=True)))
        for line, row in zip(table.index, cells, strict=True)
    ]
