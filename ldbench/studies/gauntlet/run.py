"""The run of a gauntlet: every failure at every severity through every metric, kept as it goes.

An interrupted gauntlet goes on from its file; a finished one is measured anew, from cached features.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ldbench.api import Measured, Progress, silent
from ldbench.data.of_result import task_ref
from ldbench.errors import MetricError, ResultError
from ldbench.score.by_subject import folded, subjects_of_units
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import measured
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.steps import steps
from ldbench.studies.gauntlet.catalogue import failures_of
from ldbench.studies.gauntlet.chance import between_draws, between_results
from ldbench.studies.gauntlet.failure import Failure, Images, NotPossibleError
from ldbench.studies.gauntlet.material import Course, as_images, course_of
from ldbench.studies.gauntlet.metrics import Contestant, contestants
from ldbench.studies.gauntlet.record import (
    FILE,
    FailureScore,
    Gauntlet,
    GauntletMetric,
    Obstacle,
    dumps,
    read,
    write,
)
from ldbench.task import card

_DIGITS = 6  # of what is kept: more depend on the processor


@dataclass(frozen=True)
class GauntletPlan:
    """What to run: a task's id or card, some metrics and failures (none: all), at most so many images a set.

    `with_card` runs the card's metrics beside the named ones, `everything` its trained ones too.
    """

    task: str
    metrics: Sequence[str] = ()
    failures: Sequence[str] = ()
    seed: int = 0
    cases: int | None = None
    everything: bool = False
    with_card: bool = False


def run_gauntlet(
    plan: GauntletPlan, out: Path, context: ScoringContext, progress: Progress = silent
) -> tuple[Gauntlet, Path]:
    """Run the plan, or what is left of it; the findings and their file, `out/TASK/gauntlet.json`.

    Raises `UsageError`, `UnknownNameError`, `DataError`, and `MetricError` where no metric takes the perfect images.
    """
    task = card.load(plan.task)
    failures = failures_of(task.kind, list(plan.failures))
    chosen, left_out = contestants(task, plan.metrics, plan.everything, plan.with_card)
    course = course_of(task, plan.seed, plan.cases)
    race = Race(course, chosen, context, {})
    path = out / task.id / FILE
    control, refused = _control(race)
    race = replace(race, contestants=[one for one in chosen if one.metric.name in control], control=control)
    levels = [(failure, severity) for failure in failures for severity in failure.severities]
    found = _begun(race, plan, {**left_out, **refused})
    earlier = _earlier(path, found)
    for failure, severity in steps(levels, progress, "failures", lambda one: f"{one[0].name} {one[1]:g}"):
        if failure.name in found.skipped:
            continue
        try:
            obstacle = earlier.get((failure.name, severity)) or race.obstacle(failure, severity, plan.seed)
        except NotPossibleError as error:
            found = replace(found, skipped={**found.skipped, failure.name: str(error)})
            continue
        found = replace(found, obstacles=(*found.obstacles, obstacle))
        write(found, path)
    found = replace(found, finished=True)
    write(found, path)
    return found, path


@dataclass(frozen=True)
class Race:
    """A course with the metrics that run it and their scores for the perfect images."""

    course: Course
    contestants: Sequence[Contestant]
    context: ScoringContext
    control: Mapping[str, Measured]

    def obstacle(self, failure: Failure, severity: float, seed: int) -> Obstacle:
        """The scores of a failure's images; raises `NotPossibleError` where the data can't show it."""
        random = np.random.default_rng([seed, *failure.name.encode()])
        images = failure.make(self.course.material, severity, random)
        unseen = severity in failure.severities[: failure.unseen]
        return Obstacle(failure.name, severity, unseen, self.scores(images))

    def scores(self, images: Images) -> dict[str, FailureScore]:
        """Each metric's score of a set of images, or why it refuses it."""
        inputs, scores = self.inputs(images), {}
        for one in self.contestants:
            try:
                scores[one.metric.name] = self.kept(_measured(one, inputs))
            except MetricError as error:
                scores[one.metric.name] = FailureScore(error=str(error))
        return scores

    def inputs(self, images: Images) -> Inputs:
        """What metrics are computed from, for images in the order of the evaluation cases."""
        return Inputs(
            device=self.context.device, seed=self.context.seed, cache_folder=self.context.cache_folder,
            data=self.course.data, images=as_images(self.course, images), passes={},
        )

    def kept(self, score: Measured) -> FailureScore:
        """A score with how far chance moves it."""
        control = self.control[score.metric]
        if self.course.data.truth is None:
            chance = between_draws(control, len(self.course.data.of_classes("test")))
        else:
            chance = between_results(control, score)
        return FailureScore(
            _rounded(score.value), _rounded(score.ci_low), _rounded(score.ci_high), _rounded(chance)
        )


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def _measured(one: Contestant, inputs: Inputs) -> Measured:
    """The score, with what each subject adds to it."""
    score = measured(one.metric, inputs, one.settings)
    return replace(score, contributions=folded(score, subjects_of_units(one.metric, score, inputs)))


def _control(race: Race) -> tuple[dict[str, Measured], dict[str, str]]:
    """Each metric's score of the perfect images, and why a metric has none."""
    inputs, control, refused = race.inputs(race.course.material.perfect), {}, {}
    for one in race.contestants:
        try:
            control[one.metric.name] = _measured(one, inputs)
        except MetricError as error:
            refused[one.metric.name] = f"it refuses the {race.course.control}: {error}"
    if not control:
        raise MetricError("gauntlet: no metric takes the perfect images. " + " ".join(refused.values()))
    return control, refused


def _begun(race: Race, plan: GauntletPlan, left_out: Mapping[str, str]) -> Gauntlet:
    """The record with the perfect images alone."""
    data = race.course.data
    of_metrics = tuple(
        GauntletMetric(one.metric.name, one.metric.direction, asdict(one.settings)) for one in race.contestants
    )
    scores = {name: race.kept(score) for name, score in race.control.items()}
    return Gauntlet(
        task=task_ref(data.task), split_hash=data.split_hash(), seed=plan.seed, cases=len(data.evaluation_ids),
        control=race.course.control, metrics=of_metrics, obstacles=(Obstacle("", 0.0, False, scores),), skipped={},
        left_out=left_out,
    )


def _earlier(path: Path, begun: Gauntlet) -> dict[tuple[str, float], Obstacle]:
    """What an interrupted gauntlet of the same plan measured already."""
    if not path.exists():
        return {}
    try:
        found = read(path)
    except ResultError:  # of another version, or damaged: measured anew
        return {}
    same = _header(found) == _header(begun) and not found.finished
    return {(one.failure, one.severity): one for one in found.obstacles if one.failure} if same else {}


def _header(gauntlet: Gauntlet) -> object:
    """All but what was measured, as the file says it."""
    return json.loads(dumps(replace(gauntlet, obstacles=gauntlet.obstacles[:1], skipped={}, finished=False)))
