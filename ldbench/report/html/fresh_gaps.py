"""How a run does on test sets that nobody has seen, beside the public one, as its part of a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldbench.records.fresh import Gap, beside
from ldbench.records.result import Result
from ldbench.report.digits import shortest, with_interval


@dataclass(frozen=True)
class GapView:
    """One metric on the public set and on a fresh one; `tuned` says that the fresh value is worse beyond chance."""

    seed: int
    metric: str
    public: str
    fresh: str
    gap: str
    tuned: bool


def gap_views(path: Path | str, result: Result) -> tuple[GapView, ...]:
    """A view for each fresh set and metric; none without a `fresh.json`."""
    found = beside(path, result)
    rounds = () if found is None else found.rounds
    return tuple(_view(one.data_seed, gap) for one in rounds for gap in one.gaps)


def _view(seed: int, gap: Gap) -> GapView:
    between = " ".join(with_interval(gap.gap, gap.ci_low, gap.ci_high))
    public, fresh = (shortest(float(f"{value:.4g}")) for value in (gap.frozen, gap.fresh))
    return GapView(seed, gap.metric, public, fresh, between, gap.tuned)
