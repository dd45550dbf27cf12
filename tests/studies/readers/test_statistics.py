"""The study's statistics against published examples, independent formulas, and simulated readers of known skill."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from ldbench.score.metrics.intervals import wilson_interval
from ldbench.studies.readers.agreement import FEWEST, krippendorff_alpha
from ldbench.studies.readers.bradley_terry import bradley_terry, profile_interval
from ldbench.studies.readers.preference import order, preferences

Array = npt.NDArray[np.float64]
_ = None


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def counted(rows: list[list[int | None]]) -> Array:
    """Readers' answers, a row a reader, as counts `(T, C)`."""
    values = sorted({value for row in rows for value in row if value is not None})
    return np.array([[sum(row[t] == v for row in rows) for v in values] for t in range(len(rows[0]))], dtype=np.float64)


# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability: examples A (two readers, binary, no answer missing)
# and C (four readers, five values, some missing), nominal
BINARY = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
MISSING = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]


@pytest.mark.parametrize(("rows", "alpha"), [(BINARY, 0.095), (MISSING, 0.743)])
def test_alpha_is_the_published_one(rows: list[list[int | None]], alpha: float) -> None:
    found = krippendorff_alpha(counted(rows), rng())
    assert found is not None
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert found.low < found.value < found.high <= 1


def test_alpha_is_fleiss_kappa_but_for_its_correction() -> None:
    """Where nobody is missing, alpha = kappa + (1 - kappa) / (readers x trials); kappa 0.210 is Fleiss' kappa of the
    often reprinted table of 14 readers, 10 trials and 5 answers."""
    table = np.array([
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ], dtype=np.float64)
    shares = table.sum(axis=0) / table.sum()
    agreed = ((table**2).sum(axis=1) - 14) / (14 * 13)
    kappa = (agreed.mean() - (shares**2).sum()) / (1 - (shares**2).sum())
    assert kappa == pytest.approx(0.210, abs=5e-4)
    found = krippendorff_alpha(table, rng())
    assert found is not None
    assert found.value == pytest.approx(kappa + (1 - kappa) / table.sum())


@given(st.lists(st.lists(st.sampled_from([0, 1, None]), min_size=14, max_size=14), min_size=2, max_size=4))
def test_alpha_is_one_minus_the_ratio_of_disagreeing_pairs(rows: list[list[int | None]]) -> None:
    """The definition, pair by pair."""
    units = [[row[t] for row in rows if row[t] is not None] for t in range(14)]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    pairs = list(itertools.permutations(values, 2))
    expected = sum(a != b for a, b in pairs) / len(pairs) if pairs else 0
    found = krippendorff_alpha(counted(rows), rng())
    if expected == 0 or len(units) < FEWEST:
        assert found is None
        return
    apart = sum(sum(a != b for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    assert found is not None
    assert found.value == pytest.approx(1 - apart / len(values) / expected)
    assert -1.001 <= found.low < found.high <= 1
    assert found.low <= found.value <= found.high


def test_alpha_is_one_for_equal_readers_and_near_zero_for_guessers() -> None:
    answers = rng().integers(0, 2, 40)
    same = krippendorff_alpha(counted([list(map(int, answers))] * 3), rng())
    assert same is not None
    assert (same.value, same.high) == (1, 1)
    assert 0.85 < same.low < 0.98  # no disagreement in 80 comparisons: Wilson's 95 % reach up to 0.046 of about 0.5
    guessed = krippendorff_alpha(counted([list(map(int, row)) for row in rng(1).integers(0, 2, (5, 80))]), rng())
    assert guessed is not None
    assert guessed.low < 0 < guessed.high


def test_readers_who_agree_on_a_few_trials_may_disagree_on_others() -> None:
    """Two readers, ten trials: no disagreement, and Wilson's 95 % reach up to 0.278; with half of that of each answer
    chance gives the same 10 / 19 as before."""
    found = krippendorff_alpha(counted([[0, 1] * 5] * 2), rng())
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(1 - wilson_interval(0, 10).high / (10 / 19), abs=1e-6)
    assert krippendorff_alpha(counted([([0, 1] * 5)[:-1]] * 2), rng()) is None


@pytest.mark.parametrize(("skill", "alpha"), [(0.5, 0.0), (0.97, 0.8836)])
@pytest.mark.parametrize("readers", [2, 5])
def test_the_interval_of_alpha_covers_the_agreement_that_readers_have(skill: float, alpha: float, readers: int) -> None:
    """Both answers equally often right, each reader right with probability `skill`: alpha is (2 skill - 1)^2. 95 %
    nominal; fewer than 52 of 60 such intervals would hold it in 3 of 1,000."""
    covered = 0
    for seed in range(60):
        random = rng(seed)
        truth, right = random.integers(0, 2, 10), random.random((readers, 10)) < skill
        answers = np.where(right, truth, 1 - truth)
        found = krippendorff_alpha(counted([list(map(int, row)) for row in answers]), rng(1))
        covered += found is None or found.low <= alpha <= found.high
    assert covered >= 52


def games(
    strengths: list[float], readers: int, cases: int, random: np.random.Generator
) -> dict[tuple[int, int], Array]:
    return {
        (a, b): (random.random((readers, cases)) < 1 / (1 + np.exp(strengths[b] - strengths[a]))).astype(np.float64)
        for a, b in itertools.combinations(range(len(strengths)), 2)
    }


def test_bradley_terry_finds_the_strengths_and_their_order() -> None:
    true = np.array([1.2, 0.2, -0.4, -1.0])
    found = order(games(list(true), 5, 200, rng()), list("abcd"))
    assert [row.run for row in found] == list("abcd")
    assert [row.rank for row in found] == [1, 2, 3, 4]
    assert np.allclose([row.strength.value for row in found], true, atol=0.25)
    assert all(row.strength.low < row.strength.value < row.strength.high for row in found)


def test_bradley_terry_of_two_is_the_log_odds_and_of_a_cycle_a_draw() -> None:
    wins = np.zeros((1, 2, 2))
    wins[0, 0, 1], wins[0, 1, 0] = 30, 10
    assert np.diff(bradley_terry(wins)[0])[0] == pytest.approx(-np.log(3), abs=1e-6)
    one, none = np.ones((2, 5)), np.zeros((2, 5))
    cycle = order({(0, 1): one, (1, 2): one, (0, 2): none}, list("abc"))
    assert [row.rank for row in cycle] == [1, 1, 1]
    sweep = order({(0, 1): one, (1, 2): one, (0, 2): one}, list("abc"))
    assert [row.run for row in sweep] == list("abc")
    assert np.isfinite([row.strength.value for row in sweep]).all()


@pytest.mark.parametrize(("runs", "wins", "losses"), [(3, 20.5, 0.5), (3, 1e6, 0.5), (6, 20.5, 0.5), (6, 0.5, 1e-3)])
def test_strengths_far_apart_are_those_of_the_largest_likelihood(runs: int, wins: float, losses: float) -> None:
    """There the expected wins are the wins that were counted."""
    wins_kk = np.triu(np.full((runs, runs), wins), 1) + np.tril(np.full((runs, runs), losses), -1)
    wins_kk[0, 2:] = wins_kk[2:, 0] = 0  # a chain, which converges most slowly
    strength_k = bradley_terry(wins_kk[None])[0]
    expected_kk = (wins_kk + wins_kk.T) * special.expit(strength_k[:, None] - strength_k)
    assert strength_k.mean() == pytest.approx(0, abs=1e-9)
    assert expected_kk.sum(axis=1) == pytest.approx(wins_kk.sum(axis=1), rel=1e-9)


def test_fits_side_by_side_are_those_of_each_alone() -> None:
    wins_bkk = rng().gamma(1.0, size=(7, 4, 4)) * (1 - np.eye(4)) * np.logspace(0, 3, 7)[:, None, None]
    assert bradley_terry(wins_bkk) == pytest.approx(np.stack([bradley_terry(each[None])[0] for each in wins_bkk]))


@pytest.mark.parametrize("run", [0, 1, 3])
def test_the_likelihoods_interval_is_what_a_general_optimiser_finds(run: int) -> None:
    wins_kk = np.array([[0, 6.5, 7.5, 7.5], [1.5, 0, 5, 6], [0.5, 2, 0, 3.5], [0.5, 1, 4.5, 0]])

    def likelihood(strength_k: Array) -> float:
        return float((wins_kk * special.log_expit(strength_k[:, None] - strength_k)).sum())

    best_k = bradley_terry(wins_kk[None])[0]
    kept = {"type": "ineq", "fun": lambda k: likelihood(k) - likelihood(best_k) + stats.chi2.ppf(0.95, 1) / 2}
    ends = [
        float(optimize.minimize(lambda k, s=side: s * (k[run] - k.mean()), best_k, constraints=kept).fun) * side
        for side in (1, -1)
    ]
    assert profile_interval(wins_kk, run) == pytest.approx(ends, abs=1e-3)


def test_an_order_that_all_agree_on_has_intervals() -> None:
    """Every resample is alike then."""
    found = order({pair: np.ones((3, 7)) for pair in ((0, 1), (0, 2), (1, 2))}, list("abc"))
    first, second, last = (row.strength for row in found)
    assert first.low > second.value > last.high
    assert all(each.high - each.low > 2 for each in (first, second, last))
    assert first.high - first.value > first.value - first.low  # it may be far stronger, as it never lost


@pytest.mark.slow
@pytest.mark.parametrize("strengths", [[0.0, 0.0, 0.0], [3.0, 0.0, -3.0]])
def test_the_interval_of_a_strength_covers_it(strengths: list[float]) -> None:
    """95 % nominal. Resamples alone cover 82 % of the strengths that are far apart, and have no width in 9 %."""
    covered, widths = 0, []
    for seed in range(25):
        for row in order(games(strengths, 3, 7, rng(seed)), list("012")):
            covered += row.strength.low <= strengths[int(row.run)] <= row.strength.high
            widths.append(row.strength.high - row.strength.low)
    assert covered >= 70
    assert min(widths) > 0.5


def test_runs_that_never_met_have_no_order() -> None:
    assert order({(0, 1): np.ones((2, 5))}, list("abc")) == []
    assert order({(0, 1): np.ones((2, 5))}, list("ab")) == []


def test_cannot_tell_is_half_in_the_score_and_out_of_the_sign_test() -> None:
    table = np.array([[1.0, 1, 0.5, 0, 1, 0.5], [1.0, 0, 0.5, 0, 0.5, np.nan]])
    (row,) = preferences({(0, 1): table}, ["a", "b"])
    assert row.score.value == pytest.approx(np.nansum(table) / 11)
    shares = (row.share_first.value, row.share_second.value, row.share_neither.value)
    assert shares == pytest.approx((4 / 11, 3 / 11, 4 / 11))
    assert (row.cases_first, row.cases_second) == (2, 1)
    assert row.p == pytest.approx(1.0)


def test_the_sign_test_counts_cases_and_not_readers() -> None:
    table = np.ones((50, 3))
    (row,) = preferences({(0, 1): table}, ["a", "b"])
    assert row.p == pytest.approx(0.25)


@pytest.mark.slow
def test_equal_runs_are_told_apart_as_rarely_as_promised() -> None:
    """Three equal runs: any adjusted p below 5 % in at most 5 % of studies; 60 studies, 7 or more by chance in 3 %."""
    false = 0
    for seed in range(60):
        rows = preferences(games([0, 0, 0], 3, 12, rng(seed)), list("abc"))
        false += min(row.p_holm for row in rows) < 0.05
    assert false <= 6
    assert Counter(len(rows) for rows in [rows]) == {3: 1}
