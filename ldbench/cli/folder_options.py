"""Options of the commands that take folders of images without a task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from ldbench.errors import UsageError
from ldbench.plugins.parameters import key_values

Metric = Annotated[
    list[str] | None,
    typer.Option(help="Metrics (`ldbench list metrics`), by commas or repeated.", show_default="all that these allow"),
]
Network = Annotated[
    str | None,
    typer.Option(help="The feature network (`ldbench list networks`).", show_default="efficientnet-lite0"),
]
Side = Annotated[int | None, typer.Option(help="Bring square images to this side.", show_default="all of one size")]
Fit = Annotated[
    Literal["pad", "crop", "stretch"] | None,
    typer.Option(
        help="With --side, what to do with images that are not square: add black, keep the middle, or resize.",
        show_default="refuse them",
    ),
]
Channels = Annotated[
    Literal["rgb", "grey-as-rgb"] | None,
    typer.Option(help="Whether colour counts, or images are averaged over channels.", show_default="rgb"),
]
Blur = Annotated[float, typer.Option(help="Viewing conditions: point spread, a standard deviation in pixels.")]
Noise = Annotated[
    float, typer.Option(help="Viewing conditions: noise, a standard deviation in grey levels from 0 to 1.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="A metric's setting, METRIC:key=value; may be repeated.")]
Subjects = Annotated[Path | None, typer.Option(help="Whose images are: a CSV table with columns image and subject.")]
SubjectPattern = Annotated[
    str | None, typer.Option(help="Whose images are: a regular expression on their names, 'sub-[0-9]+' say.")
]

Classes = Annotated[
    str | None,
    typer.Option(
        help="Which class each image is to show: `folders` (the first subfolder on its path), or a CSV table with "
        "columns image and class.",
        metavar="folders|TABLE",
    ),
]
Volumes = Annotated[
    list[str] | None,
    typer.Option(
        help="The folders hold NIfTI volumes: cut them along these planes, by commas or repeated.",
        metavar="axial|coronal|sagittal", show_default="folders of images",
    ),
]
Slices = Annotated[
    str | None,
    typer.Option(
        help="With --volumes, how many slices of a plane, and between which % of the extent.", metavar="COUNT:LOW-HIGH",
        show_default="16:20-80",
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        help="With --volumes, the values that become black and white.", metavar="LOW,HIGH",
        show_default="percentiles 0.5 and 99.5 of each volume",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="Which of several labels images have or are to show: a CSV table with a column image and one a label (1, "
        "0, -1 or empty), or one a set, as real=TABLE and generated=TABLE.",
        metavar="TABLE|SET=TABLE",
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option(help="With --labels, the labels to take, by commas or repeated.", show_default="all of the table"),
]


def tables_of_labels(given: Sequence[str]) -> Path | dict[str, Path]:
    """A table, or tables by set, of `TABLE` or `SET=TABLE` texts. Raises `UsageError`."""
    from ldbench.score.folders.labels import LABELLED

    found = dict[str, Path]()
    for text in given:
        name, _, table = text.partition("=")
        name, table = (name, table) if name in LABELLED and table else ("", text)
        if name in found or "" in found or (found and not name):
            raise UsageError(
                f"--labels: expected one table, or one a set, as real=TABLE and generated=TABLE, got "
                f"{', '.join(given)}; name the set of each"
            )
        found[name] = Path(table)
    return found.get("", found)


def by_metric(settings: Sequence[str]) -> dict[str, dict[str, str]]:
    """`METRIC:key=value` texts by metric and key; METRIC may be `path/to/file.py:NAME`."""
    found: dict[str, dict[str, str]] = {}
    for place, value in key_values(settings).items():
        metric, colon, key = place.rpartition(":")
        if not colon or not metric or not key:
            raise UsageError(f"--set: expected METRIC:key=value, got {place}={value}")
        found.setdefault(metric, {})[key] = value
    return found
