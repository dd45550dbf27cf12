"""Flip rate and target AUC: against scikit-learn and Wilson's formula, and what negated labels must give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ldbench.errors import MetricError
from ldbench.score.metrics.effectiveness import flip_rate_score, target_auc_score
from ldbench.score.metrics.intervals import Array

CLASSES = ("CN", "AD")
JUDGE = {"judge": "a test"}


def two_class(seed: int, n: int = 40, separation: float = 1.0) -> tuple[Array, list[str]]:
    """Log odds `(N, 2)` that lean to the label, and balanced labels."""
    random = np.random.default_rng(seed)
    labels = [CLASSES[index % 2] for index in range(n)]
    odds = (random.normal(size=n) + separation * np.array([1 if label == "AD" else -1 for label in labels])).round(1)
    return np.stack([-odds, odds], axis=1), labels


@given(n=st.integers(1, 60), flipped=st.integers(0, 60))
def test_flip_rate_has_wilsons_interval(n: int, flipped: int) -> None:
    flipped = min(flipped, n)
    scores = np.zeros((n, 2))
    scores[:flipped, 1], scores[flipped:, 0] = 1, 1
    score = flip_rate_score(scores, ["AD"] * n, CLASSES, JUDGE)
    z = 1.959963984540054
    share = flipped / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    assert (score.value, score.n, score.direction) == (share, n, "higher")
    assert (score.ci_low, score.ci_high) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_a_tie_is_no_flip() -> None:
    scores = [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]
    assert flip_rate_score(scores, ["AD", "CN", "CN", "AD"], CLASSES, JUDGE).value == 0.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_target_auc_equals_scikit_learn(seed: int) -> None:
    scores, labels = two_class(seed)
    expected = roc_auc_score([label == "AD" for label in labels], scores[:, 1])
    score = target_auc_score(scores, labels, CLASSES, JUDGE)
    assert score.value == pytest.approx(expected)
    assert score.ci_low < expected < score.ci_high
    assert (score.parameters["average"], score.parameters["judge"]) == ("binary", "a test")


def test_beyond_two_classes_it_is_the_mean_of_one_against_the_rest() -> None:
    random = np.random.default_rng(4)
    classes = ("a", "b", "c")
    labels = [classes[index] for index in random.integers(3, size=50)]
    scores = random.normal(size=(50, 3))
    expected = np.mean([roc_auc_score([label == name for label in labels], scores[:, k])
                        for k, name in enumerate(classes)])
    assert target_auc_score(scores, labels, classes, JUDGE).value == pytest.approx(expected)


@given(seed=st.integers(0, 10_000))
def test_negated_labels_turn_both_metrics_round(seed: int) -> None:
    scores, labels = two_class(seed)
    negated = ["CN" if label == "AD" else "AD" for label in labels]
    total = target_auc_score(scores, labels, CLASSES, JUDGE).value + target_auc_score(
        scores, negated, CLASSES, JUDGE
    ).value
    assert total == pytest.approx(1)
    ties = float((scores[:, 0] == scores[:, 1]).mean())
    both = (flip_rate_score(scores, each, CLASSES, JUDGE).value for each in (labels, negated))
    assert sum(both) == pytest.approx(1 - ties)


@given(seed=st.integers(0, 10_000))
def test_a_rising_function_of_the_scores_changes_no_area(seed: int) -> None:
    scores, labels = two_class(seed)
    one, other = (target_auc_score(each, labels, CLASSES, JUDGE) for each in (scores, np.arctan(scores)))
    assert (one.value, one.ci_low) == pytest.approx((other.value, other.ci_low))


@pytest.mark.parametrize("metric", [flip_rate_score, target_auc_score])
def test_bad_input_is_one_line(metric: object) -> None:
    assert callable(metric)
    scores, labels = two_class(5)
    with pytest.raises(MetricError, match=r"expected labels among two or more classes, .* got \['MCI'\]"):
        metric(scores, ["MCI", *labels[1:]], CLASSES, JUDGE)
    for wrong in (scores[:3], scores[:, :1], scores * np.nan):
        with pytest.raises(MetricError, match=r"expected finite scores of shape \(40, 2\)"):
            metric(wrong, labels, CLASSES, JUDGE)
    with pytest.raises(MetricError, match="expected finite scores"):
        metric(np.zeros((0, 2)), [], CLASSES, JUDGE)


def test_a_class_that_is_nobodys_target() -> None:
    scores, _ = two_class(6)
    with pytest.raises(MetricError, match=r"target_auc: expected cases of every target class .* got none of \['CN'\]"):
        target_auc_score(scores, ["AD"] * 40, CLASSES, JUDGE)
    assert flip_rate_score(scores, ["AD"] * 40, CLASSES, JUDGE).n == 40
