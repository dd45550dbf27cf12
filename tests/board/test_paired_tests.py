"""Paired tests: their error rate by simulation, against scipy's t-tests, and what they refuse to tell apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ldbench.api import Score
from ldbench.board.difference_test import SHOWN_SHARE
from ldbench.board.paired_tests import Comparison, ScoredRun, compare, holm
from ldbench.board.ranks import places
from ldbench.board.seed_allowance import allowance
from ldbench.records.units import Contributions, Units
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.roc import areas
from tests.known_spreads import known_spreads

CASES = 40
IDS = tuple(f"case-{index}" for index in range(CASES))


def run(values: np.ndarray, metric: str = "score", ids: tuple[str, ...] = IDS, known: bool = True) -> ScoredRun:
    measured = mean_score(metric, values, "higher", {})
    by_unit = {"cases": tuple(measured.contributions["cases"].tolist())}
    units = Units({"cases": ids}, {metric: Contributions(measured.value, by_unit)})
    return ScoredRun(measured.score, units if known else None)


def normal(seed: int, mean: float = 0.0, size: int = CASES) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.1, size)


def two(one: dict[int | None, ScoredRun], other: dict[int | None, ScoredRun], as_fitted: bool = False) -> Comparison:
    (found,) = compare({"one": one, "other": other}, "higher", as_fitted)
    return found


def test_one_seed_as_fitted_is_the_paired_t_test() -> None:
    shared = normal(0)
    one, other = shared + 0.1 * normal(1), shared + 0.1 * normal(2)
    found, expected = two({0: run(one)}, {0: run(other)}, as_fitted=True), stats.ttest_rel(one, other)
    assert found.paired
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)
    interval = expected.confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))


def test_groups_are_paired_whatever_an_older_file_calls_their_list() -> None:
    values, ids = normal(0, size=12), tuple(map(str, range(12)))
    one, other = run(values, ids=ids), run(values + 0.1, ids=ids)

    def grouped(of: ScoredRun, name: str) -> ScoredRun:
        assert of.units is not None
        by_unit = of.units.metrics["score"].by_unit["cases"]
        return replace(of, units=Units({name: ids}, {"score": Contributions(of.score.value, {name: by_unit})}))

    for names in (("groups", "groups-12"), ("groups-12", "groups-12")):
        assert two({0: grouped(one, names[0])}, {0: grouped(other, names[1])}).paired
    twenty = run(normal(1, size=20), ids=tuple(map(str, range(20))))
    assert not two({0: grouped(one, "groups-12")}, {0: replace(twenty, units=replace(
        twenty.units, ids={"groups": tuple(map(str, range(20)))},  # type: ignore[arg-type]
        metrics={"score": Contributions(0.0, {"groups": (0.01,) * 20})},
    ))}).paired


def test_seeds_that_say_all_of_the_error_are_the_paired_t_test_over_seeds_at_its_share_of_the_level() -> None:
    rows = [{seed: run(np.full(CASES, mean) + 1e-9 * normal(seed)) for seed, mean in enumerate(means)}
            for means in ((0.1, 0.2, 0.35), (0.05, 0.1, 0.3))]
    found, expected = two(*rows), stats.ttest_rel((0.1, 0.2, 0.35), (0.05, 0.1, 0.3))
    assert found.seeds == 3
    assert found.p == pytest.approx(expected.pvalue / SHOWN_SHARE, rel=1e-3)  # the rest is for the allowance


def test_one_seed_is_compared_with_what_another_is_allowed_to_change() -> None:
    shared = normal(0)
    rows = [{0: run(shared + offset + 0.01 * normal(7 + index))} for index, offset in enumerate((0.0, 0.01))]
    found, fitted = two(*rows), two(*rows, as_fitted=True)
    assert (found.better, found.paired, fitted.better) == (None, True, "other")
    halves = [one.score.ci_high - one.score.value for row in rows for one in row.values()]
    of_seeds = allowance("score", CASES).most * np.hypot(*halves)
    assert found.ci_high - found.difference == pytest.approx(np.hypot(of_seeds, fitted.ci_high - fitted.difference))
    assert two({0: run(normal(0))}, {0: run(normal(1, 9.0))}).better == "other"


def test_pairing_sees_what_two_intervals_cannot() -> None:
    shared = normal(0)
    rows = [{0: run(shared + offset + 0.01 * normal(7 + index), known=known)} for known in (True, False)
            for index, offset in enumerate((0.0, 0.01))]
    paired, apart = two(*rows[:2], as_fitted=True), two(*rows[2:], as_fitted=True)
    assert (paired.better, paired.paired) == ("other", True)
    assert (apart.better, apart.paired) == (None, False)


def test_several_cases_of_a_subject_are_one_unit_of_the_test() -> None:
    """Four equal cases of each of ten subjects say what ten cases say, and no more."""
    shared, whose = normal(0, size=10), tuple(place // 4 for place in range(CASES))
    few = [shared + 0.1 * normal(1 + index, size=10) for index in range(2)]
    once = two(*({0: run(each, ids=IDS[:10])} for each in few), as_fitted=True)
    rows = [run(np.repeat(each, 4)) for each in few]
    told = [replace(row, units=replace(row.units, subjects={"cases": whose})) for row in rows]  # type: ignore[type-var]
    found, apart = (two(*({0: row} for row in each), as_fitted=True) for each in (told, rows))
    assert (found.p, found.ci_low) == pytest.approx((once.p, once.ci_low), rel=1e-3)
    assert (found.paired, two({0: told[0]}, {0: rows[1]}, as_fitted=True).paired) == (True, False)
    assert apart.p < 0.5 * found.p


@pytest.mark.parametrize("ids", [IDS[::-1], (*IDS[:-1], "elsewhere")])
def test_other_cases_are_never_paired(ids: tuple[str, ...]) -> None:
    assert not two({0: run(normal(0))}, {0: run(normal(1), ids=ids)}, as_fitted=True).paired
    assert two({0: run(normal(0))}, {0: run(normal(1))}, as_fitted=True).paired


def test_all_runs_of_both_count_whichever_seeds_they_share() -> None:
    one, other = {0: run(normal(0)), 1: run(normal(1))}, {1: run(normal(2)), 2: run(normal(3, 9.0))}
    means = [np.mean([each.score.value for each in row.values()]) for row in (one, other)]
    assert two(one, other).difference == pytest.approx(means[0] - means[1])
    assert two(one, other).seeds == 2


def test_models_without_common_seeds_are_compared_as_two_samples_of_unequal_variance() -> None:
    values = [(0.1, 0.12, 0.11), (0.2, 0.23, 0.21)]
    rows = [{10 * place + seed: run(np.full(CASES, v) + 1e-9 * normal(seed)) for seed, v in enumerate(three)}
            for place, three in enumerate(values)]
    found = two(*rows)
    error = sum(np.var(three, ddof=1) / 3 for three in values) ** 0.5
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.difference) / error, 2) / SHOWN_SHARE, rel=1e-3)
    assert found.p > stats.ttest_ind(*values, equal_var=False).pvalue
    assert found.better == "other"


def test_no_pair_is_called_better_against_the_means_that_a_board_is_sorted_by() -> None:
    rows = {"one": {seed: run(normal(seed, mean)) for seed, mean in ((0, 5.0), (7, 1.0), (8, 1.1))},
            "other": {0: run(normal(9, 4.5))},
            **{name: {seed: run(normal(seed, 1.0)) for seed in range(2)} for name in ("third", "fourth")}}
    means = {name: float(np.mean([each.score.value for each in runs.values()])) for name, runs in rows.items()}
    found = compare(rows, "higher")
    assert all(each.difference == pytest.approx(means[each.first] - means[each.second]) for each in found)
    places(means, "higher", found)


@given(st.sampled_from([0.0, 0.01, 3.0]), st.integers(1, 3), st.integers(0, 9))
@settings(max_examples=10)
def test_a_row_that_joins_changes_nothing_of_a_pair_but_the_correction(loud: float, seeds: int, draw: int) -> None:
    rows = {name: {seed: run(normal(9 * index + seed, 0.3 * index)) for seed in range(count)}
            for index, (name, count) in enumerate((("one", 3), ("two", 3), ("three", 1)))}
    joining = {seed: run(normal(draw) + loud * seed) for seed in range(seeds)}
    alone = {(each.first, each.second): each for each in compare(rows, "higher")}
    joined = {(each.first, each.second): each for each in compare(rows | {"joining": joining}, "higher")}
    for pair, each in alone.items():
        assert replace(joined[pair], p_adjusted=0.0, better=None) == replace(each, p_adjusted=0.0, better=None)
        assert joined[pair].p_adjusted >= each.p_adjusted


def test_seeds_that_lie_further_apart_than_is_allowed_are_believed() -> None:
    loud = [{seed: run(normal(seed, mean)) for seed, mean in enumerate(means)} for means in ((0, 9, 30), (90, 99, 70))]
    values = [[each.score.value for each in row.values()] for row in loud]
    assert two(*loud).p == pytest.approx(stats.ttest_rel(*values).pvalue / SHOWN_SHARE, rel=0.01)


def test_images_that_do_not_depend_on_the_seed_leave_the_cases_alone() -> None:
    def repeated(values: np.ndarray, images: str, metric: str = "score") -> dict[int | None, ScoredRun]:
        return {seed: replace(run(values, metric), images=images) for seed in range(3)}

    one, other = normal(0), normal(1, 0.1)
    rows = repeated(one, "a"), repeated(other, "b")
    assert two(*rows).p == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=1e-3)
    trained = repeated(one, "a", "auc"), repeated(other, "b", "auc")
    single = {0: run(one, "auc")}, {0: run(other, "auc")}
    assert two(*trained).p == two(*single).p > two(*rows).p


def test_seeds_that_agree_by_chance_are_not_taken_for_certain() -> None:
    """A rate in steps of a fifth is often the same in three runs."""
    rows = [{seed: ScoredRun(Score("rate", value, value - 0.3, value + 0.3, 5, "higher")) for seed in range(3)}
            for value in (0.4, 0.6)]
    assert two(*rows).better is None
    exact = [{seed: ScoredRun(Score("rate", value, value, value, 5, "higher")) for seed in range(3)}
             for value in (0.4, 0.6)]
    assert (two(*exact).p, two(*exact).ci_high) == (1.0, np.inf)


def test_a_standard_error_of_rounding_says_nothing_of_another_seed() -> None:
    """An edit that adds the same number to each image has the same change in every case."""
    dust = [{0: ScoredRun(Score("rate", value, value - 1e-10, value + 1e-10, 24, "lower"))} for value in (0.04, 0.06)]
    assert (two(*dust).p, two(*dust).better) == (1.0, None)


def test_cases_that_were_not_measured_are_no_degrees_of_freedom() -> None:
    measured = np.arange(CASES) < 4
    ones, others = normal(0)[measured], normal(1)[measured]
    rows: list[dict[int | None, ScoredRun]] = []
    for values in (ones, others):
        score = mean_score("score", values, "higher", {})
        by_unit = {"cases": tuple(score.among(measured).contributions["cases"].tolist())}
        rows.append({0: ScoredRun(score.score, Units({"cases": IDS}, {"score": Contributions(score.value, by_unit)}))})
    assert two(*rows, as_fitted=True).p == pytest.approx(stats.ttest_rel(ones, others).pvalue, rel=1e-3)


def test_equal_images_are_not_told_apart_and_units_that_cannot_vary_are_not_believed() -> None:
    assert two({0: run(normal(0))}, {0: run(normal(0))}).p == 1
    never, always = np.zeros(3), np.ones(3)
    ids = IDS[:3]
    rows = [{0: ScoredRun(Score("flip_rate", float(v.mean()), low, high, 3, "higher"), run(v, "flip_rate", ids).units)}
            for v, low, high in ((never, 0.0, 0.56), (always, 0.44, 1.0))]
    assert two(*rows, as_fitted=True).p == pytest.approx(2 * stats.norm.sf(1 / (0.56 / 1.959964) / 2**0.5), rel=1e-3)


def test_a_trained_classifiers_area_of_one_seed_is_compared_by_its_allowance() -> None:
    def area(value: float) -> ScoredRun:
        return ScoredRun(Score("auc", value, value - 0.01, value + 0.01, 100, "higher"))

    with known_spreads():
        assert two({0: area(0.6)}, {0: area(0.7)}).better is None
        assert two({0: area(0.6)}, {0: area(0.9)}).better == "other"
        three = [{seed: area(value + seed / 1000) for seed in range(3)} for value in (0.6, 0.7)]
        assert two(*three).better == "other"


def of_trainings(random: np.random.Generator, shared: np.ndarray, skill: float, spread: float, count: int) -> ScoredRun:
    """The area of so many trainings of a classifier, whose skills vary, on scans of which half of the noise is shared.
    """
    labels = np.arange(len(shared)) % 2
    noise = (shared + random.normal(size=(count, len(shared)))) / 2**0.5
    scores = (skill + spread * random.normal(size=(count, 1))) * labels + noise
    found = areas(np.stack([-scores, scores], axis=2), labels)
    interval = found.interval()
    told = {"spread_seeds": count} | ({} if found.spread is None else {"observed_spread_sd": found.spread})
    score = Score("auc", interval.value, interval.low, interval.high, 600, "higher", parameters=told)
    by_unit = {"scans": tuple(found.contributions_n.tolist())}
    ids = {"scans": tuple(f"scan-{index}" for index in range(len(shared)))}
    return ScoredRun(score, Units(ids, {"auc": Contributions(found.mean, by_unit)}))


def test_trainings_are_an_error_of_rows_as_fitted() -> None:
    """Without it half of these pairs of equal rows would be called different."""
    random, wrong, repetitions = np.random.default_rng(3), 0, 60
    for _ in range(repetitions):
        shared = random.normal(size=200)
        wrong += two(*({0: of_trainings(random, shared, 1.0, 0.4, 3)} for _ in range(2)), as_fitted=True).p < 0.05
    assert wrong / repetitions <= 0.05
    shared = random.normal(size=200)
    assert two(*({0: of_trainings(random, shared, skill, 0.1, 3)} for skill in (0.0, 3.0)), as_fitted=True).better


def test_of_one_training_nothing_is_known_so_seeds_count_as_otherwise() -> None:
    random = np.random.default_rng(3)
    shared = random.normal(size=200)
    rows = [{seed: of_trainings(random, shared, skill, 0.1, 1) for seed in range(2)} for skill in (0.5, 1.5)]
    assert two(*rows, as_fitted=True) == two(*rows)
    mixed = rows[0], {seed: of_trainings(random, shared, 1.5, 0.1, 3) for seed in range(2)}
    assert two(*mixed, as_fitted=True) == two(*mixed)


def test_trainings_that_agree_by_chance_are_not_taken_for_certain() -> None:
    told = {"spread_seeds": 3, "observed_spread_sd": 0.0}
    rows = [{0: ScoredRun(Score("auc", area, area, area, 600, "higher", parameters=told))} for area in (0.4, 0.6)]
    assert (two(*rows, as_fitted=True).p, two(*rows, as_fitted=True).ci_high) == (1.0, 1.0)


def test_direction_says_which_is_better() -> None:
    rows = {"low": {0: run(normal(0))}, "high": {0: run(normal(1, 5.0))}}
    assert [compare(rows, way)[0].better for way in ("lower", "higher")] == ["low", "high"]  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_agrees_with_its_definition(ps: list[float]) -> None:
    adjusted = holm(ps)
    order = np.argsort(ps, kind="stable")
    expected, so_far = {}, 0.0
    for place, index in enumerate(order):
        so_far = max(so_far, min(1.0, (len(ps) - place) * ps[index]))
        expected[int(index)] = so_far
    assert adjusted == [expected[index] for index in range(len(ps))]


def test_among_equal_models_one_with_more_seeds_makes_no_other_better() -> None:
    random, wrong, repetitions = np.random.default_rng(11), 0, 150
    for _ in range(repetitions):
        shared = random.normal(0, 1, CASES)
        models = {
            str(model): {
                seed: run(shared + random.normal(0, 0.5, CASES) + random.normal(0, 0.3)) for seed in range(seeds)
            }
            for model, seeds in enumerate((3, 1, 1, 1))
        }
        wrong += any(each.better for each in compare(models, "higher"))
    assert wrong / repetitions < 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3])
def test_among_equal_models_any_is_called_better_in_five_percent_at_most(seeds: int) -> None:
    random, wrong, repetitions = np.random.default_rng(seeds), 0, 300
    for _ in range(repetitions):
        shared = random.normal(0, 1, CASES)
        models = {
            str(model): {
                seed: run(shared + random.normal(0, 0.5, CASES) + (random.normal(0, 0.3) if seeds > 1 else 0.0))
                for seed in range(seeds)
            }
            for model in range(4)
        }
        wrong += any(each.better for each in compare(models, "higher"))
    assert wrong / repetitions < 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5


def test_no_difference_is_larger_than_the_metric_allows() -> None:
    def share(value: float) -> ScoredRun:
        return ScoredRun(Score("flip_rate", value, -1.0, 2.0, 3, "higher"))

    found = two({0: share(0.5)}, {0: share(0.5)})
    assert (found.ci_low, found.ci_high) == (-1.0, 1.0)
