"""The test of a difference with several parts: its limits, and that it never claims more than its level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ldbench.board.difference_test import MANY, CasesError, SeedsError, confidence, half_widths, p_values

NO_CASES = CasesError(0.0, 39)


def test_one_part_is_students_t() -> None:
    assert p_values([0.5, 2.0], CasesError(0.25, 7), ()) == pytest.approx(2 * stats.t.sf([1.0, 4.0], 7))
    assert confidence(CasesError(0.25, 7), ()) == pytest.approx(0.5 * stats.t.ppf(0.975, 7))


@pytest.mark.parametrize(("size", "degrees"), [(12.0, 1000), (40.0, 100), (1e5, 19), (20.0, MANY), (9.0, 399)])
def test_a_small_p_is_that_of_students_t_and_never_nothing(size: float, degrees: float) -> None:
    [p, rarer] = p_values([size, 1e90], CasesError(1.0, degrees), ())
    assert 0 < p < 1e-15
    assert p == pytest.approx(2 * stats.t.sf(size, degrees), rel=1e-6)
    assert 0 < rarer < p
    assert p_values([1e200], CasesError(1.0, 1), ()) == pytest.approx(1e-140)


def test_a_lone_seed_is_normal_within_its_allowance() -> None:
    error = SeedsError(np.inf, 1, 4.0)
    assert p_values([3.0], NO_CASES, [error]) == pytest.approx(2 * stats.norm.sf(1.5))


def test_the_smaller_of_two_reaches_counts_at_its_share_of_the_level() -> None:
    quiet, loud = SeedsError(1e-4, 2, 4.0), SeedsError(3.0, 2, 4.0)
    assert half_widths(0.01, NO_CASES, [quiet]) == pytest.approx(stats.t.isf(0.004, 2) * 1e-2)
    assert half_widths(0.01, NO_CASES, [loud]) == pytest.approx(stats.norm.isf(0.001) * 2)


def test_nothing_known_is_nothing_said_and_no_error_is_certain() -> None:
    unknown = SeedsError(np.inf, 1, np.inf)
    assert p_values([1e9], CasesError(1.0, 39), [unknown]).tolist() == [1.0]
    assert p_values([1e-9, 0.0], NO_CASES, ()).tolist() == [0.0, 1.0]


variances = st.floats(1e-6, 1e6)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=5), variances, variances, st.integers(1, 9), st.booleans())
def test_larger_differences_are_surer_and_more_error_less_sure(
    sizes: list[float], of_cases: float, of_seeds: float, degrees: int, alone: bool
) -> None:
    cases = CasesError(of_cases, 39)
    seeds = SeedsError(np.inf if alone else of_seeds, degrees, 2 * of_seeds)
    ps = p_values(sorted(sizes), cases, [seeds])
    assert ((ps >= 0) & (ps <= 1)).all()
    assert (np.diff(ps) <= 1e-12).all()
    more = p_values(sorted(sizes), CasesError(2 * of_cases, 39), [seeds, seeds])
    assert (more >= ps - 1e-12).all()


@pytest.mark.parametrize("level", [0.05, 1e-3])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("degrees", [1, 2, 4])
def test_the_level_holds_whatever_part_of_the_error_is_the_seeds(level: float, share: float, degrees: int) -> None:
    """Banerjee's theorem, for a variance between seeds at its allowance: the worst case of what is promised."""
    random, count = np.random.default_rng([degrees, int(10 * share)]), 200_000
    of_cases = (1 - share) * random.chisquare(39, count) / 39
    of_seeds = share * random.chisquare(degrees, count) / degrees
    half = half_widths(level, CasesError(of_cases, 39), [SeedsError(of_seeds, degrees, share)])
    missed = float(np.mean(np.abs(random.normal(size=count)) > half))
    assert missed <= level + 4 * (level / count) ** 0.5


def test_known_variances_are_normal() -> None:
    assert p_values([1.96], CasesError(1.0, MANY), ()) == pytest.approx(0.05, abs=1e-4)


def test_a_test_without_an_allowance_spends_the_whole_level_on_what_seeds_show() -> None:
    cases, level = CasesError(2.0, 19), 0.05
    width = half_widths(level, cases, [SeedsError(3.0, 2, None)])
    expected = stats.t.ppf(0.975, 19) ** 2 * 2 + stats.t.ppf(0.975, 2) ** 2 * 3
    assert float(width) == pytest.approx(expected**0.5)
    assert float(half_widths(level, cases, [SeedsError(3.0, 2, np.inf)])) > float(width)
