"""Folders of generated images that were measured beside the same real ones: their values side by side, and what tells
the further ones apart from the first."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from ldbench import __version__
from ldbench.api import Score
from ldbench.board.folder_differences import FolderDifferences
from ldbench.board.folder_seeds import MethodScores
from ldbench.plugins.kinds import unranking
from ldbench.report.comparisons import p_text
from ldbench.report.digits import with_interval
from ldbench.report.measured_methods import (
    MEANING_OF_DIFFERENCES,
    OVER_SEEDS,
    by_seed,
    compared_seeds,
    meaning_of_means,
    means,
    method_names,
    names_apart,
    without_mean,
)
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.metric_notes import metric_notes
from ldbench.report.tables.scores import score_table, value_cells
from ldbench.report.tables.text_table import TextTable, to_terminal
from ldbench.score.folders.lines import form_line
from ldbench.score.folders.scores import FolderScores

COPIES = "Some generated images are copies of training images: no other value says how good the others are."
MEAN = "mean"  # the column, and the lines of a CSV table, of a mean over planes
_WIDEST = 100  # of sentences


def as_json(
    folders: Sequence[FolderScores], found: FolderDifferences | None, methods: Sequence[MethodScores] = ()
) -> str:
    """One folder as it is; several in a list, beside their differences or those of their methods."""
    if found is None:
        [alone] = folders
        record = alone.record
    else:
        record = {
            "folders": [each.record for each in folders], "differences": [asdict(each) for each in found.found],
            "without_difference": [asdict(each) for each in found.left_out], "pairs": found.pairs,
        }
    if methods:
        record["methods"] = list(map(asdict, methods))
    return json.dumps({"ldbench": __version__, **record}, indent=1, allow_nan=False) + "\n"


def as_text(
    folders: Sequence[FolderScores], found: FolderDifferences | None, width: int, methods: Sequence[MethodScores] = ()
) -> str:
    """The values and, of several folders or of methods, their differences from the first, for a terminal of so many
    columns."""
    if found is None:
        [alone] = folders
        copies = f"{COPIES}\n" if unranking(alone.scores) else ""
        planes = {MEAN: alone.scores, **alone.by_plane} if alone.by_plane else {}
        values = _values(planes, width) or score_table(alone.scores)
        parts = [values + copies, _within(alone, width, ""), _wrapped(how_measured(folders), width)]
        return "\n".join(filter(None, parts))
    names = dict(zip((each.folder for each in folders), labels(folders), strict=True))
    over_planes = "mean over planes" if folders[0].by_plane else ""
    if methods:
        parts = [_values(means(methods), width, ", ".join(filter(None, (OVER_SEEDS, over_planes))))]
        parts += [_wrapped(without_mean(methods), width)]
        parts += [_values(each, width, f"{name}, by seed") for name, each in by_seed(folders, methods).items()]
    else:
        parts = [_values(dict(zip(names.values(), (each.scores for each in folders), strict=True)), width, over_planes)]
    parts += [_values(each.by_plane, width, f"{names[each.folder]}, by plane") for each in folders]
    parts += [_within(each, width, f"{names[each.folder]}, ") for each in folders]
    parts += [_wrapped(said_of(folders, lambda each: [COPIES] if unranking(each.scores) else []), width)]
    for other, table in difference_tables(folders, found, methods).items():
        said = to_terminal(table) if table.rows else f"{table.title}: none\n"
        parts += [said + _wrapped(without_difference(found, other), width)]
    parts += [_wrapped([*how_measured(folders), *meaning(found, methods)], width)]
    return "\n".join(filter(None, parts))


def how_measured(folders: Sequence[FolderScores]) -> list[str]:
    """What the values' brackets are and how each metric was measured, a line for all that were measured alike."""
    if not any(each.scores for each in folders):
        return []
    said = said_of(folders, lambda each: [form_line(each), *metric_notes(each.scores, each.settings)])
    return ["In brackets: 95 % intervals.", *said]


def said_of(folders: Sequence[FolderScores], lines: Callable[[FolderScores], Iterable[str]]) -> list[str]:
    """What is said of folders, each line once and no empty one: of some of them with their names before it."""
    whose = dict[str, list[str]]()
    for name, folder in zip(labels(folders), folders, strict=True):
        for line in filter(None, lines(folder)):
            whose.setdefault(line, []).append(name)
    return [line if len(names) == len(folders) else f"{', '.join(names)}: {line}" for line, names in whose.items()]


def labels(folders: Sequence[FolderScores]) -> list[str]:
    """The folders' names, without the folders above that all are in."""
    return names_apart([each.folder for each in folders])


def _within(found: FolderScores, width: int, name: str) -> str:
    """The values within each class or label, and the metrics that none has."""
    return _values(parts_of(found), width, f"{name}by {kind_of_parts(found)}") + _wrapped(without_part(found), width)


def kind_of_parts(found: FolderScores) -> str:
    """What values within parts of the folders are of: "class" or "label"."""
    return "label" if found.by_label else "class"


def parts_of(found: FolderScores) -> dict[str, tuple[Score, ...]]:
    """The scores within each class or label by its name, that of a label with its numbers of images or volumes."""
    return {**found.by_class} | {
        f"{label} ({_with(found, 'real', label)}, {_with(found, 'generated', label)})": scores
        for label, scores in found.by_label.items()
    }


def _with(found: FolderScores, name: str, label: str) -> str:
    """How many images or volumes of a set have a label."""
    return f"{found.in_files(name, found.labels[name][label]['with'])} {name}"


def without_part(found: FolderScores) -> list[str]:
    """A line that names the metrics that no class or label has, where values within these were asked for."""
    parts, kind = found.by_class or found.by_label, kind_of_parts(found)
    there = {score.metric for scores in parts.values() for score in scores}
    lacking = [score.metric for score in found.scores if score.metric not in there] if parts else []
    needed = "several or more images" if kind == "class" else "more images"
    return [f"No values of one {kind}, which need {needed}: {', '.join(lacking)}."] if lacking else []


def _values(columns: Mapping[str, Sequence[Score]], width: int, title: str = "") -> str:
    """A row a metric and a column a folder, or a class; where that is too wide, one table each."""
    beside = value_table(columns, title)
    if not beside.rows:
        return ""
    table = to_terminal(beside)
    if max(map(len, table.splitlines())) <= width:
        return table
    parts = [f"{name}\n{score_table(each)}" for name, each in columns.items()]
    return "\n".join([f"{title}\n", *parts] if title else parts)


def value_table(columns: Mapping[str, Sequence[Score]], title: str) -> TextTable:
    """A row a metric and a column a folder, or a class."""
    metrics = dict.fromkeys(score.metric for each in columns.values() for score in each)
    by_name = [{score.metric: score for score in each} for each in columns.values()]
    rows = []
    for metric in metrics:
        scores = [each.get(metric) for each in by_name]
        arrow = next(ARROWS[score.direction] for score in scores if score is not None)
        cells = ["-" if score is None else " ".join(value_cells(score)) for score in scores]
        rows.append((f"{metric} {arrow}", *cells))
    return TextTable(("", *columns), rows, "l" * (1 + len(columns)), title)


def difference_tables(
    folders: Sequence[FolderScores], found: FolderDifferences, methods: Sequence[MethodScores]
) -> dict[str, TextTable]:
    """The differences of each further folder, or method, from the first one."""
    names = method_names(methods) or dict(zip((each.folder for each in folders), labels(folders), strict=True))
    first, *others = names
    seeds = {other: compared_seeds(methods, other) if methods else "" for other in others}
    return {other: _difference_table(found, other, names[first], names[other], seeds[other]) for other in others}


def _difference_table(found: FolderDifferences, folder: str, first: str, name: str, seeds: str) -> TextTable:
    compared, pairs = [each for each in found.found if each.folder == folder], found.pairs[folder]
    title = f"{name} less {first}, {seeds}{pairs or 'no'} pair{'' if pairs == 1 else 's'}"
    rows = [
        (
            f"{each.metric} {ARROWS[each.direction]}", *with_interval(each.difference, each.ci_low, each.ci_high),
            p_text(each.p_adjusted), each.verdict,
        )
        for each in compared
    ]
    headings = ("", "difference", "95 % interval", "adjusted p", f"{name} is")
    return TextTable(headings, rows, "lrlll", title)


def without_difference(found: FolderDifferences, folder: str) -> list[str]:
    """The metrics without a difference, by their reason."""
    by_reason = dict[str, list[str]]()
    for each in found.left_out:
        if each.folder == folder:
            by_reason.setdefault(each.reason, []).append(each.metric)
    return [f"no difference in {', '.join(metrics)}: {reason}." for reason, metrics in by_reason.items()]


def meaning(found: FolderDifferences, methods: Sequence[MethodScores] = ()) -> list[str]:
    """What the words and the intervals say, and what they do not."""
    said, count = meaning_of_means(methods) if methods else [], len(found.found)
    if not count:
        return said
    return [
        *said,
        f"Better and worse: a test says so at 5 %, corrected for {count} difference{'' if count == 1 else 's'} (Holm). "
        "Tied: no test says which is better, which does not mean equal. Each word is of its metric alone, each "
        "interval of its difference.",
        MEANING_OF_DIFFERENCES if methods else
        "The interval of a difference counts what the interval of its metric counts, as said above, and nothing that "
        "is held fixed there. The real images are the same in all values and cancel; generated ones of the same name "
        "or subject count as pairs (in FID, frd and vendi where all names are equal). Another training of a generator "
        "is not counted: that is what seeds are for, with --by-method or on a task (docs/comparing.md).",
    ]


def _wrapped(lines: Iterable[str], width: int) -> str:
    return "".join(f"{textwrap.fill(line, min(width, _WIDEST))}\n" for line in lines)
