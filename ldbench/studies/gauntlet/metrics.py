"""Which metrics run the gauntlet, and with which settings.

Without a name these are the card's, but for trained ones, which cost minutes for each set of images and run where all
are asked for. Named ones run alone, or beside the card's. A named metric has the card's settings where the card has
it, and else, as a plug-in under development, its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldbench.api import Metric
from ldbench.errors import UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.studies.gauntlet.claims import check_claims
from ldbench.task.card import Task
from ldbench.task.metric_defaults import default_settings
from ldbench.task.metric_specs import first_namesake

_NEEDS_GENERATOR = "it needs further images of a generator"


@dataclass(frozen=True)
class Contestant:
    """A metric with its settings."""

    metric: Metric
    settings: Any


def contestants(
    task: Task, named: Sequence[str] = (), everything: bool = False, with_card: bool = False
) -> tuple[list[Contestant], Mapping[str, str]]:
    """The named metrics, or those of the card and then the named ones; and why others of the card are left out.

    The card's run where none is named, `with_card` or with `everything`. Raises `UsageError` for a named metric that
    this task can't have or that claims what is no failure, `UnknownNameError` and `PluginError`.
    """
    of_card = {name: Contestant(METRICS.load(name), settings) for name, settings in task.metrics.items()}
    asked = {name: _named(task, name, of_card) for name in dict.fromkeys(named)}
    if (namesake := first_namesake({name: one.metric for name, one in asked.items()})) is not None:
        raise UsageError(f"--metric {namesake}")
    if asked and not (with_card or everything):
        return list(asked.values()), {}
    chosen, left_out = list[Contestant](), dict[str, str]()
    for one in of_card.values():
        if one.metric.needs & set(FURTHER_PASSES):
            left_out[one.metric.name] = _NEEDS_GENERATOR
        elif one.metric.trained and not everything and one not in asked.values():
            left_out[one.metric.name] = "it is trained anew for each set of images; --all runs it"
        else:
            chosen.append(one)
    return [*chosen, *(one for one in asked.values() if one not in chosen)], left_out


def _named(task: Task, name: str, of_card: Mapping[str, Contestant]) -> Contestant:
    """The metric of a name with the card's settings or its defaults; errors as `contestants` has them."""
    metric = METRICS.load(name)
    check_claims(metric)
    if metric.needs & set(FURTHER_PASSES):
        raise UsageError(f"--metric {name}: expected a metric of the images alone, but {_NEEDS_GENERATOR}; drop it")
    same = next((key for key, one in of_card.items() if one.metric.name == metric.name), None)
    if same is None:
        return Contestant(metric, default_settings(task, metric))
    if ":" in name and name != same:
        raise UsageError(f"--metric {name}: expected another name than the card's {metric.name}; rename the metric")
    return of_card[same]
