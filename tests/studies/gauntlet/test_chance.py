"""How far a score moves by chance: as often as it says for another draw, and case by case for results of the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldbench.api import Measured
from ldbench.score.by_subject import folded
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.intervals import numbered, of_mean
from ldbench.studies.gauntlet.chance import between_draws, between_results


def mean_score(values: np.ndarray) -> Measured:
    mean = float(values.mean())
    return Measured("mine", mean, mean - 1, mean + 1, len(values), "lower", contributions={"cases": of_mean(values)})


def test_another_draw_of_a_mean_lies_within_it_in_95_of_100() -> None:
    random, inside = np.random.default_rng(0), []
    for _ in range(600):
        one, two = (random.exponential(1, 60) for _ in range(2))
        inside.append(abs(one.mean() - two.mean()) <= between_draws(mean_score(one), 200))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_another_draw_of_a_distance_lies_within_it() -> None:
    random, inside = np.random.default_rng(0), []
    for _ in range(60):
        scans, one, two = (random.standard_normal((count, 3)) for count in (100, 60, 60))
        control, other = (fid_score(scans, draw, extractor="x") for draw in (one, two))
        inside.append(abs(control.value - other.value) <= between_draws(control, len(scans)))
    assert np.mean(inside) >= 0.85


def test_another_draw_of_few_subjects_lies_within_it() -> None:
    """25 subjects of 8 images, as alike as 0.8: taken as 200 images, 54 of 100 draws lie within."""
    random, inside = np.random.default_rng(0), []
    subjects = {"cases": numbered(np.repeat(np.arange(25), 8).tolist())}
    for _ in range(400):
        one, two = (
            np.repeat(random.normal(0, 0.8**0.5, 25), 8) + random.normal(0, 0.2**0.5, 200) for _ in range(2)
        )
        control = mean_score(one)
        control = replace(control, contributions=folded(control, subjects))
        inside.append(abs(one.mean() - two.mean()) <= between_draws(control, 200))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_the_fewest_units_give_the_degrees_of_freedom() -> None:
    def score(offset: float) -> Measured:
        parts = {"cases": offset + np.arange(5.0), "scans": np.arange(80.0)}
        return replace(mean_score(np.arange(5.0)), contributions=parts)

    assert between_results(score(0.0), score(1.0)) == pytest.approx(2.7764 * 5**0.5, rel=1e-4)


def test_results_of_the_same_cases_are_paired() -> None:
    values = np.random.default_rng(0).normal(0, 10, 50)
    control, shifted = mean_score(values), mean_score(values + 0.1)
    assert between_results(control, shifted) == pytest.approx(0, abs=1e-12)
    assert between_results(control, mean_score(values[::-1])) > 1
    assert between_results(mean_score(np.zeros(50)), control) == pytest.approx(
        2.0096 * values.std(ddof=1) / 50**0.5, rel=1e-3
    )


def test_without_contributions_the_intervals_stand_for_them() -> None:
    bare = Measured("mine", 5, 4, 6, 10, "lower")
    assert between_draws(bare, 10) == between_results(bare, bare) == pytest.approx(2**0.5)
