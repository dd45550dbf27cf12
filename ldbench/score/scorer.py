"""Generated images against a task's real ones: every metric of the card, one score each.

Never needs the model: what it takes lies on disk. A metric that these images or the real ones refuse takes no other
one's score with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ldbench.api import Measured, Metric, MetricInputs, out_of_memory
from ldbench.data.task_data import TaskData
from ldbench.errors import LdbenchError, MetricError, unknown_name
from ldbench.plugins.blame import ANYTHING, module_of, raised
from ldbench.plugins.kinds import METRICS
from ldbench.plugins.metric_code import code_of_metric
from ldbench.records.run_folder import FURTHER_PASSES, NULL
from ldbench.score.arithmetic import full_float32
from ldbench.score.by_subject import by_subject, subjects_of_units
from ldbench.score.free_memory import give_back
from ldbench.score.inputs import Inputs
from ldbench.score.lazy_inputs import Images, averaged
from ldbench.score.returned import DefectError, score_of, storable, values_of_cases, within_bounds
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.steps import steps
from ldbench.task.metric_specs import table_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Panel:
    """What the metrics of a card gave, in its order; and a line for each that cannot be had of these images."""

    measured: list[Measured]
    refused: tuple[str, ...] = ()


def inputs_of(
    data: TaskData, images: Images, context: ScoringContext, passes: Mapping[str, Images] | None = None
) -> Inputs:
    """What the metrics of a run are computed from. `images` maps every case id to `(3, H, W) float32 in [0, 1]`.

    `passes` holds, for editing tasks, the images of the further passes "null" and "back" by the id of the case that
    they come from; a metric whose pass is absent is left out. Raises `MetricError` for other cases.
    """
    given = passes or {}
    _check_ids(f"{data.task.id}", images, data.by_id)
    for name, of_pass in given.items():
        _check_ids(f"{data.task.id}, pass {name}", of_pass, pass_ids(data, name, images))
    if data.task.protocol.channels == "grey-as-rgb":
        images = averaged(images)
        given = {name: averaged(of_pass) for name, of_pass in given.items()}
    return Inputs(
        device=context.device, seed=context.seed, cache_folder=context.cache_folder, progress=context.progress,
        data=data, images=images, passes=given,
    )


def scores_of(inputs: Inputs, names: Collection[str] | None = None) -> Panel:
    """All metrics of the card, or those of these names on it.

    Raises `MetricError` where every metric is refused, and where one has a defect, as another call may end otherwise.
    It also raises where the refused metric could take the row out of the ranking: no row is ranked because the search
    for copies failed.
    """
    metrics = [(name, METRICS.load(name), settings) for name, settings in inputs.data.task.metrics.items()]
    metrics = [one for one in metrics if names is None or one[0] in names]
    absent = set(FURTHER_PASSES) - inputs.passes.keys()
    scores: list[Measured] = []
    refusals: list[MetricError] = []
    for name, metric, settings in steps(metrics, inputs.progress, "score", itemgetter(0)):
        if metric.needs & absent:
            continue
        try:
            scores.append(attributed(name, measured(metric, inputs, settings)))
        except DefectError:
            raise
        except MetricError as error:
            if metric.unranks is not None:
                raise
            refusals.append(error)
        give_back()  # or what one metric leaves behind adds to the next one's memory
    if refusals and not scores:
        raise refusals[0]
    return Panel(scores, tuple(f"not scored: {error}" for error in refusals))


def measured(metric: Metric, inputs: MetricInputs, settings: Any) -> Measured:
    """One metric of the card, in full float32; what a plug-in raises, or returns against its contract, becomes a
    `DefectError`."""
    from ldbench.score.metrics.mean_score import mean_of

    found = computed(metric, metric.compute, inputs, settings)
    if isinstance(found, Measured) and (found.metric, found.direction) != (metric.name, metric.direction):
        raise DefectError(
            f"{metric.name}: expected a score of {metric.name}, {metric.direction} is better, got one of "
            f"{found.metric}, {found.direction}; repair the metric"
        )
    if metric.groups == "units" and not (isinstance(found, Measured) and found.within):
        raise DefectError(f'{metric.name}: expected a Measured with `within` for groups="units"; repair the metric')
    score = storable(found) if isinstance(found, Measured) else mean_of(
        metric, values_of_cases(metric, found, _case_names(metric, inputs)), table_of(settings)
    )
    return by_subject(within_bounds(metric, score), subjects_of_units(metric, score, inputs), metric.bounds)


def within(metric: Metric, whole: Measured, rows: NDArray[np.int64]) -> Measured:
    """The score of the units `rows (k,)` of a whole alone, held against the contract as the whole was."""
    assert whole.within is not None  # `measured` has seen to it
    return score_of(metric, computed(metric, whole.within, rows))


def attributed(name: str, score: Measured) -> Measured:
    """A score of a metric that was asked for by `name`, with what tells its code from that of a namesake; of a built-in
    metric as it is."""
    code = code_of_metric(name)
    return replace(score, parameters={**score.parameters, **code}) if code else score


def _case_names(metric: Metric, inputs: MetricInputs) -> Sequence[str] | None:
    """The cases that a metric has a value for; None for those of a further pass, which are known by their images."""
    return None if metric.needs & set(FURTHER_PASSES) else inputs.case_ids


def computed(metric: Metric, function: Callable[..., _Found], *arguments: object) -> _Found:
    """What a function of a metric gives; what it raises becomes a `DefectError`."""
    try:
        with full_float32():
            return function(*arguments)
    except LdbenchError:
        raise
    except ANYTHING as error:
        said = raised(error, module_of(function))
        raise DefectError(f"{metric.name}: raised {said}; {_remedy(error)}") from error


def _remedy(error: BaseException) -> str:
    return "take a GPU with more memory, or --device cpu" if out_of_memory(error) else "repair the metric"


def _check_ids(where: str, images: Images, ids: Collection[str]) -> None:
    missing, unknown = (sum(one not in others for one in some) for some, others in ((ids, images), (images, ids)))
    if missing or unknown:
        raise MetricError(
            f"{where}: expected the images of {len(ids)} cases, got {len(images)}, {missing} missing and {unknown} "
            "unknown"
        )


def pass_ids(data: TaskData, name: str, images: Images) -> set[str]:
    """The cases that a further pass is made of, by their own ids."""
    if name not in FURTHER_PASSES:
        raise unknown_name("pass", name, FURTHER_PASSES, "give the images of an editing task's further passes")
    cases = data.null_cases() if name == NULL else data.back_cases(images)
    return {case.id.removesuffix(f".{name}") for case in cases}
