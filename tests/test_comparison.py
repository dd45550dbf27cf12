"""Paired tests: their error rate by simulation, against scipy's t-tests, and what they refuse to tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ldbench.comparison import Comparison, Run, compare, holm
from ldbench.metrics.mean_score import mean_score
from ldbench.metrics.score import Score
from ldbench.units import Contributions, Units

CASES = 40
IDS = tuple(f"case-{index}" for index in range(CASES))


def run(values: np.ndarray, metric: str = "score", ids: tuple[str, ...] = IDS, known: bool = True) -> Run:
    measured = mean_score(metric, values, "higher", {})
    by_unit = {"cases": tuple(measured.contributions["cases"].tolist())}
    units = Units({"cases": ids}, {metric: Contributions(measured.value, by_unit)})
    return Run(measured.score, units if known else None)


def normal(seed: int, mean: float = 0.0, size: int = CASES) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.1, size)


def two(one: dict[int | None, Run], other: dict[int | None, Run]) -> Comparison:
    (found,) = compare({"one": one, "other": other}, "higher")
    return found


def test_one_seed_is_the_paired_t_test() -> None:
    shared = normal(0)
    one, other = shared + 0.1 * normal(1), shared + 0.1 * normal(2)
    found, expected = two({0: run(one)}, {0: run(other)}), stats.ttest_rel(one, other)
    assert found.paired
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)
    interval = expected.confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))


def test_seeds_that_say_all_of_the_error_are_the_paired_t_test_over_seeds() -> None:
    rows = [{seed: run(np.full(CASES, mean) + 1e-9 * normal(seed)) for seed, mean in enumerate(means)}
            for means in ((0.1, 0.2, 0.35), (0.05, 0.1, 0.3))]
    found, expected = two(*rows), stats.ttest_rel((0.1, 0.2, 0.35), (0.05, 0.1, 0.3))
    assert found.seeds == 3
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)


def test_pairing_sees_what_two_intervals_cannot() -> None:
    shared = normal(0)
    rows = [{0: run(shared + offset + 0.01 * normal(7 + index), known=known)} for known in (True, False)
            for index, offset in enumerate((0.0, 0.01))]
    paired, apart = two(*rows[:2]), two(*rows[2:])
    assert (paired.better, paired.paired) == ("other", True)
    assert (apart.better, apart.paired) == (None, False)


@pytest.mark.parametrize("ids", [IDS[::-1], (*IDS[:-1], "elsewhere")])
def test_other_cases_are_never_paired(ids: tuple[str, ...]) -> None:
    assert not two({0: run(normal(0))}, {0: run(normal(1), ids=ids)}).paired


def test_only_seeds_that_both_have_count() -> None:
    one, other = {0: run(normal(0)), 1: run(normal(1))}, {1: run(normal(2)), 2: run(normal(3, 9.0))}
    assert two(one, other).difference == pytest.approx(normal(1).mean() - normal(2).mean())
    assert two(one, other).seeds == 1


def test_models_without_a_common_seed_are_compared_as_two_samples() -> None:
    values = [(0.1, 0.12, 0.11), (0.2, 0.23, 0.21)]
    rows = [{10 * place + seed: run(np.full(CASES, v) + 1e-9 * normal(seed)) for seed, v in enumerate(three)}
            for place, three in enumerate(values)]
    found, expected = two(*rows), stats.ttest_ind(*values)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)
    assert found.better == "other"


def test_equal_images_are_not_told_apart_and_units_that_cannot_vary_are_not_believed() -> None:
    assert two({0: run(normal(0))}, {0: run(normal(0))}).p == 1
    never, always = np.zeros(3), np.ones(3)
    ids = IDS[:3]
    rows = [{0: Run(Score("flip_rate", float(v.mean()), low, high, 3, "higher"), run(v, "flip_rate", ids).units)}
            for v, low, high in ((never, 0.0, 0.56), (always, 0.44, 1.0))]
    assert two(*rows).p == pytest.approx(2 * stats.norm.sf(1 / (0.56 / 1.959964) / 2**0.5), rel=1e-3)


def test_a_trained_classifiers_area_is_told_apart_by_seeds_alone() -> None:
    def area(value: float) -> Run:
        return Run(Score("auc", value, value - 0.01, value + 0.01, 100, "higher"))

    assert two({0: area(0.6)}, {0: area(0.9)}).better is None
    three = [{seed: area(value + seed / 1000) for seed in range(3)} for value in (0.6, 0.9)]
    assert two(*three).better == "other"


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
