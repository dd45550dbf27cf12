"""A metric on a small part of a task: what it computes, again and in another order, what it asks for, and by group.

The images that it scores are the cases' true ones, or the training images that a case of text to image was made from,
a little paler and noisier, so that neither differences nor spreads vanish.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ldbench.api import Measured, Metric
from ldbench.data.scans import hash_order
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import LdbenchError, MetricError, UsageError
from ldbench.plugins.blame import ANYTHING
from ldbench.plugins.kinds import METRICS
from ldbench.records.caches import FEATURES
from ldbench.records.files import user_cache_folder
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.score.inputs import Inputs
from ldbench.score.returned import DefectError
from ldbench.score.scorer import inputs_of, measured, pass_ids
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.set_scores import GroupedRun
from ldbench.score.units import units_of
from ldbench.task import card
from ldbench.task.metric_defaults import default_settings, offered
from ldbench.testing import plugin_clauses as clauses
from ldbench.testing.contract import SETTINGS
from ldbench.testing.finding import Clause, ClauseError, Finding, judge, stopped
from ldbench.testing.surroundings import Moved, seed_all, settings_undisturbed, settings_watched, states, undisturbed

CASES = 80  # of which a group of two has more than are needed for scores by group
_PALER, _NOISE = 0.95, 0.02
_TOLERANCE = 1e-3  # kernels differ with the place in a batch
_NEEDED = {
    "sources": "source", "truths": "truth", "stored_truths": "truth", "judged": "judge", "judge_scores": "judge",
    "training_scans": "training", "seen_scans": "training", "seen_features": "training", "label_values": "labels",
    "label_judged": "labels",
}  # fmt: skip
Images = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Part:
    """The part of a task that a metric is tried on, the metric alone on its card, and the images to score."""

    metric: Metric
    settings: Any
    data: TaskData
    images: Images
    device: torch.device

    def inputs(self) -> Inputs:
        """What the metric is given, computed anew."""
        given = FURTHER_PASSES if self.metric.needs & set(FURTHER_PASSES) else ()
        passes = {name: _sources(self.data, name, self.images) for name in given}
        return inputs_of(
            self.data, self.images, ScoringContext(self.device, 0, user_cache_folder() / FEATURES), passes
        )

    def score(self, watch: Watch | None = None) -> Measured:
        """The metric's score; with a watch, of inputs that note what is asked for."""
        inputs: Any = self.inputs() if watch is None else Watched(self.inputs(), watch)
        return measured(self.metric, inputs, self.settings)


@dataclass
class Watch:
    """What a metric asked for, and each array that it was handed with the digest that it had then."""

    asked: set[str] = field(default_factory=set)
    handed: dict[int, tuple[str, Any, str]] = field(default_factory=dict)

    def note(self, name: str, value: Any) -> Any:
        """The value itself."""
        if isinstance(value, torch.Tensor | np.ndarray):
            self.handed.setdefault(id(value), (name, value, _digest(value)))
        elif isinstance(value, tuple):
            for one in value:
                self.note(name, one)
        return value


class Watched:
    """Inputs that note in a watch what is asked of them and handed out."""

    def __init__(self, inputs: Any, watch: Watch) -> None:
        self._inputs, self._watch = inputs, watch

    def __getattr__(self, name: str) -> Any:
        self._watch.asked.add(name)
        value = getattr(self._inputs, name)
        if name in ("lazy", "viewed"):
            return Watched(value, self._watch)
        if callable(value) and not hasattr(value, "shape"):
            return functools.partial(self._called, name, value)
        return self._watch.note(name, value)

    def _called(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if name == "further":
            self._watch.asked.add(f"further {args[0] if args else kwargs['name']}")
        return self._watch.note(name, function(*args, **kwargs))


def parts_for(name: str, task: str | None, device: torch.device) -> list[Part]:
    """The parts of tasks that a metric is tried on: of `task`, or of one of each kind that has all it needs and whose
    data are here, a card that names the metric before others. Raises `UsageError` where there is none, and what is
    wrong with the card."""
    metric = METRICS.load(name)
    if task is not None:
        return [_part(name, metric, card.load(task), device)]
    tasks = [each for each in map(card.load, card.task_names()) if metric.needs <= offered(each)]
    tasks.sort(key=lambda each: _of_card(metric, each) is None)
    found, refused = dict[str, Part](), list[UsageError]()
    for each in tasks:
        try:
            if each.kind not in found:
                found[each.kind] = _part(name, metric, each, device)
        except UsageError as error:  # no defaults for its settings
            refused.append(error)
        except LdbenchError:  # data that the user has not prepared
            continue
    if not found:
        lacking = f"--metric {name}: expected a task at hand with {', '.join(sorted(metric.needs))}, got none"
        raise refused[0] if refused else UsageError(f"{lacking}; name one by --task")
    return [found[kind] for kind in sorted(found)]


def _of_card(metric: Metric, task: card.Task) -> str | None:
    """The name by which a card has the metric."""
    return next((key for key in task.metrics if METRICS.load(key).name == metric.name), None)


def _part(name: str, metric: Metric, task: card.Task, device: torch.device) -> Part:
    same = _of_card(metric, task)
    settings = default_settings(task, metric) if same is None else task.metrics[same]
    data = task_data(replace(task, metrics={name: settings}), 0)
    ids = sorted(data.evaluation_ids, key=lambda one: hash_order("check", one))[:CASES]
    data = replace(data, cases=tuple(data.by_id[one] for one in ids), evaluation_ids=tuple(ids))
    return Part(metric, settings, data, _images(data), device)


def _images(data: TaskData) -> dict[str, torch.Tensor]:
    own = data.truth or _trained_on(data)
    return {one: _touched(own(one), place) for place, one in enumerate(data.evaluation_ids)}


def _trained_on(data: TaskData) -> Callable[[str], torch.Tensor]:
    places = {record.id: place for place, record in enumerate(data.train.records)}
    return lambda one: data.train[places[one]].image


def _touched(image: torch.Tensor, seed: int) -> torch.Tensor:
    noise = torch.randn(image.shape[1:], generator=torch.Generator().manual_seed(seed))
    return (_PALER * image + _NOISE * noise).clamp(0, 1)


def _sources(data: TaskData, name: str, images: Images) -> dict[str, torch.Tensor]:
    """For a further pass, the images that were edited."""
    ids = sorted(pass_ids(data, name, images))
    return {one: source for one in ids if (source := data.by_id[one].source) is not None}


def look(parts: Sequence[Part]) -> list[Finding]:
    """The findings on each part: one for each clause of `plugin_clauses.OF_METRICS`, or that it can't be computed.

    A metric may refuse images that it was not made for (`MetricError`), but not those of all parts.
    """
    found = [
        replace(finding, name=f"{part.data.task.kind}: {finding.name}") for part in parts for finding in _look(part)
    ]
    refused = not any(finding.judged for finding in found)
    return [replace(finding, passed=False, judged=True) for finding in found] if refused else found


def _look(part: Part) -> list[Finding]:
    watch, moved = Watch(), list[Moved]()
    seed_all(1, part.device)
    before = states(part.device)
    try:
        with settings_watched("compute", moved):
            score = part.score(watch)
    except ANYTHING as error:  # a plug-in's own code may raise it
        refused = isinstance(error, MetricError) and not isinstance(error, DefectError)
        return [replace(stopped(clauses.COMPUTED, error), passed=refused, judged=not refused)]
    after = states(part.device)
    checks: dict[Clause, Callable[[], str]] = {
        clauses.COMPUTED: lambda: f"{score.value:.4g} [{score.ci_low:.4g}, {score.ci_high:.4g}], n = {score.n}",
        clauses.COMPUTED_AGAIN: lambda: _again(part, score), clauses.ANY_ORDER: lambda: _reversed(part, score),
        clauses.NEEDS_DECLARED: lambda: _declared(part, watch), clauses.CONTRIBUTIONS: lambda: _parts(part, score),
        clauses.GROUPED: lambda: _by_group(part, score), clauses.UNDISTURBED: lambda: undisturbed(before, after),
        SETTINGS: lambda: settings_undisturbed(moved), clauses.INPUTS_KEPT: lambda: _as_before(watch),
    }
    return [judge(clause, check) for clause, check in checks.items()]


def _again(part: Part, score: Measured) -> str:
    seed_all(2, part.device)
    other = part.score()
    if other.score != score.score:
        raise ClauseError(f"{score.value!r}, then {other.value!r}")
    for kind, values in score.contributions.items():
        if not np.array_equal(values, other.contributions[kind]):
            raise ClauseError(f"other contributions of {kind}")
    return "equal"


def _reversed(part: Part, score: Measured) -> str:
    ids = part.data.evaluation_ids[::-1]
    data = replace(part.data, cases=part.data.cases[::-1], evaluation_ids=ids)
    other = replace(part, data=data, images={one: part.images[one] for one in ids}).score()
    if score.mean:
        ours, theirs = score.contributions["cases"], other.contributions["cases"][::-1]
        apart = float(np.abs(theirs - ours).max()) / (float(np.abs(ours).max()) or 1.0)
        if apart > _TOLERANCE:
            raise ClauseError(f"other values for the same cases, by up to {apart:.1%} of the largest deviation")
        return "each case as before"
    dust = _TOLERANCE * abs(score.value)
    if not score.ci_low - dust <= other.value <= score.ci_high + dust:
        raise ClauseError(f"{other.value:.4g} where it was {score.value:.4g} [{score.ci_low:.4g}, {score.ci_high:.4g}]")
    return f"{other.value - score.value:.2g} more"


def _declared(part: Part, watch: Watch) -> str:
    asked = {_NEEDED[name] for name in watch.asked & _NEEDED.keys()}
    asked |= {name.partition(" ")[2] for name in watch.asked if name.startswith("further ")}
    if secret := sorted(asked - part.metric.needs):
        raise ClauseError(f"asked for what only tasks with {', '.join(secret)} have")
    return ", ".join(sorted(part.metric.needs)) or "none"


def _parts(part: Part, score: Measured) -> str:
    units_of(part.data, [score], part.inputs().passes)
    for kind, values in score.contributions.items():
        largest, total = float(np.abs(values).max(initial=0)), float(values.sum())
        if not abs(total) <= 1e-6 * max(largest, 1e-6 * abs(score.value)) * len(values):  # all may be dust
            raise ClauseError(f"a sum of {total:.3g} over {len(values)} {kind}, where the largest is {largest:.3g}")
    return ", ".join(f"{len(values)} {kind}" for kind, values in score.contributions.items()) or "none"


def _by_group(part: Part, score: Measured) -> str:
    if part.metric.groups is None and not score.parts:
        return "of cases, as for any mean over them" if score.mean else "none"
    split = GroupedRun.of(part.inputs()).split(score, part.metric, part.settings)
    if not split.by:
        raise ClauseError("; ".join(f"{name}: {why}" for name, why in split.left_out.items()) or "no groups")
    return "; ".join(f"{name}: {', '.join(group.name for group in one.groups)}" for name, one in split.by.items())


def _as_before(watch: Watch) -> str:
    changed = sorted({name for name, value, digest in watch.handed.values() if _digest(value) != digest})
    if changed:
        raise ClauseError(f"{', '.join(changed)} changed in place")
    return f"{len(watch.handed)} arrays as before" if watch.handed else "as before"


def _digest(value: Any) -> str:
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.ascontiguousarray(value)
    return hashlib.sha256(array.tobytes()).hexdigest()
