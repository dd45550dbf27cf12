"""Which metrics two folders of images can have, and with which settings.

Built-in ones and plug-ins alike are chosen by what their records say that they need; no name stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, TypeAlias, get_args

from ldbench.api import Metric, MetricAxis, Need
from ldbench.errors import PluginError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records.from_table import TypedError, build, values_of
from ldbench.score.folders.classifiers import JUDGE, SANDBOX, Lesson, judge_recipe, lesson_of, recipe_table, trains
from ldbench.score.folders.sets import MeasuredSet
from ldbench.score.folders.tables import GENERATED
from ldbench.task.metric_specs import TrainingSpec, first_namesake

Offered: TypeAlias = frozenset[Need | Literal["classes"]]
NETWORK = "efficientnet-lite0"  # the one that ships
_ASKED_FOR: MetricAxis = "condition"  # what images were to show; of those in folders classes or labels may be known
_REMEDY: Mapping[Need, str] = {
    "training": "give --training, a folder of what the generator learnt from",
    "viewing": "say how the images are seen, with --blur and --noise",
    "truth": "give --paired, if each generated image has its true one under the same name",
    "judge": "give --training, which a judge learns from",
    "labels": "give --labels, tables that say which labels images have",
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


def check_measured(given: Mapping[str, Mapping[str, str]], asked: Mapping[str, Metric]) -> None:
    """`UsageError` for settings of what is not measured: a metric, or the judge that metrics ask."""
    for name in given:
        if name == JUDGE and name not in asked:
            if not any("judge" in metric.needs for metric in asked.values()):
                raise UsageError(
                    f"--set {name}: expected a metric that asks a judge, got none; add --metric judge_accuracy, say"
                )
        elif name not in asked:
            raise UsageError(f"--set {name}: expected a metric that is measured, got none; add --metric {name}")


def default_metrics(offered: Offered) -> tuple[dict[str, Metric], dict[str, str]]:
    """The installed metrics by name that are measured where none is asked for, by the axis that they answer; and why
    others cannot be loaded.

    These are all whose needs are `offered` and whose settings have defaults, but those of what images were to show, if
    it is more than their class, and those that train a classifier, which `only_named` has.
    """
    found, refused = _installed()
    return {metric.name: metric for metric in found if _is_default(metric, offered)}, refused


def only_named(offered: Offered) -> list[str]:
    """The installed metrics that are measured where they are asked for alone, since they train a classifier."""
    metrics, _ = _installed()
    return [metric.name for metric in metrics if trains(metric) and not lacking(metric, offered)]


def of_classes() -> list[str]:
    """The installed metrics that need classes of folders, and nothing that these cannot have."""
    return _only_with("classes")


def of_labels() -> list[str]:
    """The installed metrics that need labels of folders, and nothing that these cannot have."""
    return _only_with("labels")


def _only_with(said: Literal["classes", "labels"]) -> list[str]:
    others: Offered = frozenset({"training", "viewing", "truth", "judge"})
    return [
        metric.name for metric in _installed()[0]
        if lacking(metric, others) and not lacking(metric, frozenset({said, *others}))
    ]


def _installed() -> tuple[list[Metric], dict[str, str]]:
    """The installed metrics by the axis that they answer; and why others cannot be loaded."""
    found, refused = list[Metric](), dict[str, str]()
    for entry in METRICS.entries():
        try:
            found.append(METRICS.load(entry.name))
        except PluginError as error:
            refused[entry.name] = str(error)
    axes: Sequence[MetricAxis | None] = (*get_args(MetricAxis), None)
    found.sort(key=lambda metric: axes.index(metric.axis))
    return found, refused


def _is_default(metric: Metric, offered: Offered) -> bool:
    shown = metric.every_class or "labels" in metric.needs
    if trains(metric) or lacking(metric, offered) or (metric.axis == _ASKED_FOR and not shown):
        return False
    try:
        settings_of(metric, None, {})
    except UsageError:  # settings that only a card can give
        return False
    return True


def lacking(metric: Metric, offered: Offered) -> str:
    """Why folders that have what is `offered` cannot have a metric: "expected, got, remedy"; "" where they can."""
    for need in sorted(metric.needs - offered, key=lambda need: (need in _REMEDY, need)):
        remedy = _REMEDY.get(need, "score the images on a task card that has it")
        learnt = f", and --{'labels' if 'labels' in metric.needs else 'classes'}" if need == "judge" else ""
        return f"expected {_NAMED_NEEDS[need]}, got none; {remedy}{learnt}"
    if _of_one_class(metric) and "classes" not in offered:
        return "expected images of each class, got folders whose classes nobody says; give --classes"
    return ""


def _of_one_class(metric: Metric) -> bool:
    """Whether a metric needs the class of each image."""
    return metric.every_class or ((metric.trained or "judge" in metric.needs) and "labels" not in metric.needs)


def settings_of(metric: Metric, network: str | None, given: Mapping[str, str], lesson: Lesson = SANDBOX) -> Any:
    """A metric's settings: what is given, else its own defaults, the network that ships and the side that it sees.

    A classifier is trained as fits the `lesson`.
    """
    from ldbench.score.networks.features import network_of

    names = {item.name for item in fields(metric.settings)}
    table: dict[str, Any] = {}
    if "extractor" in names:
        features = "resize" in names  # others compare two images by networks of their own
        own = next(iter(metric.networks), NETWORK)
        table["extractor"] = given.get("extractor") or (network or NETWORK if features else own)
    if {"extractor", "resize"} <= names:
        table["resize"] = network_of(table["extractor"])[0].resize
    if issubclass(metric.settings, TrainingSpec):
        table |= recipe_table(metric.settings, lesson, labels="labels" in metric.needs)
    try:
        return build(metric.settings, table | values_of(metric.settings, given))
    except TypedError as wrong:
        raise UsageError(
            f"--set {metric.name}:{wrong}; give --set {metric.name}:key=value, or score the images on a task card"
        ) from wrong


def recipes_of(
    asked: Mapping[str, Metric], given: Mapping[str, Mapping[str, str]], sets: Mapping[str, MeasuredSet]
) -> dict[str, TrainingSpec]:
    """How each classifier of the metrics is trained on these sets, with that of the judge by `JUDGE`.

    They depend on the one set that is learnt from, whatever is measured beside it. Before sets are read there are none,
    and what is `given` is checked. Raises `UsageError`.
    """
    generated, training = (lesson_of(sets.get(name)) for name in (GENERATED, "training"))
    found = {
        name: settings_of(metric, None, given.get(name, {}), generated)
        for name, metric in asked.items() if issubclass(metric.settings, TrainingSpec)
    }
    if asking := [metric for metric in asked.values() if "judge" in metric.needs]:
        found[JUDGE] = judge_recipe(given.get(JUDGE, {}), training, labels="labels" in asking[0].needs)
    return found
