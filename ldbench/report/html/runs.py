"""The runs of a leaderboard as a page shows them: a section a row, and in it a part a run.

The ranked runs of a task share every axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ldbench.board.leaderboard import Leaderboard
from ldbench.board.row_labels import labels
from ldbench.records.identity import Found, row_key
from ldbench.records.result import Result
from ldbench.records.search import Search
from ldbench.records.units import beside
from ldbench.report.html.axis import Axis
from ldbench.report.html.board import anchor
from ldbench.report.html.distribution import Greys, Histogram, Values, greys, histogram, shared_axes, values_by_case
from ldbench.report.html.gallery import PageRun, opened
from ldbench.report.html.gaps import GapView, SubgroupView, gap_views, subgroup_views
from ldbench.report.html.picture import grey_levels
from ldbench.report.html.pictures import GREY_CASES, Pictures
from ldbench.report.html.provenance import Fact, facts, parameters, stages
from ldbench.report.html.search_curve import CurveView, curves
from ldbench.score.metrics.copies import Copy, copies_of


@dataclass(frozen=True)
class RunView:
    """One run; `block` is the name of its pictures' block, empty without a gallery, of which `why` then says why."""

    title: str
    summary: str
    block: str
    why: str
    histograms: tuple[Histogram, ...]
    subgroups: tuple[SubgroupView, ...]
    copies: tuple[Copy, ...]
    gaps: tuple[GapView, ...]
    greys: Greys | None
    parameters: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    stages: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class RowView:
    """All runs of a row."""

    label: str
    anchor: str
    curves: tuple[CurveView, ...]
    runs: tuple[RunView, ...]


def runs_of(leaderboard: Leaderboard, found: Sequence[Found], count: int) -> dict[str, list[PageRun]]:
    """The complete measured runs of a leaderboard by row key, in its order, by seed; copies are taken once, and of rows
    with the same images those of the one that is there."""
    groups: dict[str, dict[int | None, PageRun]] = {row_key(row): {} for row in leaderboard.rows}
    for path, result in sorted(found, key=lambda item: (item[1].seed is None, item[1].seed or 0, item[0])):
        measured = (result.task.id, result.status, result.origin) == (leaderboard.task.id, "complete", "measured")
        if measured and row_key(result) in groups:
            groups[row_key(result)].setdefault(result.seed, opened(path, result, count > 0))
    return {key: list(runs.values()) for key, runs in groups.items()}


def sections(
    leaderboard: Leaderboard, by_row: Mapping[str, Sequence[PageRun]], pictures: Pictures, searches: Sequence[Search]
) -> tuple[RowView, ...]:
    """A section for each row that has runs."""
    values = {run.path: values_by_case(run.result, beside(run.path, run.result)) for run in pictures.runs}
    competing = [run for row in leaderboard.rows if row.competes for run in by_row[row_key(row)]]
    ranked = shared_axes([values[run.path] for run in competing])
    wide = shared_axes(list(values.values()))  # a reference may be so far off that the ranked would be one bar on it
    labelled = labels(leaderboard.rows)
    views = []
    for place, row in enumerate(leaderboard.rows):
        runs = by_row[row_key(row)]
        axes = ranked if row.competes else wide
        shown = tuple(_run_view(run, pictures, values[run.path], axes) for run in runs)
        drawn = tuple(curves(searches, leaderboard, row))
        if shown:
            views.append(RowView(labelled.of(row), anchor(place), drawn, shown))
    return tuple(views)


def _run_view(run: PageRun, pictures: Pictures, values: Mapping[str, Values], axes: Mapping[str, Axis]) -> RunView:
    result, block = run.result, pictures.block_of(run)
    seed = "seed unknown" if result.seed is None else f"seed {result.seed}"
    summary = ", ".join(f"{score.metric} {score.value:.4g}" for score in result.scores[:4])
    why = "" if block or not run.asked else "No gallery: no images lie beside this result."
    drawn = tuple(histogram(name, each, axes[name]) for name, each in values.items() if name in axes)
    return RunView(
        seed, summary, block, why, drawn, subgroup_views(run.path, result), _copies(result),
        gap_views(run.path, result), _greys(run, pictures),
        tuple(parameters(result)), tuple(facts(result)), tuple(stages(result)),
    )


def _copies(result: Result) -> tuple[Copy, ...]:
    """The images that are copies of training images, also where there are so few that the row keeps its rank."""
    return tuple(copy for score in result.scores for copy in copies_of(score))


def _greys(run: PageRun, pictures: Pictures) -> Greys | None:
    levels = [
        each for png in run.pictures(pictures.ids[:GREY_CASES])
        if png is not None and (each := grey_levels(png)) is not None
    ]
    known = pictures.originals
    return greys(np.sum(levels, axis=0), len(levels), known.levels, known.levels_of) if levels else None
