"""CheXpert-v1.0, small or full-size, and CheXpert Plus, as their owners ship them: frontal films of exactly one class,
or all frontal films with all of their findings.

An image is used when it is frontal, the patient's age and sex are known, and exactly one of No Finding, Cardiomegaly,
Pleural Effusion and Pneumonia is 1 after the policy for uncertain (-1) and blank labels has been applied (rule
`one-class`: an edit changes one finding, so a source that carries two has no class to edit from). Other findings
(Edema, Support Devices, ...) may stand beside cardiomegaly, effusion and pneumonia; beside No Finding = 1 they
contradict it, Support Devices apart, and the image is left out. No finding means No Finding = 1, never the mere absence
of the other three.

`CheXpertFindingsReader` takes films that carry any number of the table's findings: `chexpert_findings` says what
becomes of them. That is another data set, `chexpert-findings`, as its films and attributes are others.

Patients are what is split, so `subject` is the patient. Which of a patient's images are taken follows from the tables
alone, never from which files are there: a damaged file costs its own image and changes no other.

A cell that `chexpert_table` can't read is a fault of its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Attributes, Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.radiograph import Resample, Square, read_jpeg, read_png
from ldbench.data.prepare.readers.chexpert_findings import CLASSES, Blank, Uncertain, all_findings, contradicted
from ldbench.data.prepare.readers.chexpert_plus import plus_release, plus_table
from ldbench.data.prepare.readers.chexpert_table import (
    FINDING_COLUMNS,
    Cells,
    FilmPlace,
    LeftOut,
    Release,
    Tables,
    check_view,
    label_of,
    patient_age,
    patient_sex,
    place_of,
    release_of,
)
from ldbench.errors import DataError, UsageError

CLASS_COLUMNS = {
    "no finding": "No Finding", "cardiomegaly": "Cardiomegaly", "pleural effusion": "Pleural Effusion",
    "pneumonia": "Pneumonia",
}


@dataclass(frozen=True)
class CheXpertReader:
    """Reads `train.csv`, `valid.csv` and the films they name, or CheXpert Plus where `labels` is a part of a report.

    `uncertain`: an image with -1 in one of the four classes is left out (`skip`), or -1 counts as 0 or 1. `blank`: a
    finding that the report doesn't mention counts as 0, or `skip` leaves the image out; No Finding is 1 or blank in
    `train.csv`, so its own blank is always 0. `per_patient` images of each patient are taken, the first usable ones by
    study and view number; 0 takes all. `tables` both are expected unless one is named. `labels`: those of the `table`,
    or for CheXpert Plus those of a part of the reports. `size`, `square` and `resample` are `read_jpeg`'s.
    """

    size: int = 512
    uncertain: Uncertain = "skip"
    blank: Blank = "negative"
    per_patient: int = 1
    tables: Tables = "both"
    square: Square = "pad"
    resample: Resample = "bicubic"
    labels: Literal["table", "impression", "findings", "report"] = "table"

    dataset: str = field(default="chexpert", init=False)
    class_attribute: str = field(default="finding", init=False)
    classes: tuple[str, ...] = field(default=tuple(CLASS_COLUMNS), init=False)

    def __post_init__(self) -> None:
        """Raises UsageError for a number out of range."""
        if not 8 <= self.size <= 4096:
            raise UsageError(f"chexpert: expected size from 8 to 4096, got {self.size}")
        if self.per_patient < 0:
            raise UsageError(f"chexpert: expected per_patient 0 or more, got {self.per_patient}")

    def found(self, root: Path) -> Found:
        """Every row of the tables, as an image or with the reason it is left out; DataError for another layout.

        Faults (damage): a path of another shape or out of the root, an image that stands in two rows, a file that is
        missing, an unreadable age, sex, view or label. Rules (choices): `frontal`, `age` (0 is CheXpert's unknown),
        `sex` (Unknown), `uncertain`, `blank`, `one-class`, `per-patient`, and of CheXpert Plus `no-text`. For all
        findings there are `contradiction` and `unlabelled` in the place of `one-class`.
        """
        release = self._release(root)
        usable: list[tuple[FilmPlace, SourceImage]] = []
        skipped: list[Skipped] = []
        places = [place_of(row.cells) for row in release.rows]
        rows_of = Counter(place.image for place in places if isinstance(place, FilmPlace) and place.side == "frontal")
        for row, place in zip(release.rows, places, strict=True):
            name = row.line
            try:
                if isinstance(place, LeftOut):
                    raise place
                name = f"{release.prefix}{place.rest}"
                check_view(row.cells, place)  # first: what the other cells of a lateral hold is nobody's concern
                if rows_of[place.image] > 1:
                    raise LeftOut("fault", "duplicate", f"{place.image} stands in {rows_of[place.image]} rows")
                if row.left_out is not None:
                    raise row.left_out
                age, sex = patient_age(row.cells), patient_sex(row.cells)
                attributes: Attributes = {**self._carried(row.cells), "age": age, "sex": sex}
                source = SourceImage(name, release.films.path(place), place.patient, place.image, attributes)
                usable.append((place, source))
            except LeftOut as why:
                skipped.append(Skipped(name, why.reason, why.kind, why.rule))
        images = self._chosen(usable, skipped)
        return Found.in_order(images, skipped)

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """`(size, size) float32 in [0, 1]`; ImageError naming the file."""
        read = read_png if source.path.suffix == ".png" else read_jpeg
        return read(source.path, self.size, square=self.square, resample=self.resample, name=source.name)

    def settings(self) -> Mapping[str, ParameterValue]:
        """Every choice, for the record."""
        return {
            "size": self.size, "uncertain": self.uncertain, "blank": self.blank, "per_patient": self.per_patient,
            "tables": self.tables, "square": self.square, "resample": self.resample, "views": "frontal",
            **self._kept(), **({} if self.labels == "table" else {"labels": self.labels}),
        }

    def _release(self, root: Path) -> Release:
        if self.labels != "table":
            return plus_release(root, self.tables, self.labels)
        if (table := plus_table(root)) is not None and not (root / "train.csv").is_file():
            raise DataError(
                f"{table}: expected a choice of labels, as CheXpert Plus has three kinds, got none; add "
                "--set labels=impression (what CheXpert's own were read off), findings or report"
            )
        return release_of(root, self.tables)

    def _kept(self) -> dict[str, ParameterValue]:
        """Which films are taken, for the record."""
        return {"one_class": ", ".join(self.classes)}

    def _carried(self, row: Cells) -> Attributes:
        """What a film shows, as attributes; LeftOut where it is not taken."""
        return {"finding": self._finding(row)}

    def _finding(self, row: Cells) -> str:
        """The one class of the four that a row carries under the policies."""
        labels = {column: label_of(row, column) for column in FINDING_COLUMNS}
        doubtful = [name for name, column in CLASS_COLUMNS.items() if labels[column] == -1]
        if doubtful and self.uncertain == "skip":
            raise LeftOut("rule", "uncertain", f"uncertain (-1): {', '.join(doubtful)}")
        silent = [name for name, column in CLASS_COLUMNS.items() if labels[column] is None and name != "no finding"]
        if silent and self.blank == "skip":
            raise LeftOut("rule", "blank", f"blank: {', '.join(silent)}")
        carried = [name for name, column in CLASS_COLUMNS.items() if self._holds(labels[column])]
        if len(carried) != 1:
            got = ", ".join(carried) or "none"
            raise LeftOut("rule", "one-class", f"expected one of the four classes, got {got}")
        if carried == ["no finding"] and (others := contradicted(row, self.uncertain)):
            raise LeftOut("rule", "one-class", f"No Finding = 1 beside {', '.join(others)}")
        return carried[0]

    def _holds(self, label: int | None) -> bool:
        return label == 1 or (label == -1 and self.uncertain == "positive")

    def _chosen(self, usable: list[tuple[FilmPlace, SourceImage]], skipped: list[Skipped]) -> list[SourceImage]:
        """The first images of each patient whose files are there; adds the others to `skipped`."""
        chosen: list[SourceImage] = []
        taken: Counter[str] = Counter()
        for place, image in sorted(usable, key=lambda pair: (pair[0].patient, pair[0].study, pair[0].view)):
            if self.per_patient and taken[place.patient] == self.per_patient:
                reason = f"the patient has {self.per_patient} already, of earlier studies or views"
                skipped.append(Skipped(image.name, reason, "rule", "per-patient"))
                continue
            taken[place.patient] += 1
            if image.path.is_file():
                chosen.append(image)
            else:
                reason = "the table names it, but there is no such file"
                skipped.append(Skipped(image.name, reason, "fault", "missing", image))
        return chosen


@dataclass(frozen=True)
class CheXpertFindingsReader(CheXpertReader):
    """As `CheXpertReader`, of all films and all that they carry.

    What `uncertain` and `blank` mean here stands in `chexpert_findings`; the other settings mean what they do there.
    """

    dataset: str = field(default="chexpert-findings", init=False)
    classes: tuple[str, ...] = field(default=CLASSES, init=False)

    def _kept(self) -> dict[str, ParameterValue]:
        return {"findings": "all", "classes": ", ".join(self.classes)}

    def _carried(self, row: Cells) -> Attributes:
        return all_findings(row, self.uncertain, self.blank)
