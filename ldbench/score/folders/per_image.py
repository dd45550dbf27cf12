"""A table of single generated images: what each has in metrics that are means over images, and what is nearest to it.

It is for looking: which images make a value bad, and which real ones they resemble.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ldbench.api import Measured, Metric
from ldbench.data.decoding import one_line
from ldbench.errors import UsageError
from ldbench.records.files import whole_file
from ldbench.records.own_files import check_own
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.sets import FolderSet, MeasuredSet
from ldbench.score.folders.tables import GENERATED
from ldbench.score.metrics.neighbours import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ldbench.score.folders.inputs import FolderInputs

_DIGITS = 12  # of what contributions give back
_LAST = ("nearest_real", "distance_to_real", "nearest_training", "distance_to_training")  # columns of every table
_LONGEST_HEADER = 1 << 16


def check_file(path: Path | None, *said_by: object) -> None:
    """UsageError where no table can be written to this path, ResultError where a file is there that is no table of
    images, or that is among `said_by`, what says whose the images are and what they show; before anything is measured.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"--per-image {path}: expected the path of a file, got a folder; add a name")
    check_own([path], _is_of_images, "ldbench measure", "--per-image", list(_tables(said_by)))


def _tables(said_by: Iterable[object]) -> Iterator[Path]:
    for each in said_by:
        given = each.given if isinstance(each, Labelled) else each
        yield from (one for one in (given.values() if isinstance(given, Mapping) else [given]) if isinstance(one, Path))


def _is_of_images(path: Path) -> bool:
    """Whether a file has the header of such a table: tables of users begin with the image, too."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        try:
            header = next(csv.reader([file.readline(_LONGEST_HEADER)]), [])
        except csv.Error:
            return False
    return header[:1] in (["image"], ["folder"]) and "image" in header[:2] and header[-1] in _LAST[1::2]


def values_of_images(metric: Metric, score: Measured) -> NDArray[np.float64] | None:
    """The value of each image `(n,)` of a metric that is their mean; None for any other metric.

    A contribution is (x - mean) / sqrt(n (n - 1)).
    """
    contributions = score.contributions.get("cases")
    if metric.groups is not None or contributions is None or len(score.contributions) > 1 or len(contributions) < 2:
        return None
    count = len(contributions)
    values_n = np.asarray(score.value + contributions * math.sqrt(count * (count - 1)))
    largest = float(np.abs(values_n).max())
    return values_n if largest == 0 else np.round(values_n, _DIGITS - math.ceil(math.log10(largest))) + 0.0


@dataclass(frozen=True)
class PerImage:
    """The columns of the images of one generated folder."""

    folder: str
    columns: Mapping[str, Sequence[Any]]


def rows_of_images(
    of: MeasuredSet, inputs: FolderInputs, scores: Mapping[str, tuple[Metric, Measured]], network: str, resize: int
) -> PerImage:
    """The table of one folder, the images `of` it. Distances are those of features by `network`, which sees images of
    `resize` pixels, under the viewing conditions if there are any. Raises what extracting features raises."""
    columns: dict[str, Sequence[Any]] = {"image": list(inputs.case_ids)}
    if isinstance(of, FolderSet) and of.volumes is not None:
        columns |= of.volumes.columns
    if inputs.classed:
        columns["class"] = inputs.labels
    for label, known_n in inputs.labelled.get(GENERATED, {}).items():
        columns[label] = ["" if math.isnan(one) else int(one) for one in known_n]
    for name, (metric, score) in scores.items():
        values_n = values_of_images(metric, score)
        if values_n is not None:
            columns[name] = values_n.tolist()
    for column, values in _nearest(inputs, network, resize):
        columns[column] = values
    return PerImage(of.where, columns)


def write_per_image(path: Path, tables: Sequence[PerImage]) -> None:
    """Write the tables as one CSV table with a line an image, which of several folders has a column `folder` first.

    A metric that not all folders have leaves cells empty. Raises `UsageError` for a path that it cannot write to.
    """
    names = sorted(dict.fromkeys(name for each in tables for name in each.columns), key=_LAST.__contains__)
    try:
        with whole_file(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            several = len({each.folder for each in tables}) > 1
            table.writerow(["folder", *names] if several else names)
            for each in tables:
                count = len(each.columns["image"])
                columns = [each.columns.get(name, [""] * count) for name in names]
                table.writerows(zip(*([[each.folder] * count] if several else []), *columns, strict=True))
    except OSError as error:
        raise UsageError(f"--per-image {path}: can't write it: {one_line(error)}; name another file") from error


def _nearest(inputs: FolderInputs, network: str, resize: int) -> Iterator[tuple[str, list[Any]]]:
    viewed = inputs.viewed
    others: dict[str, NDArray[np.float32]] = {}
    if "real" in inputs.images:
        others["real"] = viewed.features(network, resize)[0]
    if "training" in inputs.images:
        others["training"] = viewed.seen_features(network, resize)
    if not others:  # beside statistics: a table is known by these columns
        yield from ((column, [""] * len(inputs.case_ids)) for column in _LAST[:2])
    for name, features_nd in others.items():
        distances_m1, places_m1 = nearest(viewed.features(network, resize)[1], features_nd, 1)
        names = list(inputs.images[name])
        yield f"nearest_{name}", [names[place] for place in places_m1[:, 0]]
        yield f"distance_to_{name}", distances_m1[:, 0].tolist()
