"""The gap of two intervals: its formula, its level, and bounds that a lopsided interval gives it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ldbench.api import Measured
from ldbench.score.subgroups.gap import GroupScore, set_breakdown

NO_BOUNDS = (-math.inf, math.inf)


def score(value: float, low: float, high: float, units: int = 0) -> Measured:
    parts = {"cases": np.zeros(units)} if units else {}
    return Measured("m", value, low, high, 30, "lower", contributions=parts)


def test_two_groups_have_the_gap_of_zou_and_donner() -> None:
    groups = {"F": GroupScore(score(5, 4, 7)), "M": GroupScore(score(2, 1.5, 2.2))}
    lower = set_breakdown(groups, "lower", NO_BOUNDS)
    assert (lower.worst, lower.best, lower.gap) == ("F", "M", 3)
    assert (lower.gap_low, lower.gap_high) == pytest.approx((3 - math.hypot(1, 0.2), 3 + math.hypot(2, 0.5)))
    higher = set_breakdown(groups, "higher", NO_BOUNDS)
    assert (higher.worst, higher.best) == ("M", "F")
    assert (higher.gap, higher.gap_low, higher.gap_high) == (lower.gap, lower.gap_low, lower.gap_high)
    assert [(group.name, group.value, group.chance) for group in lower.groups] == [("F", 5, None), ("M", 2, None)]


def test_more_pairs_widen_the_gap_by_bonferroni() -> None:
    groups = {str(value): GroupScore(score(value, value - 1, value + 1, 20)) for value in (0, 4, 9)}
    found = set_breakdown(groups, "lower", NO_BOUNDS)
    wider = stats.t.ppf(1 - 0.05 / 6, 19) / stats.t.ppf(0.975, 19)
    assert found.gap - found.gap_low == pytest.approx(wider * 2**0.5)


@pytest.mark.parametrize("degrees", [2.5, math.inf])
def test_an_interval_is_widened_at_its_own_degrees_of_freedom(degrees: float) -> None:
    """As an area over a few trainings has, whose chance is no unit's (`ldbench.score.metrics.roc.Areas`)."""
    scores = {str(value): score(value, value - 1, value + 1, 20) for value in (0, 4)}
    groups = {name: GroupScore(replace(one, degrees=degrees)) for name, one in scores.items()}
    two = set_breakdown(groups, "lower", NO_BOUNDS)
    assert two.gap - two.gap_low == pytest.approx(2**0.5)
    three = set_breakdown({**groups, "9": GroupScore(score(9, 8, 10, 20))}, "lower", NO_BOUNDS)
    best, worst = (stats.t.ppf(1 - 0.05 / 6, each) / stats.t.ppf(0.975, each) for each in (degrees, 19))
    assert three.gap - three.gap_low == pytest.approx(math.hypot(best, worst))


def test_chance_is_taken_off_before_groups_are_compared() -> None:
    groups = {"few": GroupScore(score(9, 8, 10), (7.0, 9.0)), "many": GroupScore(score(6, 5, 7), (1.0, 1.0))}
    found = set_breakdown(groups, "lower", NO_BOUNDS)
    assert (found.worst, found.best, found.gap) == ("many", "few", 4)  # 6 - 1 against 9 - 8
    assert found.group("few").chance == 8
    error = stats.t.ppf(0.975, 1) * np.std((7, 9), ddof=1) / 2**0.5
    assert found.gap_high - found.gap == pytest.approx(math.hypot(1, 1, error))
    assert found.gap_low == 0 < error - 4


def test_a_subject_of_both_groups_gives_the_gap_its_correlation() -> None:
    random = np.random.default_rng(0)
    parts = random.normal(size=(2, 12))
    first, second = np.arange(12), np.arange(6, 18)

    def found(**settings: Any) -> tuple[float, float]:
        groups = {
            name: GroupScore(replace(one, contributions={settings.get("kind", "cases"): of_group}), whose=whose)
            for name, one, of_group, whose in zip(
                "FM", (score(5, 4, 7), score(2, 1.5, 2.2)), parts, settings["whose"], strict=True
            )
        }
        gap = set_breakdown(groups, "lower", NO_BOUNDS)
        return gap.gap_low, gap.gap_high

    rho = parts[0][6:] @ parts[1][:6] / (np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]))
    joined = [(1 + 0.04 - 2 * rho * 0.2) ** 0.5, (4 + 0.25 - 2 * rho) ** 0.5]
    both = ({"cases": first}, {"cases": second})
    assert found(whose=both) == pytest.approx((3 - joined[0], 3 + joined[1]))
    assert found(whose=both, kind="groups") == pytest.approx((3 - 1.2, 3 + 2.5))  # nobody knows it: the widest
    apart = found(whose=({}, {}))
    assert apart == found(whose=({"cases": first}, {"cases": second + 12}), kind="groups")
    assert apart == pytest.approx((3 - math.hypot(1, 0.2), 3 + math.hypot(2, 0.5)))


def test_a_gap_stays_within_the_metrics_bounds() -> None:
    groups = {"a": GroupScore(score(0, 0, 0.2)), "b": GroupScore(score(1, 0.8, 1))}
    found = set_breakdown(groups, "lower", (0.0, 1.0))
    assert found.gap_high == 1
    assert found.gap_low == pytest.approx(1 - math.hypot(0.2, 0.2))  # a share of 0 and one of 1 are no certainty
    same = set_breakdown({"a": GroupScore(score(0, 0, 0)), "b": GroupScore(score(0, 0, 0))}, "lower", (0.0, 1.0))
    assert (same.gap, same.gap_low, same.gap_high) == (0, 0, 0)
