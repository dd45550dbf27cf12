"""What a gauntlet says of one metric: what it catches, misses, rewards and over-reads, and where it turns back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ldbench.studies.gauntlet.record import Gauntlet, GauntletMetric, Obstacle, Verdict


@dataclass(frozen=True)
class Findings:
    """The failures that a metric treats in each way, by name.

    `catches` are caught at their greatest severity, and where not at every seen one, `caught_from` has the first from
    which they are. `blind_to` are caught at none. `turns_back`: a greater severity costs less by more than chance, and
    the failure is not rewarded anyway.
    """

    catches: tuple[str, ...]
    caught_from: dict[str, float]
    blind_to: tuple[str, ...]
    rewards: tuple[str, ...]
    over_reads: tuple[str, ...]
    turns_back: tuple[str, ...]


def findings(gauntlet: Gauntlet, metric: GauntletMetric) -> Findings:
    """The findings of one metric."""
    seen = {name: [one for one in gauntlet.of(name) if not one.unseen] for name in gauntlet.failures}
    verdicts = {name: [gauntlet.verdict(one, metric) for one in of] for name, of in seen.items() if of}
    catches = [name for name, of in verdicts.items() if of[-1] == "caught"]
    rewards = [name for name, of in verdicts.items() if "rewarded" in of]
    return Findings(
        catches=tuple(catches),
        caught_from={
            name: _first(seen[name], verdicts[name]) for name in catches if set(verdicts[name]) != {"caught"}
        },
        blind_to=tuple(name for name, of in verdicts.items() if not {"caught", "refused"} & set(of)),
        rewards=tuple(rewards),
        over_reads=tuple(
            name for name in gauntlet.failures
            if any(gauntlet.verdict(one, metric) == "over-read" for one in gauntlet.of(name))
        ),
        turns_back=tuple(
            name for name in gauntlet.failures
            if name not in rewards and _turns_back(gauntlet, gauntlet.of(name), metric)
        ),
    )


def _first(obstacles: Sequence[Obstacle], verdicts: Sequence[Verdict]) -> float:
    """The severity from which on all are caught."""
    missed = [index for index, verdict in enumerate(verdicts) if verdict != "caught"]
    return obstacles[missed[-1] + 1].severity


def _turns_back(gauntlet: Gauntlet, obstacles: Sequence[Obstacle], metric: GauntletMetric) -> bool:
    costs = [(gauntlet.cost(one, metric), one.scores[metric.name].chance or 0.0) for one in obstacles]
    return any(
        worse is not None and less is not None and worse < less - max(chances)
        for (less, *before), (worse, *after) in pairwise(costs) for chances in [(*before, *after)]
    )
