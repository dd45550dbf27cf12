"""How each value of a table was measured, as notes below it: network, numbers of images, settings, interval.

Boards and measured folders say it by this code alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ldbench.api import ParameterValue, Score
from ldbench.board.leaderboard import BoardMetric
from ldbench.plugins.kinds import METRICS, depends_on_number
from ldbench.records.identity import real_images
from ldbench.records.subgroups import FEWEST_OF_A_SET
from ldbench.report.tables.headline import ARROWS

VIEWING = ("viewing_blur", "viewing_noise")
Settings = Mapping[str, Mapping[str, ParameterValue]]
NO_SETTINGS: Settings = MappingProxyType({})


def metric_notes(measured: Iterable[Score | BoardMetric], settings: Settings = NO_SETTINGS) -> list[str]:
    """A line of all metrics that were measured in one way; `settings` are those to name, by metric."""
    alike = dict[str, list[str]]()
    for one in measured:
        said = ", ".join(_how(one, settings.get(one.metric, {})))
        alike.setdefault(said, []).append(f"{one.metric} {ARROWS[one.direction]}")
    return [f"{', '.join(names)}: {said}" for said, names in alike.items()]


def few_notes(measured: Iterable[Score | BoardMetric]) -> list[str]:
    """A warning of metrics whose value depends on the number of images, where there are few on either side."""
    few = [
        one.metric for one in measured
        if min(one.n, real_images(one.parameters) or one.n) < FEWEST_OF_A_SET
        and depends_on_number(METRICS.installed(one.metric))
    ]
    if not few:
        return []
    return [
        f"Fewer than {FEWEST_OF_A_SET} images: the value of {', '.join(few)} depends on their number; compare it with "
        "values of as many images alone."
    ]


def setting_words(settings: Mapping[str, ParameterValue]) -> str:
    """Settings as `--set` takes them: "k=3, resize=64"."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _how(one: Score | BoardMetric, settings: Mapping[str, ParameterValue]) -> list[str]:
    blur, noise = (one.parameters.get(name) for name in VIEWING)
    viewed = "" if blur is None and noise is None else f"seen with blur {blur or 0} and noise {noise or 0}"
    method = one.parameters.get("interval")
    interval = f"interval: {method}" if isinstance(method, str) else ""
    said = (one.extractor, _counts(one.n, one.parameters), viewed, setting_words(settings), interval)
    return [each for each in said if each]


def _counts(n: int, parameters: Mapping[str, ParameterValue]) -> str:
    """The generated images, and what they are compared with: "n = 30 beside 12 real and 40 of training"."""
    real, training = real_images(parameters), parameters.get("n_training")
    beside = [] if real is None else [f"{real} real"]
    beside += [] if training is None else [f"{training} of training"]
    return f"n = {n} beside {' and '.join(beside)}" if beside else f"n = {n}"
