"""Measured folders as CSV, Markdown and LaTeX: what `ldbench measure` prints for other programs and for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ldbench.api import ParameterValue, Score
from ldbench.board.folder_differences import FolderDifference, FolderDifferences
from ldbench.board.folder_seeds import MethodScores
from ldbench.plugins.kinds import unranking
from ldbench.records.identity import real_images
from ldbench.report.measured_folders import (
    COPIES,
    MEAN,
    difference_tables,
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
from ldbench.report.measured_methods import OVER_SEEDS, by_seed, means, method_names, without_mean
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.metric_notes import VIEWING, setting_words
from ldbench.report.tables.plain_formats import to_text
from ldbench.report.tables.text_table import TextTable
from ldbench.score.folders.lines import lines_on_values
from ldbench.score.folders.scores import FolderScores

_OF_SCORE = ("metric", "direction", "value", "ci_low", "ci_high", "n", "extractor")
_OVER_SEEDS = {"ci_high": ["ci_high", "spread", "seeds"]}  # where the columns of a mean over seeds stand
_OF_IMAGES = ("n_real", "n_training")
_OF_PARAMETERS = ("weights_sha256", *VIEWING, "interval")
_OF_OPTIONS = ("side", "fit", "channels", "slices", "window")
_OF_DIFFERENCE = ("compared_with", "difference", "difference_low", "difference_high", "p", "p_adjusted", "verdict")
CLASS = "class"
COLUMNS = ("folder", CLASS, *_OF_SCORE, *_OF_IMAGES, *_OF_PARAMETERS, "settings", *_OF_OPTIONS, *_OF_DIFFERENCE)


def as_csv(
    folders: Sequence[FolderScores], found: FolderDifferences | None, methods: Sequence[MethodScores] = ()
) -> str:
    """A line a folder and metric, and one a class of it, with every number in full under `COLUMNS`; of labels the
    column of the class has another name. Of volumes there is a column `plane` after it, and of several planes a line
    each beside that of their mean.

    What a further folder differs by from the first stands in its line; cells are empty where there is nothing. Of
    methods there are lines first, of their means, with columns `spread` and `seeds`, and the differences are theirs.
    """
    kind, of_volumes = kind_of_parts(folders[0]), folders[0].of_volumes
    named = {CLASS: [kind, "plane"] if of_volumes else [kind]} | (_OVER_SEEDS if methods else {})
    columns = [each for name in COLUMNS for each in named.get(name, [name])]
    return csv_text(columns, _lines(folders, found, methods))


def _lines(
    folders: Sequence[FolderScores], found: FolderDifferences | None, methods: Sequence[MethodScores]
) -> Iterator[list[object]]:
    compared = {(each.folder, each.metric): each for each in (found.found if found else ())}
    by_name = {each.folder: each for each in folders}
    of_score = [each for name in _OF_SCORE for each in (_OVER_SEEDS if methods else {}).get(name, [name])]

    def line(name: str, label: str, plane: list[ParameterValue], score: Score, folder: FolderScores) -> list[object]:
        difference = None if label or plane != _plane(folder) else compared.get((name, score.metric))
        return [name, label, *plane, *_of_score(score, folder, of_score), *_of_difference(difference)]

    for method in methods:
        first = by_name[method.seeds[0]]
        yield from (line(method.method, "", _plane(first), score, first) for score in method.scores)
    for name, folder in by_name.items():
        for label, scores in {"": folder.scores, **folder.by_class, **folder.by_label}.items():
            yield from (line(name, label, _plane(folder), score, folder) for score in scores)
        for plane, scores in folder.by_plane.items():
            yield from (line(name, "", [plane], score, folder) for score in scores)


def _plane(folder: FolderScores) -> list[ParameterValue]:
    """What the column of planes says of a folder's own values; nothing of images."""
    return [MEAN if folder.by_plane else folder.options["volumes"]] if folder.of_volumes else []


def _of_score(score: Score, folder: FolderScores, of_score: Sequence[str]) -> list[object]:
    parameters = score.parameters
    return [
        *(getattr(score, each, None) for each in of_score), real_images(parameters), parameters.get("n_training"),
        *(parameters.get(each) for each in _OF_PARAMETERS), setting_words(folder.settings.get(score.metric, {})),
        *(folder.options.get(each) for each in _OF_OPTIONS),
    ]


def _of_difference(found: FolderDifference | None) -> list[object]:
    if found is None:
        return [""] * len(_OF_DIFFERENCE)
    interval = [found.difference, found.ci_low, found.ci_high]
    return [found.first, *interval, found.p, found.p_adjusted, found.verdict]


def as_plain(
    folders: Sequence[FolderScores], found: FolderDifferences | None, format: str,
    methods: Sequence[MethodScores] = (),
) -> str:
    """The tables of the terminal in a format of `ldbench.report.tables.plain_formats.PLAIN`, and what they mean."""
    names = labels(folders)
    beside = f"beside {folders[0].images['real']['folder']}"  # so that labels of several calls differ
    tables = _value_tables(folders, methods, beside)
    tables += [
        _values(each.by_plane, f"{name}, by plane", f"{name} by plane {beside}")
        for name, each in zip(names, folders, strict=True)
    ]
    tables += [
        _values(parts_of(each), f"{name}, by {kind_of_parts(each)}", f"{name} by {kind_of_parts(each)} {beside}")
        for name, each in zip(names, folders, strict=True)
    ]
    notes = said_of(folders, lambda each: [COPIES] if unranking(each.scores) else [])
    notes += [*said_of(folders, without_part), *without_mean(methods)]
    notes += how_measured(folders) + said_of(folders, lambda each: [*each.notes, *lines_on_values(each)])
    if found is not None:
        called = method_names(methods) or dict(zip((each.folder for each in folders), names, strict=True))
        first = next(iter(called.values()))
        for other, table in difference_tables(folders, found, methods).items():
            tables.append(replace(table, label=f"{called[other]} less {first} {beside}"))
            notes += [f"{called[other]}: {line}" for line in without_difference(found, other)]
        notes += meaning(found, methods)
    return to_text([([table for table in tables if table.rows], notes)], format)


def _value_tables(
    folders: Sequence[FolderScores], methods: Sequence[MethodScores], beside: str
) -> list[TextTable]:
    """The values side by side: of all folders, or of all methods and then of the seeds of each."""
    names = labels(folders)
    what = ", ".join([
        f"Generated {folders[0].files}", *([OVER_SEEDS] if methods else []),
        *(["mean over planes"] if folders[0].by_plane else []),
    ])
    title = f"{what}{',' if ',' in what else ''} {beside}"
    if not methods:
        columns = dict(zip(names, (each.scores for each in folders), strict=True))
        return [_values(columns, title, f"{' '.join(names)} {beside}")]
    of_all = f"{' '.join(method_names(methods).values())} over seeds {beside}"
    return [_values(means(methods), title, of_all)] + [
        _values(each, f"{name}, by seed", f"{name} by seed {beside}")
        for name, each in by_seed(folders, methods).items()
    ]


def _values(columns: Mapping[str, Sequence[Score]], title: str, label: str) -> TextTable:
    table = value_table(columns, title)
    return replace(table, headings=("metric", *table.headings[1:]), label=label)
