"""Measured folders as CSV, Markdown and LaTeX: what `ldbench measure` prints for other programs and for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ldbench.api import Score
from ldbench.board.folder_differences import FolderDifference, FolderDifferences, folder_of
from ldbench.plugins.kinds import unranking
from ldbench.records.identity import real_images
from ldbench.report.measured_folders import (
    COPIES,
    MEAN,
    difference_table,
    how_measured,
    kind_of_parts,
    labels,
    meaning,
    parts_of,
    said_of,
    value_table,
    without_difference,
    without_part,
)
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.metric_notes import VIEWING, setting_words
from ldbench.report.tables.plain_formats import to_text
from ldbench.report.tables.text_table import TextTable
from ldbench.score.folders.lines import lines_on_values
from ldbench.score.folders.scores import FolderScores

_OF_SCORE = ("metric", "direction", "value", "ci_low", "ci_high", "n", "extractor")
_OF_IMAGES = ("n_real", "n_training")
_OF_PARAMETERS = ("weights_sha256", *VIEWING, "interval")
_OF_OPTIONS = ("side", "fit", "channels", "slices", "window")
_OF_DIFFERENCE = ("compared_with", "difference", "difference_low", "difference_high", "p", "p_adjusted", "verdict")
CLASS = "class"
COLUMNS = ("folder", CLASS, *_OF_SCORE, *_OF_IMAGES, *_OF_PARAMETERS, "settings", *_OF_OPTIONS, *_OF_DIFFERENCE)


def as_csv(folders: Sequence[FolderScores], found: FolderDifferences | None) -> str:
    """A line a folder and metric, and one a class of it, with every number in full under `COLUMNS`; of labels the
    column of the class has another name. Of volumes there is a column `plane` after it, and of several planes a line
    each beside that of their mean.

    What a further folder differs by from the first stands in its line; cells are empty where there is nothing.
    """
    kind, of_volumes = kind_of_parts(folders[0]), folders[0].of_volumes
    named = {CLASS: [kind, "plane"] if of_volumes else [kind]}
    columns = [each for name in COLUMNS for each in named.get(name, [name])]
    return csv_text(columns, _lines(folders, found, of_volumes))


def _lines(
    folders: Sequence[FolderScores], found: FolderDifferences | None, of_volumes: bool
) -> Iterator[list[object]]:
    compared = {(each.folder, each.metric): each for each in (found.found if found else ())}
    for folder in folders:
        name = folder_of(folder)
        plane = [MEAN if folder.by_plane else folder.options["volumes"]] if of_volumes else []
        for label, scores in {"": folder.scores, **folder.by_class, **folder.by_label}.items():
            for score in scores:
                difference = None if label else compared.get((name, score.metric))
                yield [name, label, *plane, *_of_score(score, folder), *_of_difference(difference)]
        for one, scores in folder.by_plane.items():
            yield from ([name, "", one, *_of_score(score, folder), *_of_difference(None)] for score in scores)


def _of_score(score: Score, folder: FolderScores) -> list[object]:
    parameters = score.parameters
    return [
        *(getattr(score, each) for each in _OF_SCORE), real_images(parameters), parameters.get("n_training"),
        *(parameters.get(each) for each in _OF_PARAMETERS), setting_words(folder.settings.get(score.metric, {})),
        *(folder.options.get(each) for each in _OF_OPTIONS),
    ]


def _of_difference(found: FolderDifference | None) -> list[object]:
    if found is None:
        return [""] * len(_OF_DIFFERENCE)
    interval = [found.difference, found.ci_low, found.ci_high]
    return [found.first, *interval, found.p, found.p_adjusted, found.verdict]


def as_plain(folders: Sequence[FolderScores], found: FolderDifferences | None, format: str) -> str:
    """The tables of the terminal in a format of `ldbench.report.tables.plain_formats.PLAIN`, and what they mean."""
    names = labels(folders)
    real = str(folders[0].images["real"]["folder"])
    columns = dict(zip(names, (each.scores for each in folders), strict=True))
    beside = f"beside {real}"  # so that labels of several calls differ
    what = f"Generated {folders[0].files}{', mean over planes,' if folders[0].by_plane else ''}"
    tables = [_values(columns, f"{what} {beside}", f"{' '.join(names)} {beside}")]
    tables += [
        _values(each.by_plane, f"{name}, by plane", f"{name} by plane {beside}")
        for name, each in zip(names, folders, strict=True)
    ]
    tables += [
        _values(parts_of(each), f"{name}, by {kind_of_parts(each)}", f"{name} by {kind_of_parts(each)} {beside}")
        for name, each in zip(names, folders, strict=True)
    ]
    notes = said_of(folders, lambda each: [COPIES] if unranking(each.scores) else [])
    notes += said_of(folders, without_part)
    notes += how_measured(folders) + said_of(folders, lambda each: [*each.notes, *lines_on_values(each)])
    first, *others = names
    for name, folder in zip(others, folders[1:], strict=True):
        assert found is not None
        of_folder = folder_of(folder)
        compared = difference_table(found, of_folder, first, name)
        tables.append(replace(compared, label=f"{name} less {first} {beside}"))
        notes += [f"{name}: {line}" for line in without_difference(found, of_folder)]
    notes += meaning(len(found.found)) if found and found.found else []
    return to_text([([table for table in tables if table.rows], notes)], format)


def _values(columns: Mapping[str, Sequence[Score]], title: str, label: str) -> TextTable:
    table = value_table(columns, title)
    return replace(table, headings=("metric", *table.headings[1:]), label=label)
