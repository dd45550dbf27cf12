"""Scores by group of metrics that are no means over cases: each group's images against the real ones of the group.

What differs between two groups beside the generator must make no gap:

- The number of images. A Frechet distance of few images is too large, and precision or recall depend on the number too.
  These are computed from as many images of each group as the smallest has, a seeded draw. What is unbiased (KID, MMD,
  areas, means over pairs) takes all images. KID and MMD are not unbiased where the real images are the truths of the
  cases: a case and its truth are alike, and such pairs weigh more among few. There they are computed at one size too.
- The spread of the images. At one size, a Frechet distance of two samples of one distribution is the larger the more
  varied that distribution is. So groups are compared by what is left without the mean after exchanges of real and
  generated images (`exchanged_inputs`): 0 on average for images that cannot be told from real ones.

The interval of a distance still counts the chance that the exchanges take off, and so is rather too wide: by the law of
total variance, a statistic without its mean over exchanges varies less than the statistic. Gaps: `gap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ldbench.api import Attributes, Measured, Metric, MetricInputs
from ldbench.errors import LdbenchError, MetricError
from ldbench.plugins.kinds import METRICS
from ldbench.records.subgroups import FEWEST_OF_A_SET, Breakdown, Subgroups
from ldbench.records.units import CASES, SCANS, Units
from ldbench.score.by_subject import by_subject, folded, subjects_of_units
from ldbench.score.free_memory import give_back
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.intervals import one_of_each, subjects_of_rows
from ldbench.score.returned import DefectError, number_of
from ldbench.score.scorer import computed, measured, within
from ldbench.score.steps import steps
from ldbench.score.subgroups.exchanged_inputs import exchanged
from ldbench.score.subgroups.gap import GroupScore, set_breakdown
from ldbench.score.subgroups.groups import FEWEST, attributes_of, groups_of, is_over_cases, subgroups_of
from ldbench.score.subgroups.inputs import GroupInputs, Rows
from ldbench.task.metric_specs import records_of

EXCHANGES = 20
_MOST, _MOST_AT_ONE_SIZE = 1000, 200  # images of a group that are taken: bounds the cost of large runs
_SEED = 0  # of draws and exchanges: the same for all runs
Groups = Mapping[str, Rows]
_Side: TypeAlias = Literal["real", "generated"]
_Found = TypeVar("_Found")


def subgroups_of_run(inputs: Inputs, scores: Sequence[Measured], units: Units) -> Subgroups:
    """The scores by group of a run: means over cases, and all others that can be measured within a group."""
    bounds = {name: metric.bounds for name, metric in records_of(inputs.data.task.metrics).items()}
    splits = set_splits(inputs, scores)
    of_sets = {name: split.by for name, split in splits.items() if split.by}
    left_out = {name: split.left_out for name, split in splits.items() if split.left_out}
    return subgroups_of(scores, units, attributes_of(inputs.data.cases), of_sets, bounds, left_out)


@dataclass(frozen=True)
class Split:
    """The breakdowns of a score by attribute, and why some attribute has none, in one line."""

    by: Mapping[str, Breakdown]
    left_out: Mapping[str, str] = field(default_factory=dict)


def set_splits(inputs: Inputs, scores: Sequence[Measured]) -> dict[str, Split]:
    """By metric, of the scores of a run whose metrics say how (`ldbench.api.Metric.groups`).

    Nothing ranks by groups: a metric that breaks its contract there loses them, is named, and loses no run.
    """
    run, by_name = GroupedRun.of(inputs), {score.metric: score for score in scores}
    found = {}
    asked = list(inputs.data.task.metrics.items())
    for name, settings in steps(asked, inputs.progress, "score by group", itemgetter(0)):
        metric = METRICS.load(name)
        if metric.name not in by_name:  # it needs a pass that the run does not have
            continue
        try:
            found[metric.name] = run.split(by_name[metric.name], metric, settings)
        except LdbenchError as error:
            inputs.progress(f"groups of {metric.name}", 1, 1, f"left out: {error}")
            found[metric.name] = Split({}, dict.fromkeys(run.attributes, str(error)))
        give_back()
    return found


@dataclass(frozen=True)
class GroupedRun:
    """A run's inputs with the attributes of its evaluation cases, of its `real` images and of the test scans."""

    inputs: MetricInputs
    cases: Sequence[Attributes]
    real: Sequence[Attributes]
    scans: Sequence[Attributes] = ()

    @staticmethod
    def of(inputs: Inputs) -> GroupedRun:
        """The run that is scored."""
        data, by_id = inputs.data, attributes_of(inputs.data.cases)
        cases, scans = [by_id[case] for case in data.evaluation_ids], [*attributes_of(data.of_classes("test")).values()]
        return GroupedRun(inputs, cases, cases if inputs.paired else scans, scans)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those that make groups of cases."""
        return tuple(self._of_cases)

    def split(self, score: Measured, metric: Metric, settings: Any) -> Split:
        """The breakdown by each attribute that has two groups which are large enough, and which `metric` can do; and by
        what the score has parts for."""
        by_attribute: dict[str, Mapping[str, GroupScore | str]] = {}
        if metric.groups == "units":
            of_units = self._groups_of_units(metric, score)
            by_attribute = {name: self._units_of(metric, score, groups) for name, groups in of_units.items()}
        elif metric.groups is not None:
            by_attribute = {name: self._of_sets(metric, settings, name) for name in self._of_cases}
        elif not is_over_cases(score):
            by_attribute = {name: {"": "it has no scores by group"} for name in self._of_cases}
        by_attribute |= {name: self._parts_of(metric, parts) for name, parts in score.parts.items()}
        found, left_out = dict[str, Breakdown](), dict[str, str]()
        for attribute, groups in by_attribute.items():
            scored = {name: one for name, one in groups.items() if not isinstance(one, str)}
            if len(scored) > 1:
                found[attribute] = set_breakdown(scored, metric.direction, metric.bounds)
            else:
                reasons = (f"{name}: {one}" if name else one for name, one in groups.items() if isinstance(one, str))
                left_out[attribute] = next(reasons, "fewer than two groups")
        return Split(found, left_out)

    @cached_property
    def _of_cases(self) -> Mapping[str, Groups]:
        return rows_by_group(self.cases)

    @cached_property
    def _of_real(self) -> Mapping[str, Groups]:
        return rows_by_group(self.real)

    def _groups_of_units(self, metric: Metric, score: Measured) -> Mapping[str, Groups]:
        if set(score.contributions) != {"scans"}:
            return self._of_cases
        return self._of_real if metric.scans == "reference" else rows_by_group(self.scans)

    def _units_of(self, metric: Metric, score: Measured, groups: Groups) -> dict[str, GroupScore | str]:
        """The score within each group by what it was computed from, or why there is none."""
        shared = subjects_of_units(metric, score, self.inputs)

        def of_rows(rows: Rows) -> GroupScore:
            subjects = {kind: subjects_of_rows(each, rows) for kind, each in shared.items()}
            found = by_subject(within(metric, score, rows), subjects, metric.bounds)
            whose = {kind: _numbers(each, rows) for kind, each in shared.items() if each is not None}
            return GroupScore(replace(found, contributions=folded(found, subjects)), whose=whose)

        return {
            name: _scored(partial(of_rows, rows)) if len(rows) >= FEWEST else f"{len(rows)} images, {FEWEST} needed"
            for name, rows in groups.items()
        }

    def _parts_of(self, metric: Metric, parts: Mapping[str, Measured]) -> dict[str, GroupScore]:
        """The parts of a score, all of which are of the same units."""
        found = {}
        for name, part in parts.items():
            shared = subjects_of_units(metric, part, self.inputs)
            score = by_subject(part, shared, metric.bounds)
            added = folded(score, shared)
            whose = {kind: np.arange(len(of_kind)) for kind, of_kind in added.items()}
            found[name] = GroupScore(replace(score, contributions=added), whose=whose)
        return found

    def _of_sets(self, metric: Metric, settings: Any, attribute: str) -> dict[str, GroupScore | str]:
        """The score within each group, computed again, or why there is none."""
        real, cases = self._of_real.get(attribute, {}), self._of_cases[attribute]
        if metric.groups != "all":
            real, cases = self._one_of_each("real", real), self._one_of_each("generated", cases)
        small = {name: why for name in cases if (why := self._too_few(metric, name, real, cases))}
        names = [name for name in cases if name not in small]
        if len(names) < 2:
            return dict(small)
        labels = (self.inputs.real_labels, self.inputs.labels)
        # what is unbiased for two samples need not be so for pairs
        one_size = self.inputs.paired or metric.groups != "all"
        real_rows, case_rows = (
            draw_rows({name: of_all[name] for name in names}, _strata(metric, label), one_size)
            for of_all, label in zip((real, cases), labels, strict=True)
        )
        return small | {name: self._score(metric, settings, real_rows[name], case_rows[name]) for name in names}

    def _one_of_each(self, images: _Side, groups: Groups) -> Groups:
        """One image of each subject of a group; of pairs the same ones in both sets."""
        subjects = self.inputs.subjects(images)
        return {
            name: rows[one_of_each(len(rows), subjects_of_rows(subjects, rows), np.random.default_rng(_SEED))]
            for name, rows in groups.items()
        }

    def _too_few(self, metric: Metric, name: str, real: Groups, cases: Groups) -> str:
        """Which images of a group are too few in either set, of each class too for a metric that needs them all; "" if
        none."""
        sets: Mapping[_Side, tuple[Groups, Sequence[str]]] = {
            "real": (real, self.inputs.real_labels), "generated": (cases, self.inputs.labels)
        }
        for which, (groups, labels) in sets.items():
            rows = groups.get(name, ())
            one_each = metric.groups != "all" and self.inputs.subjects(which) is not None
            what = f"{which} images of different subjects" if one_each else f"{which} images"
            if len(rows) < FEWEST_OF_A_SET:
                return f"{len(rows)} {what}, {FEWEST_OF_A_SET} needed"
            counts = Counter(labels[row] for row in rows)
            for label in self.inputs.classes if metric.every_class else ():
                if counts[label] < FEWEST:
                    return f"{counts[label]} {what} of the class {label}, {FEWEST} needed"
        return ""

    def _score(self, metric: Metric, settings: Any, real_n: Rows, generated_m: Rows) -> GroupScore | str:
        """The score within one group, or why it cannot be computed of these images."""
        group = GroupInputs(self.inputs, real_n, generated_m)

        def compute() -> GroupScore:
            score = measured(metric, group, settings)
            exchanges = self._exchanges(metric, settings, group) if metric.groups == "excess" else ()
            parts = folded(score, subjects_of_units(metric, score, group))
            return GroupScore(replace(score, contributions=parts), exchanges, self._whose(real_n, generated_m))

        return _scored(compute)

    def _whose(self, real_n: Rows, generated_m: Rows) -> dict[str, Rows]:
        cases, scans = self.inputs.subjects("generated"), self.inputs.subjects("real")
        shared = {CASES: (cases, generated_m), SCANS: (scans, real_n)}
        return {kind: _numbers(each, rows) for kind, (each, rows) in shared.items() if each is not None}

    def _exchanges(self, metric: Metric, settings: Any, group: GroupInputs) -> tuple[float, ...]:
        random, values = np.random.default_rng(_SEED), []
        for _ in range(EXCHANGES):
            inputs = exchanged(group, random)
            if metric.value is None:
                values.append(measured(metric, inputs, settings).value)
            else:
                values.append(number_of(metric, computed(metric, metric.value, inputs, settings)))
        return tuple(values)


def _numbers(subjects: Rows, rows: Rows) -> Rows:
    """The subjects of some images, each once, by first appearance."""
    return np.array(list(dict.fromkeys(subjects[rows].tolist())), np.int64)


def _scored(compute: Callable[[], _Found]) -> _Found | str:
    """The score of a group, or why it is refused, which a defect of a plug-in is not."""
    try:
        return compute()
    except MetricError as error:
        if isinstance(error, DefectError) or error.__cause__ is not None:
            raise
        return str(error)


def rows_by_group(attributes: Sequence[Attributes]) -> dict[str, dict[str, Rows]]:
    """`groups_of` by the place in a sequence instead of by id."""
    return {
        attribute: {name: np.array(rows, np.int64) for name, rows in groups.items()}
        for attribute, groups in groups_of(dict(enumerate(attributes))).items()
    }


def _strata(metric: Metric, labels: Sequence[str]) -> npt.NDArray[np.str_]:
    """What is drawn apart: the classes, where a metric averages over them."""
    return np.array(labels if metric.every_class else [""] * len(labels), np.str_)


def draw_rows(groups: Groups, strata: npt.NDArray[np.str_], one_size: bool) -> dict[str, Rows]:
    """Rows of each group, ascending: of each stratum as many as the smallest group has, or all up to a limit.

    The limit is shared out among the strata, of which none gets fewer than `FEWEST`: where a metric averages over many
    classes, it needs images of each.
    """
    random, names = np.random.default_rng(_SEED), np.unique(strata)
    most = max((_MOST_AT_ONE_SIZE if one_size else _MOST) // len(names), FEWEST)
    of_strata = {name: [rows[strata[rows] == one] for one in names] for name, rows in groups.items()}
    fewest = [min(len(parts[place]) for parts in of_strata.values()) for place in range(len(names))]
    sizes = [min(count, most) if one_size else most for count in fewest]
    return {
        name: np.sort(np.concatenate([
            random.choice(rows, min(size, len(rows)), replace=False) for rows, size in zip(parts, sizes, strict=True)
        ]))
        for name, parts in of_strata.items()
    }
