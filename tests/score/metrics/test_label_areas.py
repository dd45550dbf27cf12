"""The mean area over labels: as scikit-learn's, by its laws, and with the error that leaving out images shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.label_areas import counted_labels, label_areas, matrix_of, validated_labels
from ldbench.score.metrics.roc import areas

seeds = st.integers(0, 2**31)


def drawn(seed: int, n: int = 60, labels: int = 3, trainings: int = 1, unknown: float = 0.0) -> tuple[Array, Array]:
    """Scores `(S, N, L)` with ties, and labels that they tell something of; each has both answers."""
    random = np.random.default_rng(seed)
    known_nl = (random.random((n, labels)) < np.linspace(0.2, 0.5, labels)).astype(np.float64)
    known_nl[:2] = [[1.0] * labels, [0.0] * labels]
    scores = np.round(known_nl + random.normal(0, 1.2, (trainings, n, labels)), 1)
    known_nl[2:][random.random((n - 2, labels)) < unknown] = np.nan
    return scores, known_nl


@given(seed=seeds)
def test_equals_scikit_learns_macro_average(seed: int) -> None:
    scores, known_nl = drawn(seed, trainings=2)
    found = label_areas("x", scores, known_nl)
    expected = [roc_auc_score(known_nl, scores_nl, average="macro") for scores_nl in scores]
    assert found.areas_s == pytest.approx(expected, abs=1e-12)


@given(seed=seeds)
def test_an_image_takes_no_part_in_a_label_that_nobody_knows_of_it(seed: int) -> None:
    scores, known_nl = drawn(seed, unknown=0.4)
    found = label_areas("x", scores, known_nl)
    columns = zip(known_nl.T, scores[0].T, strict=True)
    each = [roc_auc_score(has[np.isfinite(has)], of_label[np.isfinite(has)]) for has, of_label in columns]
    assert found.mean == pytest.approx(np.mean(each), abs=1e-12)
    other = np.where(np.isfinite(known_nl), scores, np.random.default_rng(seed).normal(0, 9, scores.shape))
    again = label_areas("x", other, known_nl)
    assert np.array_equal(again.contributions_n, found.contributions_n)
    assert again.interval() == found.interval()


@given(seed=seeds)
def test_subjects_of_whom_nothing_is_known_are_no_units(seed: int) -> None:
    scores, known_nl = drawn(seed, n=24, trainings=2)
    subjects = np.arange(24) // 4
    found = label_areas("x", scores, known_nl, subjects)
    more_scores, nothing = np.zeros((2, 96, 3)), np.full((96, 3), np.nan)
    more = np.concatenate([scores, more_scores], axis=1), np.concatenate([known_nl, nothing])
    again = label_areas("x", *more, np.arange(120) // 4)
    assert (again.interval(), again.cases_degrees) == (found.interval(), 5)


def test_a_lone_subject_shows_no_variance_and_has_the_widest_interval() -> None:
    scores, known_nl = drawn(0)
    known_nl[30:] = np.nan
    found = label_areas("x", scores, known_nl, np.arange(60) // 30)
    assert found.covariance_ss.tolist() == [[0]]
    assert found.interval().high - found.interval().low > 0.8


@pytest.mark.parametrize(("slope", "expected"), [(1, 1.0), (-1, 0.0), (0, 0.5)])
def test_labels_told_perfectly_have_one_and_scores_that_say_nothing_one_half(slope: int, expected: float) -> None:
    _, known_nl = drawn(0, unknown=0.3)
    found = label_areas("x", slope * np.nan_to_num(known_nl)[None], known_nl)
    assert found.mean == expected
    low, high = found.interval().low, found.interval().high
    assert low <= expected <= high
    assert high - low > 0.01


@given(seed=seeds)
def test_the_order_of_images_and_of_labels_changes_nothing(seed: int) -> None:
    scores, known_nl = drawn(seed, trainings=2, unknown=0.2)
    found, random = label_areas("x", scores, known_nl), np.random.default_rng(seed)
    rows, labels = random.permutation(60), random.permutation(3)
    again = label_areas("x", scores[:, rows][:, :, labels], known_nl[rows][:, labels])
    assert again.areas_s == pytest.approx(found.areas_s)
    assert again.covariance_ss == pytest.approx(found.covariance_ss)
    assert again.contributions_n == pytest.approx(found.contributions_n[rows])


@pytest.mark.parametrize("shared", [False, True])
@given(seed=seeds)
def test_one_label_is_the_area_of_two_classes_and_the_same_label_twice_says_no_more(shared: bool, seed: int) -> None:
    scores, known_nl = drawn(seed, labels=1, trainings=3)
    subjects = np.arange(60) // 2 if shared else None
    found = label_areas("x", scores, known_nl, subjects)
    plain = areas(np.concatenate([-scores, scores], axis=2), known_nl[:, 0].astype(np.int64), subjects)
    twice = label_areas("x", np.repeat(scores, 2, axis=2), np.repeat(known_nl, 2, axis=1), subjects)
    for other in (plain, twice):
        assert other.areas_s == pytest.approx(found.areas_s)
        assert other.covariance_ss == pytest.approx(found.covariance_ss)
        assert other.contributions_n == pytest.approx(found.contributions_n)
        assert (other.fewest, other.others, other.cases_degrees) == (found.fewest, found.others, found.cases_degrees)


def test_the_variance_is_that_of_leaving_out_one_image_at_a_time() -> None:
    """An estimate of another kind, which takes labels of one image as dependent, as DeLong's does here."""
    scores, known_nl = drawn(5, n=150, labels=4, unknown=0.2)
    scores[0, :, 1:3] = scores[0, :, :1] + 0.1 * scores[0, :, 1:3]  # labels that go together
    known_nl[:, 1:3] = known_nl[:, :1]
    without = [
        label_areas("x", np.delete(scores, row, 1), np.delete(known_nl, row, 0)).mean for row in range(len(known_nl))
    ]
    jackknife = (len(without) - 1) * np.var(without)
    found = label_areas("x", scores, known_nl)
    assert float(found.covariance_ss[0, 0]) == pytest.approx(jackknife, rel=0.1)
    assert float((found.contributions_n**2).sum()) == pytest.approx(float(found.covariance_ss[0, 0]))


def test_scores_that_are_no_numbers_are_refused() -> None:
    scores, known_nl = drawn(0)
    with pytest.raises(MetricError, match=r"^x: expected finite scores"):
        label_areas("x", np.where(scores > 1, np.nan, scores), known_nl)


def test_a_label_counts_where_every_set_has_enough_of_both() -> None:
    some = {"rare": np.array([1.0, 0, 0, 0]), "usual": np.array([1.0, 0, 1, 0]), "unsure": np.array([1, 1, 0, np.nan])}
    plenty = {label: np.array([1.0, 0, 1, 0]) for label in some}
    found = counted_labels("x", 2, cases=plenty, test_scans=some)
    assert found.names == ("usual",)
    assert found.left_out == {
        "rare": "1 test scans have it and 3 have not", "unsure": "2 test scans have it and 1 have not",
    }
    assert counted_labels("x", 1, cases=plenty, test_scans=some).names == ("rare", "usual", "unsure")
    with pytest.raises(MetricError, match=r"^x: expected a label that 3 or more .* in cases and in test scans"):
        counted_labels("x", 3, cases=plenty, test_scans=some)


def test_a_group_needs_both_answers_to_every_label() -> None:
    known_nl = matrix_of({"a": np.array([1.0, 0, 1, 0]), "b": np.array([1.0, 0, 0, np.nan])}, ["a", "b"])
    validated_labels("x", known_nl, ["a", "b"], 1)
    with pytest.raises(MetricError, match=r"^x: expected 2 or more .* got 1 of b$"):
        validated_labels("x", known_nl, ["a", "b"], 2)
