"""The judge's reading against that of real scans: right is best, too little and too much are both wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ldbench.api import Measured, NoSettings
from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.target_distance import TARGET_DISTANCE, distance, labelled, target_distance_score

CLASSES, LABELS = ("CN", "AD"), ["CN", "AD"] * 40


def readings(shift: float, seed: int = 0) -> Array:
    """Log odds of each case's own class, around `shift`."""
    scores = np.random.default_rng(seed).normal(shift, 1.0, (80, 2))
    return labelled("target_distance", scores, LABELS, CLASSES)


REAL, COPIES = readings(3.0, 1), readings(-3.0, 2)


def test_the_size_of_an_edit_has_its_best_value_at_real_scans() -> None:
    values = [target_distance_score(REAL, readings(shift, 3), COPIES, {}).value for shift in (-3, 0, 2, 3, 4, 6, 12)]
    assert values[0] == pytest.approx(1, abs=0.1)
    assert min(values) == values[3] < 0.1
    assert values[:4] == sorted(values[:4], reverse=True)
    assert values[3:] == sorted(values[3:])
    assert values[-1] > 1


def test_copies_are_one_and_real_scans_nothing() -> None:
    copied = target_distance_score(REAL, COPIES, COPIES, {})
    assert (copied.value, copied.ci_low, copied.ci_high) == (1, 1, 1)  # whichever cases and scans there are
    assert target_distance_score(REAL, REAL, COPIES, {}).value == 0


def test_runs_of_all_seeds_leave_out_the_same_groups() -> None:
    """A board averages the contributions of a row's runs group by group."""
    scores = dict(zip(("edited", "real", "source"), np.random.default_rng(0).normal(size=(3, 80, 2)), strict=True))

    def measured(seed: int) -> Measured:
        lazy = SimpleNamespace(test_scans=lambda: ("real", LABELS), sources="source")
        inputs: Any = SimpleNamespace(
            seed=seed, judged=(scores["edited"], {"judge": "x"}), lazy=lazy, judge_scores=scores.__getitem__,
            labels=LABELS, classes=CLASSES, subjects=lambda images: None,
        )
        found = TARGET_DISTANCE.compute(inputs, NoSettings())
        assert isinstance(found, Measured)
        return found

    assert measured(0) == measured(1)
    assert np.array_equal(measured(0).contributions["groups"], measured(1).contributions["groups"])
    assert measured(0).parameters["judge"] == "x"


def test_a_shift_is_its_own_distance_whatever_the_order() -> None:
    moved = REAL + np.array([0.0, 0.7])
    assert distance(REAL, moved) == pytest.approx(0.7)
    assert distance(REAL, moved[::-1]) == pytest.approx(0.7)


def test_each_label_reads_its_own_column() -> None:
    scores = np.arange(6.0).reshape(3, 2)
    assert labelled("x", scores, ["AD", "CN", "AD"], CLASSES).tolist() == [[1, 1], [0, 2], [1, 5]]


def test_what_cannot_be_compared_is_one_line() -> None:
    one_class = REAL[REAL[:, 0] == 0]
    with pytest.raises(MetricError, match="target_distance: expected edits into a class of the test scans, got none"):
        distance(one_class, REAL[REAL[:, 0] == 1])
    with pytest.raises(MetricError, match="target_distance: expected sources that the judge tells from their target"):
        target_distance_score(REAL, REAL, REAL, {})
