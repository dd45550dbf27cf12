"""Scores within each class of folders: those of its real and generated images alone, as if no others were there. And
those of the real images that have a label beside the generated ones that were asked to have it.

Unlike groups of a card's cases (`ldbench.score.subgroups`), classes are not compared with each other, so that each
keeps all its images and has the value that its folder would have. Training images are those of all classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np

from ldbench.api import Measured, Metric, Score
from ldbench.errors import MetricError, PluginError
from ldbench.records.subgroups import LABEL
from ldbench.records.units import SCANS
from ldbench.score.by_subject import by_subject, subjects_of_units
from ldbench.score.folders.inputs import FolderInputs
from ldbench.score.free_memory import give_back
from ldbench.score.metrics.intervals import subjects_of_rows
from ldbench.score.returned import DefectError
from ldbench.score.scorer import attributed, measured, within
from ldbench.score.steps import steps
from ldbench.score.subgroups.inputs import GroupInputs, Rows


@dataclass(frozen=True)
class _OfClass(GroupInputs):
    """The images of one class, which is the only one."""

    label: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The class."""
        return (self.label,)


def scores_by_class(
    inputs: FolderInputs, scores: Mapping[str, tuple[Metric, Measured]], settings: Mapping[str, Any]
) -> dict[str, tuple[Score, ...]]:
    """By class the scores of metrics that can be had of one class, of those that have `scores` of all.

    A metric that is a mean over classes has its value of the class. `settings` are those of each metric. Raises what
    scoring raises, but for what a class is refused.
    """
    real_n, generated_m = np.array(inputs.real_labels), np.array(inputs.labels)
    return {
        label: _scores_within(
            inputs, scores, settings, (np.flatnonzero(real_n == label), np.flatnonzero(generated_m == label)),
            f"score class {label}", label,
        )
        for label in inputs.classes
    }


def scores_by_label(
    inputs: FolderInputs, scores: Mapping[str, tuple[Metric, Measured]], settings: Mapping[str, Any]
) -> dict[str, tuple[Score, ...]]:
    """As `scores_by_class`, by label of the images that have it; a metric of labels has its value of that label.

    An image of several labels counts in each, so the images of two labels may be the same ones.
    """
    real, generated = inputs.label_values("test_scans"), inputs.label_values("generated")
    return {
        label: _scores_within(
            inputs, scores, settings, (np.flatnonzero(real[label] == 1), np.flatnonzero(generated[label] == 1)),
            f"score label {label}", label,
        )
        for label in real
    }


def _scores_within(
    inputs: FolderInputs, scores: Mapping[str, tuple[Metric, Measured]], settings: Mapping[str, Any],
    rows: tuple[Rows, Rows], stage: str, label: str,
) -> tuple[Score, ...]:
    found = list[Score]()
    for name, (metric, whole) in steps(list(scores.items()), inputs.progress, stage, itemgetter(0)):
        try:
            score = _within(inputs, metric, whole, rows, settings[name], label)
        except DefectError:
            raise
        except (MetricError, PluginError):  # too few images, or a metric of several classes
            continue
        found.append(attributed(name, score).score)
        give_back()
    return tuple(found)


def _within(
    inputs: FolderInputs, metric: Metric, whole: Measured, rows: tuple[Rows, Rows], settings: Any, label: str
) -> Measured:
    if LABEL in whole.parts:
        return _part(whole, label)
    if not all(map(len, rows)):
        raise MetricError(f"{metric.name}: expected images of {label} in both sets, got none")
    whole_inputs = inputs.for_metrics
    # units that are scans alone are scored by what all generated images gave: that is computed again
    if metric.groups == "units" and set(whole.contributions) != {SCANS}:
        shared = subjects_of_units(metric, whole, whole_inputs)
        subjects = {kind: subjects_of_rows(each, rows[1]) for kind, each in shared.items()}
        return by_subject(within(metric, whole, rows[1]), subjects, metric.bounds)
    group = _OfClass(whole_inputs, *rows, label) if metric.every_class else GroupInputs(whole_inputs, *rows)
    return measured(metric, group, settings)


def _part(whole: Measured, label: str) -> Measured:
    """A score of several labels, of one of them alone; `MetricError` for one that does not count."""
    parts = whole.parts[LABEL]
    if label not in parts:
        raise MetricError(f"{whole.metric}: expected a label that enough images have and have not, got {label}")
    return replace(parts[label], extractor=whole.extractor)
