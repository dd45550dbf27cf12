"""Which labels each image of folders has, or was asked to show: by tables, or as a caller says.

An image may have several labels at once, as a film several findings. A label is 1, 0, or not known, as on cards
(`ldbench.task.labels`). The sets have the same labels: one that a set lacks would be learnt and never asked for, or the
other way about. Training images alone may have none: then nothing learns from their labels.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ldbench.errors import UsageError
from ldbench.records.names import unsaid
from ldbench.score.folders.tables import (
    GENERATED,
    SET,
    Said,
    Say,
    check_sets,
    column_of_images,
    kind_of,
    read_rows,
    some_of,
)

Known: TypeAlias = "Mapping[str, npt.NDArray[np.float64]]"  # by label the value of each image of a set, `(N,)`
Columns: TypeAlias = "Mapping[str, Sequence[float | bool | None]]"
_TRAINING = "training"
LABELLED = ("real", GENERATED, _TRAINING)  # the kinds of sets that somebody may say labels of
_LABELS = Said("label", "labels", LABELLED)
_OF_OTHERS = ("subject", "class")  # columns of a table that serves further options
_VALUES = "1, 0, -1 (uncertain) or nothing"


@dataclass(frozen=True)
class Labelled:
    """What says the labels: a table's file, or by kind of set such a file or the value of each image by label, in the
    order of the images' names. `names` are the labels that are taken; without them all."""

    given: Path | Mapping[str, Path | Columns]
    names: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """What an error calls it."""
        return f"--labels {self.given}" if isinstance(self.given, Path) else "--labels"

    @property
    def said_by(self) -> str:
        """What says the labels: the path of a table, those of several by set, or "given" for a caller."""
        if isinstance(self.given, Path):
            return str(self.given)
        files = [f"{name}={each}" for name, each in self.given.items() if isinstance(each, Path)]
        return ",".join(files) if len(files) == len(self.given) else "given"


def labels_of(images: Mapping[str, Collection[str]], labelled: Labelled, say: Say = unsaid) -> dict[str, Known]:
    """By set the labels of its images, 1, 0 or NaN, in the order of their names; none of training images where none is
    said of any.

    `images` are the names of each set, paths below its folder; `say` is told of further rows of a table. Raises
    `UsageError`, also for sets of other labels and for a label that no image has; `DataError` for a table that cannot
    be read.
    """
    found = dict[str, Known]()
    for option, given, sets in _sources(images, labelled):
        if isinstance(given, Path):
            found |= _of_table(option, given, sets, labelled.names, say)
        else:
            found |= {name: _of_columns(option, given, of_set, name, labelled.names) for name, of_set in sets.items()}
    for name in images:
        if not found.get(name) and kind_of(name) != _TRAINING:
            raise UsageError(f"{labelled.option}: expected labels of the {name} images, got none; give theirs too")
    _check_same(labelled.option, {name: each for name, each in found.items() if each})
    first = list(found[next(iter(images))])
    _check_had(labelled.option, first, found.values())
    return {name: {label: found[name][label] for label in first} if found.get(name) else {} for name in images}


def label_counts(known: Known) -> dict[str, dict[str, int]]:
    """By label how many images have it, of how many it is known."""
    return {
        label: {"with": int((values_n == 1).sum()), "known": int(np.isfinite(values_n).sum())}
        for label, values_n in known.items()
    }


def check_pairs(real: tuple[Sequence[str], Known], generated: tuple[Sequence[str], Known]) -> None:
    """`UsageError` where an image and its true one, of the same name, have other labels. Each set is given by the names
    of its images and their labels."""
    (real_names, of_real), (names, of_generated) = real, generated
    places = {name: place for place, name in enumerate(real_names)}
    rows_n = [places[name] for name in names]
    for label, values_n in of_generated.items():
        unlike_n = ~((values_n == of_real[label][rows_n]) | np.isnan(values_n) & np.isnan(of_real[label][rows_n]))
        if unlike_n.any():
            raise UsageError(
                f"--paired: expected the true image of {names[int(unlike_n.argmax())]} to have its labels, got another "
                f"{label}; correct --labels, or drop --paired"
            )


def _sources(
    images: Mapping[str, Collection[str]], labelled: Labelled
) -> Iterable[tuple[str, Path | Columns, dict[str, Collection[str]]]]:
    """What says labels, each once, what an error calls it, and the sets that it says them of."""
    given = labelled.given
    if isinstance(given, Path):
        yield labelled.option, given, dict(images)
        return
    check_sets(given, _LABELS)
    for kind, each in given.items():
        if of_kind := {name: of_set for name, of_set in images.items() if kind_of(name) == kind}:
            yield f"--labels {kind}={each}" if isinstance(each, Path) else f"labels of {kind}", each, of_kind


def _of_table(
    option: str, path: Path, images: Mapping[str, Collection[str]], names: Sequence[str], say: Say
) -> dict[str, Known]:
    from ldbench.data.prepare.readers.csv_text import column_names

    if not path.is_file():
        raise UsageError(f"{option}: expected a CSV table, got no file of this name; correct it")
    columns = column_names(path)
    others = (column_of_images(columns), SET, *_OF_OTHERS, "")
    labels = list(dict.fromkeys(names or [name for name in columns if name not in others]))
    if not labels:
        raise UsageError(f"{option}: expected a column a label, got {', '.join(columns)} alone; add the labels")
    rows = read_rows(option, path, images, _LABELS, labels, say)
    values_nl = np.array([
        [_of_cell(option, label, cell, line) for cell, line in zip(rows.columns[label], rows.lines, strict=True)]
        for label in labels
    ]).T.reshape(-1, len(labels))
    row_of = dict[tuple[str, str], int]()
    for row, (image, of_row) in enumerate(zip(rows.images, rows.places, strict=True)):
        for place in of_row:
            earlier = row_of.setdefault(place, row)
            if not np.array_equal(values_nl[earlier], values_nl[row], equal_nan=True):
                raise UsageError(f"{option}: expected one row of {image}, got two that differ; drop one of them")
    return {
        name: _of_rows(option, labels, values_nl, [row_of.get((name, image)) for image in of_set], of_set, name)
        for name, of_set in images.items()
    }


def _of_rows(
    option: str, labels: Sequence[str], values_nl: npt.NDArray[np.float64], rows: Sequence[int | None],
    images: Collection[str], name: str,
) -> Known:
    """The labels of the images of a set, by the row of each; none where none has a row, of training images alone."""
    without = [image for image, row in zip(images, rows, strict=True) if row is None]
    if len(without) == len(rows) and kind_of(name) == _TRAINING:
        return {}
    if without:
        raise UsageError(
            f"{option}: expected a row for each of the {name} images, got none for {some_of(without)}; add theirs, "
            "with empty cells where nobody knows, or give a table of each set"
        )
    of_images = values_nl[[row for row in rows if row is not None]]
    return {label: of_images[:, place] for place, label in enumerate(labels)}


def _of_cell(option: str, label: str, cell: str, line: int) -> float:
    from ldbench.data.prepare.readers.csv_text import known

    text = known(cell)
    try:
        return _of_number(float(text)) if text else math.nan
    except ValueError:
        raise UsageError(
            f"{option}: expected {_VALUES} as {label}, got {cell!r:.40} in line {line}; correct it, or name the "
            "columns that are labels with --label"
        ) from None


def _of_number(number: float) -> float:
    """1, 0, or NaN for what nobody knows; `ValueError` for any other number."""
    if number in (0, 1):
        return number
    if number == -1 or math.isnan(number):
        return math.nan
    raise ValueError


def _of_columns(option: str, given: Columns, images: Collection[str], name: str, names: Sequence[str]) -> Known:
    """The labels of the images of a set in the order of their names."""
    found = dict[str, npt.NDArray[np.float64]]()
    for label in names or given:
        if label not in given:
            raise UsageError(f"{option}: expected the label {label!r}, got {', '.join(map(str, given))}; add it")
        values = list(given[label])
        if len(values) != len(images):
            raise UsageError(
                f"{option}: expected {label} of each of the {len(images)} {name} images, got {len(values)}; give them "
                "in the order of the images' names"
            )
        found[str(label)] = np.array([_of_value(option, label, value) for value in values], np.float64)
    return found


def _of_value(option: str, label: str, value: float | None) -> float:
    try:
        return math.nan if value is None else _of_number(float(value))
    except (TypeError, ValueError):
        raise UsageError(f"{option}: expected 1, 0, -1 or None as {label}, got {value!r:.40}; correct it") from None


def _check_same(option: str, found: Mapping[str, Known]) -> None:
    """`UsageError` for a set of other labels than the first one."""
    first, *others = found
    for name in others:
        for has, lacks in permutations((first, name)):
            if more := [label for label in found[has] if label not in found[lacks]]:
                raise UsageError(
                    f"{option}: expected the same labels of all sets, got {some_of(more)} of the {has} images and not "
                    f"of the {lacks} ones; spell each alike in both, or name those of both with --label"
                )


def _check_had(option: str, labels: Iterable[str], sets: Collection[Known]) -> None:
    """`UsageError` for a label that no image of any set has."""
    if lacking := [label for label in labels if not any((each[label] == 1).any() for each in sets if each)]:
        raise UsageError(
            f"{option}: expected images that have each label, got none with {some_of(lacking)}; correct the table, or "
            "name the other labels with --label"
        )
