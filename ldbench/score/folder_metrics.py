"""Which metrics two folders of images can have, and with which settings.

Built-in ones and plug-ins alike are chosen by what their records say that they need; no name stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from ldbench.api import Metric, MetricAxis, Need
from ldbench.errors import PluginError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records.from_table import TypedError, build, value_of
from ldbench.task.metric_specs import first_namesake

NETWORK = "efficientnet-lite0"  # the one that ships
_ASKED_FOR: MetricAxis = "condition"  # what images were to show, and of those in folders nobody knows that
_REMEDY: Mapping[Need, str] = {
    "training": "give --training, a folder of what the generator learnt from",
    "viewing": "say how the images are seen, with --blur and --noise",
    "truth": "give --paired, if each generated image has its true one under the same name",
}
_NAMED_NEEDS: Mapping[Need, str] = {
    "source": "the images that were edited", "truth": "the true image of each generated one", "judge": "a judge",
    "null": "edits that change nothing", "back": "edits undone", "viewing": "viewing conditions",
    "scan_network": "a network of the task's own scans", "training": "training images",
    "labels": "labels of the images",
}


def named_metrics(names: Sequence[str]) -> dict[str, Metric]:
    """The metrics that are asked for, by what each is asked for by. `UsageError` for two whose scores bear one name."""
    asked = {name: METRICS.load(name) for name in names}
    if (namesake := first_namesake(asked)) is not None:
        raise UsageError(f"--metric {namesake}")
    return asked


def by_asked_name(
    settings: Mapping[str, Mapping[str, str]], asked: Mapping[str, Metric]
) -> dict[str, Mapping[str, str]]:
    """The settings of each metric by what it is asked for by, as they may be given by the name of its score, too."""
    known = {metric.name: name for name, metric in asked.items()}
    found = dict[str, Mapping[str, str]]()
    for given, values in settings.items():
        name = given if given in asked else known.get(given, given)
        if twice := found.get(name, {}).keys() & values.keys():
            raise UsageError(f"--set {given}:{min(twice)}: expected one value, got two; drop one of them")
        found[name] = {**found.get(name, {}), **values}
    return found


def default_metrics(offered: frozenset[Need]) -> tuple[dict[str, Metric], dict[str, str]]:
    """The installed metrics by name that are measured where none is asked for, by the axis that they answer; and why
    others cannot be loaded.

    These are all whose needs are `offered` and whose settings have defaults, but those of what images were to show.
    """
    found, refused = list[Metric](), dict[str, str]()
    for entry in METRICS.entries():
        try:
            found.append(METRICS.load(entry.name))
        except PluginError as error:
            refused[entry.name] = str(error)
    axes: Sequence[MetricAxis | None] = (*get_args(MetricAxis), None)
    found.sort(key=lambda metric: axes.index(metric.axis))
    return {metric.name: metric for metric in found if _is_default(metric, offered)}, refused


def _is_default(metric: Metric, offered: frozenset[Need]) -> bool:
    if metric.axis == _ASKED_FOR or lacking(metric, offered):
        return False
    try:
        settings_of(metric, None, {})
    except UsageError:  # settings that only a card can give
        return False
    return True


def lacking(metric: Metric, offered: frozenset[Need]) -> str:
    """Why folders that have what is `offered` cannot have a metric: "expected, got, remedy"; "" where they can."""
    if metric.every_class or metric.trained:
        return "expected images of each class, got folders that name no class; score on a task card"
    for need in sorted(metric.needs - offered):
        remedy = _REMEDY.get(need, "score the images on a task card that has it")
        return f"expected {_NAMED_NEEDS[need]}, got none; {remedy}"
    return ""


def settings_of(metric: Metric, network: str | None, given: Mapping[str, str]) -> Any:
    """A metric's settings: what is given, else its own defaults, the network that ships and the side that it sees."""
    from ldbench.score.networks.features import network_of

    names = {item.name for item in fields(metric.settings)}
    table: dict[str, Any] = {}
    if "extractor" in names:
        features = "resize" in names  # others compare two images by networks of their own
        own = next(iter(metric.networks), NETWORK)
        table["extractor"] = given.get("extractor") or (network or NETWORK if features else own)
    if {"extractor", "resize"} <= names:
        table["resize"] = network_of(table["extractor"])[0].resize
    hints = get_type_hints(metric.settings)
    try:
        table |= {key: value_of(hints[key], str(text), key) if key in hints else text for key, text in given.items()}
        return build(metric.settings, table)
    except TypedError as wrong:
        raise UsageError(
            f"--set {metric.name}:{wrong}; give --set {metric.name}:key=value, or score the images on a task card"
        ) from wrong
