"""Distributions as outlines: one value a case of each metric, and the grey levels of images.

Values by case are recovered from what each case adds to a mean (`ldbench.records.units`). Other metrics have none: what
one group of images adds to FID is no value of a case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import Score
from ldbench.records.result import Result
from ldbench.records.units import Units, is_mean_over_cases, values_of_cases
from ldbench.report.html.axis import Axis, short, spanning

WIDTH, HEIGHT = 220.0, 54.0
_BINS, _GREY_BINS = 24, 32

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """One metric's values: the outline's path, the mean's place, and what is said of it in words."""

    metric: str
    path: str
    mean: float
    ends: tuple[str, str]
    summary: str


@dataclass(frozen=True)
class Greys:
    """Outlines of the results' grey levels and of those they are held against (path and name empty if unknown)."""

    path: str
    of_what: str
    beside_path: str
    beside: str
    summary: str


def values_by_case(result: Result, units: Units | None) -> dict[str, Values]:
    """By metric the values whose mean it is, `(n,)`."""
    if units is None:
        return {}
    found = {score.metric: _values(score, units) for score in result.scores}
    return {metric: values for metric, values in found.items() if values is not None}


def shared_axes(every: Sequence[Mapping[str, Values]]) -> dict[str, Axis]:
    """By metric one axis for all runs, so that they can be held against each other."""
    axes: dict[str, Axis] = {}
    for metric in dict.fromkeys(metric for values in every for metric in values):
        ends = [end for values in every if metric in values for end in (values[metric].min(), values[metric].max())]
        axis = spanning(map(float, ends), WIDTH)
        if axis is not None:
            axes[metric] = axis
    return axes


def histogram(metric: str, values: Values, axis: Axis) -> Histogram:
    """The values' histogram on the axis."""
    counts, _ = np.histogram(values, bins=_BINS, range=(axis.low, axis.high))
    low, middle, high = np.percentile(values, [5, 50, 95])
    summary = f"median {short(middle)}, 90 % of {len(values)} cases from {short(low)} to {short(high)}"
    return Histogram(metric, _steps(counts, axis), axis.at(float(values.mean())), axis.ends, summary)


def greys(levels: npt.NDArray[np.int64], count: int, beside: npt.NDArray[np.int64] | None, name: str) -> Greys:
    """The grey levels `(256,)` of `count` results, and of what they are held against, on one square-root scale."""
    axis, own = Axis(0, 255, WIDTH), _shares(levels)
    other = None if beside is None else _shares(beside)
    top = max(own.max(), 0.0 if other is None else other.max())
    summary = f"mean grey level {_mean(levels):.1f}"
    if beside is not None:
        summary += f" against {_mean(beside):.1f}"
    path = _steps(own, axis, top)
    return Greys(path, f"{count} results", "" if other is None else _steps(other, axis, top), name, summary)


def _values(score: Score, units: Units) -> Values | None:
    found = values_of_cases(score, units) if is_mean_over_cases(score) else {}
    return np.array([*found.values()], dtype=np.float64) if len(found) == score.n > 1 else None


def _shares(levels: npt.NDArray[np.int64]) -> Values:
    """The square roots of the shares of pixels in bins of grey levels: the background would hide all else."""
    binned = levels.reshape(_GREY_BINS, -1).sum(axis=1)
    return np.asarray(np.sqrt(binned / max(binned.sum(), 1)), dtype=np.float64)


def _mean(levels: npt.NDArray[np.int64]) -> float:
    return float((levels * np.arange(len(levels))).sum() / max(levels.sum(), 1))


def _steps(heights: npt.NDArray[np.number], axis: Axis, top: float | None = None) -> str:
    """An SVG path along the tops of bars that fill the axis, from its foot to its foot."""
    highest = float(heights.max()) if top is None else top
    edges = [axis.at(edge) for edge in np.linspace(axis.low, axis.high, len(heights) + 1)]
    parts = [f"M{edges[0]:g} {HEIGHT:g}"]
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        up = HEIGHT - 2 - (HEIGHT - 4) * float(height) / (highest or 1) if height else HEIGHT
        parts.append(f"L{left:g} {up:.1f}H{right:g}")
    return "".join([*parts, f"V{HEIGHT:g}"])
