"""How the rows of one task stand to each other: every pair of those that compete, metric by metric, and their places.

A pure function of results and of what lies beside them. Refuses to place what does not compete: reference rows, rows
that saw the truth, and rows reported elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ldbench.comparison import Comparison, Run, Seed, compare
from ldbench.ranking import Place, places
from ldbench.records.contributions import Units
from ldbench.records.identity import Found, row_key
from ldbench.records.result import Result
from ldbench.records.score import Direction

NO_UNITS: Mapping[str, Units] = MappingProxyType({})


def competes(result: Result) -> bool:
    """Whether a run is ranked: complete, measured, no reference, and blind to the truth."""
    ranked = not result.model.reference and not result.model.sees_truth
    return ranked and (result.status, result.origin) == ("complete", "measured")


def comparisons(
    found: Sequence[Found], units: Mapping[str, Units] = NO_UNITS, as_fitted: bool = False
) -> dict[str, list[Comparison]]:
    """By metric, every pair of the rows of one task that compete, named by `ldbench.comparable.row_key`.

    `units` holds, by path, what `ldbench.records.contributions` reads beside a result: with them rows are compared by
    pairs of cases, without them by their intervals. `as_fitted` as `ldbench.comparison.compare` takes it.
    """
    return {
        metric: compare(rows, _direction(rows), as_fitted) for metric, rows in _models(found, units).items()
    }


def standings(found: Sequence[Found], units: Mapping[str, Units] = NO_UNITS) -> dict[str, dict[str, Place]]:
    """By metric and row key, the places of the rows of one task that compete."""
    placed = {}
    for metric, rows in _models(found, units).items():
        direction, values = _direction(rows), {name: _mean(runs) for name, runs in rows.items()}
        placed[metric] = places(values, direction, compare(rows, direction))
    return placed


def _models(found: Sequence[Found], units: Mapping[str, Units]) -> dict[str, dict[str, dict[Seed, Run]]]:
    """Runs by metric, row and seed, in an order that does not depend on the paths."""
    runs = [(row_key(result), result, units.get(path)) for path, result in found if competes(result)]
    models: dict[str, dict[str, dict[Seed, Run]]] = {}
    for key, result, known in sorted(runs, key=lambda run: (run[0], run[1].seed is None, run[1].seed or 0)):
        for score in result.scores:
            models.setdefault(score.metric, {}).setdefault(key, {})[result.seed] = Run(score, known)
    return models


def _direction(rows: Mapping[str, Mapping[Seed, Run]]) -> Direction:
    return next(run.score.direction for runs in rows.values() for run in runs.values())


def _mean(runs: Mapping[Seed, Run]) -> float:
    return math.fsum(run.score.value for run in runs.values()) / len(runs)
