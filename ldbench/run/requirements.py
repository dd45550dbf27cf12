"""What a run needs and cannot get: data, cases, scans of every class, networks, weights; all of it before it starts.

Reads the card, the data's manifest and the weight files, and builds a network of weights that a card pins; never
downloads or writes. The settings of a metric, somebody else's too, say themselves what they need and cannot get
(`ldbench.task.metric_specs.HasUnmet`, and `HasUnmetScans` of the task's own scans). `cases` of a further pass are
checked for each, and the network that an `extractor` names looks for its own weights (`ldbench.api.Network.find`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Case, Context, Generator, HasNeeds, Needs, Record
from ldbench.data.prepared import PreparedDataset
from ldbench.data.task_data import TaskData, network_files, task_data
from ldbench.errors import CardError, LdbenchError, MetricError, PluginError, UnknownNameError, WeightsError
from ldbench.plugins import blame
from ldbench.plugins.kinds import METRICS
from ldbench.records.caches import JUDGES, NETWORKS
from ldbench.records.files import user_cache_folder
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.run.generate import blamed
from ldbench.score.metrics.feature_spec import FEWEST, DistributionSpec, too_few_images
from ldbench.score.metrics.intervals import numbered
from ldbench.score.metrics.label_areas import counted_labels
from ldbench.task.card import Task
from ldbench.task.labels import values_of
from ldbench.task.metric_specs import HasUnmet, HasUnmetScans, ScanCounts, needing
from ldbench.task.scan_network_spec import users_of_network


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
        unmet += [*_of_classes(data), *_of_labels(data)]
    said = {str(error): error for error in (*unmet, *_absent_weights(task))}  # what two metrics miss is one reason
    return Inspection(data, tuple(said.values()))


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
    """What single metrics need and cannot get."""
    for name, settings in task.metrics.items():
        if METRICS.load(name).needs & set(FURTHER_PASSES) and settings.cases > task.protocol.evaluation_cases:
            yield CardError(
                f"{task.id}:metrics.{name}.cases: expected at most {task.protocol.evaluation_cases}, the evaluation "
                f"cases, got {settings.cases}; lower it"
            )
        smaller = _smaller_set(task, data)
        if needing([name], "scan_network"):
            yield from map(MetricError, too_few_images(name, smaller))
        if METRICS.load(name).whole_sets and data is not None and _edits_reference(data):
            yield CardError(
                f"{task.id}:metrics.{name}: expected real images that are not edited, got the sources themselves, to "
                "which doing nothing is nearest; drop it, or take intra_fid, which compares edits with their target's "
                "class"
            )
        scans = _counted(data) if data else None
        yield from _of_settings(name, settings, smaller, scans)
    yield from _pinned(task)


def _pinned(task: Task) -> Iterator[LdbenchError]:
    """Weights that the card names by their digest, for networks that its metrics use, and that no file here has."""
    from ldbench.score.metrics.judge import pinned_judge
    from ldbench.score.metrics.judge_labels_auc import pinned_label_judge
    from ldbench.score.networks.pinned import pinned_weights

    cache, shipped = user_cache_folder(), network_files(task.data)
    recipe, judge = task.scan_network, task.judge
    asked: list[Callable[[], object]] = []
    if recipe is not None and recipe.sha256 is not None and users_of_network(task.metrics):
        asked.append(lambda: pinned_weights("scan_network", recipe, cache / NETWORKS, shipped))
    judged, of_labels = set(needing(task.metrics, "judge")), set(needing(task.metrics, "labels"))
    if judge is not None and judge.sha256 is not None and judged - of_labels:
        asked.append(lambda: pinned_judge(judge, task.data.classes, folder=cache / JUDGES, shipped=shipped))
    if judge is not None and judge.labels_sha256 is not None and judged & of_labels:
        asked.append(lambda: pinned_label_judge(judge, task.data.labels, folder=cache / JUDGES, shipped=shipped))
    for find in asked:
        try:
            find()
        except MetricError as error:
            yield error


def _smaller_set(task: Task, data: TaskData | None) -> int:
    """How many images are in the smaller of the two sets whose distributions are compared, as far as that is known."""
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


def _of_settings(metric: str, settings: object, smaller: int, scans: ScanCounts | None) -> Iterator[LdbenchError]:
    """What a metric's settings need and cannot get, as they say themselves (`HasUnmet`, `HasUnmetScans`)."""
    asked: dict[str, Callable[[], Iterator[str]]] = {}
    if isinstance(settings, HasUnmet):
        asked["unmet"] = partial(settings.unmet, metric, smaller)
    if isinstance(settings, HasUnmetScans) and scans is not None:
        asked["unmet_scans"] = partial(settings.unmet_scans, metric, scans)
    for method, ask in asked.items():
        module = type(settings).__module__
        try:
            with blame.blamed(MetricError, f"{metric}: {method}", module, remedy="repair the metric"):
                reasons = list(ask())
        except MetricError as error:
            yield error
        else:
            yield from map(MetricError, reasons)


def _of_classes(data: TaskData) -> Iterator[LdbenchError]:
    """Classes of the card without a scan or a case where a classifier needs some of each."""
    task, name = data.task, data.task.data.class_attribute
    cases = [str(case.attributes[name]) for case in data.cases]
    evaluated = [str(data.by_id[case_id].attributes[name]) for case_id in data.evaluation_ids]
    asked: list[tuple[str, str, Iterable[str]]] = []
    for metric, settings in task.metrics.items():
        needed = METRICS.load(metric)
        if needed.trained and "labels" not in needed.needs:  # on generated images of classes, tested on real ones
            asked += [(metric, "cases", cases), (metric, "test scans", _labels(data.of_classes("test"), name))]
        if needed.every_class:
            asked.append((metric, "evaluation cases", evaluated))
            if isinstance(settings, DistributionSpec) and data.truth is None:  # a distance of sets, in each class
                scans = list(_labels(data.of_classes("test"), name))
                yield from _few_of_a_class(data, metric, {"evaluation cases": evaluated, "test scans": scans})
    if task.judge is not None and needing(task.metrics, "judge"):
        asked.append(("judge", "training scans", _labels(data.of_classes("train"), name)))
    for who, what, labels in asked:
        if absent := [label for label in task.data.classes if label not in set(labels)]:
            yield MetricError(
                f"{who}: expected {what} of every class in {list(task.data.classes)}, got none of {absent}; "
                f"{_more_of_a_class(data, what)}"
            )


def _more_of_a_class(data: TaskData, what: str) -> str:
    """What to do where a class has too few cases or scans: new subjects are what another seed or more cases change."""
    fresh, split = data.task.data.fresh, "train" if what.startswith("training") else "test"
    if fresh is None or split not in fresh.splits:
        return "change the card's cases or classes, or the data"
    count = len(data.evaluation_ids if what.startswith("evaluation") else data.cases)
    drawn = "" if what.endswith("scans") else f"the {count} {what} were drawn from them; "
    return f"the subjects of the {split} split are new ones: {drawn}raise the card's cases, or take another seed"


def _of_labels(data: TaskData) -> Iterator[MetricError]:
    """Metrics of labels, none of which enough images have and have not."""
    labels = data.task.data.labels

    def known(images: Iterable[Case | Record]) -> dict[str, NDArray[np.float64]]:
        return {name: np.array(each) for name, each in values_of(labels, (one.attributes for one in images)).items()}

    for name in needing(data.task.metrics, "labels"):
        if needing([name], "judge"):
            cases = [data.by_id[case_id] for case_id in data.evaluation_ids]
            scored = data.subjects(data.evaluation_ids)
            sets = {"evaluation_cases": known(cases), "training_scans": known(data.of_classes("train"))}
        else:
            scored = [scan.subject for scan in data.of_classes("test")]
            sets = {"test_scans": known(data.of_classes("test")), "cases": known(data.cases)}
        try:
            counted_labels(name, getattr(data.task.metrics[name], "fewest", 1), numbered(scored), **sets)
        except MetricError as error:
            yield error


def _few_of_a_class(data: TaskData, metric: str, labels: Mapping[str, Sequence[str]]) -> Iterator[LdbenchError]:
    """Classes with too few images for a distance of sets; those with none of them are told already."""
    for what, of_set in labels.items():
        few = {label: of_set.count(label) for label in data.task.data.classes if 0 < of_set.count(label) < FEWEST}
        if few:
            got = ", ".join(f"{count} of {label}" for label, count in few.items())
            yield MetricError(
                f"{metric}: expected {FEWEST} or more {what} of every class, got {got}; "
                f"{_more_of_a_class(data, what)}"
            )


def _counted(data: TaskData) -> ScanCounts:
    """What metrics are told of the task's scans."""
    test = data.of_classes("test")

    def test_seen() -> int:
        if not isinstance(data.dataset, PreparedDataset):
            return 0  # only prepared data hold digests
        files = data.dataset.records
        training = {files.file(record).sha256 for record in data.of_classes("train")}
        return sum(files.file(record).sha256 in training for record in test)

    return ScanCounts(len(data.seen()), len(test), data.task.protocol.resolution, test_seen)


def _labels(records: Iterable[Record], attribute: str) -> list[str]:
    return [str(record.attributes[attribute]) for record in records]


def _absent_weights(task: Task) -> Iterator[LdbenchError]:
    """Weights of the networks that the card's metrics name, as each network looks for them itself."""
    from ldbench.score.networks.features import find_weights

    asked = {getattr(settings, "extractor", None) for settings in task.metrics.values()}
    for extractor in sorted(name for name in asked if isinstance(name, str)):
        try:
            find_weights(extractor)
        except WeightsError as error:
            yield WeightsError(f"{extractor}: {error}")
        except (UnknownNameError, PluginError):  # a metric's own network, or the metric's settings say what is wrong
            continue
