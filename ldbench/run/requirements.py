"""What a run needs and cannot get: data, cases, scans of every class, networks, weights; all of it before it starts.

Reads the card, the data's manifest and the weight files, and builds a network of weights that a card pins; never
downloads or writes. A metric of
somebody else's is checked where its settings are those of the suite's own metrics or name what these name: `cases` of a
further pass, an `extractor` whose weights are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ldbench.api import Context, Generator, HasNeeds, Needs, Record
from ldbench.data.task_data import TaskData, network_files, task_data
from ldbench.errors import CardError, LdbenchError, MetricError, WeightsError
from ldbench.plugins.kinds import ESTIMATORS, METRICS
from ldbench.records.files import user_cache_folder
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.run.generate import blamed
from ldbench.score.networks.weights import fetchable, locate, pinned, place, unpinned
from ldbench.task.card import Task
from ldbench.task.metric_specs import (
    AttributeSpec,
    ClassifierSpec,
    DistributionSpec,
    KernelSpec,
    NeighbourSpec,
    PerceptualSpec,
    ReadingsSpec,
    needing,
)
from ldbench.task.scan_network_spec import users_of_network

_FEWEST = 3  # samples of a set that a distance of sets has an interval for


@dataclass(frozen=True)
class Inspection:
    """A task's data, None where they can't be had, and every reason why no run of the task can end well."""

    data: TaskData | None
    unmet: tuple[LdbenchError, ...]


def inspect(task: Task, seed: int) -> Inspection:
    """Look for everything that the card asks for; what can't be judged without the data is left out where they miss."""
    unmet: list[LdbenchError] = []
    data = None
    try:
        data = task_data(task, seed)
    except LdbenchError as error:
        unmet.append(error)
    if data is not None and data.blind:  # the host scores
        return Inspection(data, ())
    unmet += _of_metrics(task, data)
    if data is not None:
        unmet += _of_classes(data)
    return Inspection(data, (*unmet, *_absent_weights(task)))


def needs_of(generator: Generator, context: Context) -> Needs | None:
    """What the generator says that it needs; None where it can't say."""
    if not isinstance(generator, HasNeeds):
        return None
    with blamed(f"{type(generator).__name__}: needs", generator):
        return generator.needs(context)


def checked_data(task: Task, generator: Generator, context: Context) -> TaskData:
    """The task's data where a run can end well; else an `LdbenchError` that holds every reason why not."""
    inspection = inspect(task, context.seed)
    needs = needs_of(generator, context)
    unmet = [*inspection.unmet, *(LdbenchError(line) for line in (needs.missing if needs else ()))]
    if inspection.data is not None and not unmet:
        return inspection.data
    if len(unmet) == 1:
        raise unmet[0]
    reasons = "; ".join(f"({number}) {reason}" for number, reason in enumerate(unmet, 1))
    raise LdbenchError(f"{task.id} can't be run here, for {len(unmet)} reasons: {reasons}")


def _of_metrics(task: Task, data: TaskData | None) -> Iterator[LdbenchError]:
    """What single metrics ask for in vain."""
    for name, settings in task.metrics.items():
        if METRICS.load(name).needs & set(FURTHER_PASSES) and settings.cases > task.protocol.evaluation_cases:
            yield CardError(
                f"{task.id}:metrics.{name}.cases: expected at most {task.protocol.evaluation_cases}, the evaluation "
                f"cases, got {settings.cases}; lower it"
            )
        if isinstance(settings, DistributionSpec | KernelSpec) or needing([name], "scan_network"):
            yield from _of_sets(name, settings, _smaller_set(task, data))
        if METRICS.load(name).whole_sets and data is not None and _edits_reference(data):
            yield CardError(
                f"{task.id}:metrics.{name}: expected real images that are not edited, got the sources themselves, to "
                "which doing nothing is nearest; drop it, or take intra_fid, which compares edits with their target's "
                "class"
            )
        yield from _unknown(settings)
    yield from _pinned(task)


def _pinned(task: Task) -> Iterator[LdbenchError]:
    """Weights that the card names by their digest, for networks that its metrics use, and that no file here has."""
    from ldbench.score.metrics.judge import pinned_judge
    from ldbench.score.networks.pinned import pinned_weights

    cache, shipped = user_cache_folder(), network_files(task.data)
    recipe, judge = task.scan_network, task.judge
    asked: list[Callable[[], object]] = []
    if recipe is not None and recipe.sha256 is not None and users_of_network(task.metrics):
        asked.append(lambda: pinned_weights("scan_network", recipe, cache / "networks", shipped))
    if judge is not None and judge.sha256 is not None and needing(task.metrics, "judge"):
        asked.append(lambda: pinned_judge(judge, task.data.classes, folder=cache / "judges", shipped=shipped))
    for find in asked:
        try:
            find()
        except MetricError as error:
            yield error


def _smaller_set(task: Task, data: TaskData | None) -> int:
    """How many images the smaller of both sets has that distributions are compared of, as far as that is known."""
    generated = task.protocol.evaluation_cases
    if data is None or data.truth is not None:  # of true images there are as many
        return generated
    return min(generated, len(data.of_classes("test")))


def _edits_reference(data: TaskData) -> bool:
    """Whether distributions would be compared with the very scans that are edited: there are no others."""
    if data.editing is None or data.truth is not None:
        return False
    evaluated = set(data.evaluation_ids)
    return any(scan.id in evaluated for scan in data.of_classes("test"))


def _of_sets(name: str, settings: object, smaller: int) -> Iterator[LdbenchError]:
    if smaller < _FEWEST:
        yield MetricError(
            f"{name}: expected at least {_FEWEST} images in both sets, got {smaller}; ask for more evaluation cases, "
            "or prepare more test scans"
        )
    if isinstance(settings, NeighbourSpec) and smaller < settings.k + 2:
        yield MetricError(
            f"{name}: expected k + 2 = {settings.k + 2} images or more in both sets, got {smaller}; lower k on the "
            "card, or ask for more evaluation cases"
        )
    if not isinstance(settings, KernelSpec) or not settings.subset_size:
        return
    if not 2 <= settings.subset_size <= smaller or settings.subsets < 1:
        yield MetricError(
            f"{name}: expected 2 <= subset_size <= {smaller} (the smaller set) and subsets >= 1, got subset_size "
            f"{settings.subset_size} and subsets {settings.subsets}; change the card's {name} parameters"
        )


def _unknown(settings: Any) -> Iterator[LdbenchError]:
    """A network or an estimator that nobody registered, or that can't be had in this size."""
    from ldbench.score.metrics import lpips
    from ldbench.score.networks.features import extractor_parameters

    try:
        if isinstance(settings, DistributionSpec | KernelSpec):
            extractor_parameters(settings.extractor, settings.resize)
        elif isinstance(settings, PerceptualSpec):
            lpips.perceptual_network(settings.extractor)
        elif isinstance(settings, AttributeSpec | ReadingsSpec):
            for name in settings.estimators if isinstance(settings, ReadingsSpec) else (settings.estimator,):
                ESTIMATORS.load(name)
    except WeightsError:  # a digest that is none: `_absent_weights` says so
        return
    except LdbenchError as error:
        yield error


def _of_classes(data: TaskData) -> Iterator[LdbenchError]:
    """Classes of the card without a scan or a case where a classifier needs some of each."""
    task, name = data.task, data.task.data.class_attribute
    cases = [str(case.attributes[name]) for case in data.cases]
    evaluated = [str(data.by_id[case_id].attributes[name]) for case_id in data.evaluation_ids]
    asked: list[tuple[str, str, Iterable[str]]] = []
    for metric, settings in task.metrics.items():
        if isinstance(settings, ClassifierSpec):
            asked += [(metric, "cases", cases), (metric, "test scans", _labels(data.of_classes("test"), name))]
        if METRICS.load(metric).every_class:
            asked.append((metric, "evaluation cases", evaluated))
    if task.judge is not None and needing(task.metrics, "judge"):
        asked.append(("judge", "training scans", _labels(data.of_classes("train"), name)))
    for who, what, labels in asked:
        if absent := [label for label in task.data.classes if label not in set(labels)]:
            yield MetricError(
                f"{who}: expected {what} of every class in {list(task.data.classes)}, got none of {absent}; change the "
                "card's cases or classes, or the data"
            )


def _labels(records: Iterable[Record], attribute: str) -> list[str]:
    return [str(record.attributes[attribute]) for record in records]


def _absent_weights(task: Task) -> Iterator[LdbenchError]:
    """Weight files that the card's metrics read and that nobody put there, or that are others."""
    from ldbench.score.metrics import lpips
    from ldbench.score.networks import inception_v3
    from ldbench.score.networks.features import installed_network

    files = {file.network: file for file in (inception_v3.WEIGHTS, lpips.ALEXNET)}
    asked = {getattr(settings, "extractor", None) for settings in task.metrics.values()}
    for extractor in sorted(name for name in asked if isinstance(name, str)):
        try:
            name, digest = unpinned(extractor)
            network = installed_network(name)
            if network is not None and network.find is not None:
                network.find(digest)
            if name not in files:
                continue
            file = pinned(files[name], digest)
            if place(file).is_file() or not fetchable(file):
                locate(file)
        except WeightsError as error:
            yield WeightsError(f"{extractor}: {error}")
