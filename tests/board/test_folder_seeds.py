"""Folders that are seeds of one method: means over seeds, and a test of methods that allows for another training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from ldbench.api import Measured, Metric
from ldbench.board.folder_differences import FolderDifference
from ldbench.board.folder_seeds import MethodComparison, MethodScore, over_seeds
from ldbench.board.seeds import pool
from ldbench.errors import UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.scores import FolderScores
from ldbench.score.metrics.intervals import Interval, of_mean
from tests.board.test_folder_differences import folder, share

CASES, REAL = 30, 25
SSIM = replace(METRICS.load("ssim"), bounds=(-np.inf, np.inf))
NAMES = [f"case-{index}" for index in range(CASES)]


def seed(name: str, cases: Any, *, value: float | None = None, paired: bool = True) -> FolderScores:
    """A seed's folder with a value for each of its images."""
    return folder(name, scored(cases, value), cases=NAMES if paired else [f"{name}-{each}" for each in NAMES])


def scored(cases: Any, value: float | None = None, metric: Metric = SSIM) -> tuple[Metric, Measured]:
    parts = of_mean(np.asarray(cases, float))
    value, half = float(np.mean(cases)) if value is None else value, 2 * float((parts**2).sum()) ** 0.5
    return metric, Measured(
        metric.name, value, value - half, value + half, len(parts), "higher", contributions={"cases": parts}
    )


def method(name: str, values: Any, paired: bool = True) -> list[FolderScores]:
    """The seeds `(seeds, cases)` of a method."""
    return [seed(f"{name}/{place}", of_seed, paired=paired) for place, of_seed in enumerate(values)]


def only(found: MethodComparison) -> FolderDifference:
    [difference] = found.differences.found
    return difference


def reason(found: MethodComparison) -> str:
    assert not found.differences.found
    [left_out] = found.differences.left_out
    return left_out.reason


def means(found: MethodComparison) -> list[MethodScore]:
    return [score for each in found.methods for score in each.scores]


def drawn(random: np.random.Generator, count: int, mean: float = 0.0, luck: float = 1.0) -> Any:
    return mean + luck * random.normal(size=(count, 1)) + random.normal(size=(count, CASES))


def test_the_error_of_a_difference_is_that_of_both_methods_seeds_and_of_the_images() -> None:
    random = np.random.default_rng(1)
    one, two = drawn(random, 3), drawn(random, 4, 8)
    found = only(over_seeds({"plain": method("plain", one), "drift": method("drift", two)}))
    of_seeds = [each.mean(axis=1).var(ddof=1) / len(each) for each in (one, two)]
    of_images = (two.mean(axis=0) - one.mean(axis=0)).var(ddof=1) / CASES

    def half(level: float) -> float:
        errors = zip([*of_seeds, of_images], (2, 3, CASES - 1), strict=True)
        return math.sqrt(sum(stats.t.isf(level / 2, degrees) ** 2 * variance for variance, degrees in errors))

    assert (found.folder, found.first) == ("drift", "plain")
    assert found.difference == pytest.approx(two.mean() - one.mean())
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (found.difference - half(0.05), found.difference + half(0.05))
    )
    assert found.p == pytest.approx(optimize.brentq(lambda level: half(level) - found.difference, 1e-9, 1), rel=1e-3)
    assert found.p > stats.ttest_ind(two.mean(axis=1), one.mean(axis=1), equal_var=False).pvalue  # Welch, seeds alone
    assert found.verdict == ("better" if found.p < 0.05 else "tied")


def test_a_mean_has_the_interval_of_a_board_row() -> None:
    folders = method("drift", drawn(np.random.default_rng(2), 3))
    [mean] = means(over_seeds({"drift": folders}))
    scores = [each.scores[0] for each in folders]
    values = [each.value for each in scores]
    expected, spread = pool([Interval(each.value, each.ci_low, each.ci_high) for each in scores])
    assert (mean.value, mean.ci_low, mean.ci_high) == (expected.value, expected.low, expected.high)
    assert mean.spread == spread == pytest.approx(np.std(values, ddof=1))
    assert (mean.seeds, mean.n) == (3, CASES)
    alone = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert mean.ci_low < alone[0] < alone[1] < mean.ci_high
    assert mean.parameters["interval"].startswith("95 % of the mean over 3 seeds")  # type: ignore[union-attr]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(3)), st.permutations(range(4)))
def test_the_order_of_seeds_does_not_matter(number: int, one: list[int], two: list[int]) -> None:
    random = np.random.default_rng(number)
    first, second = method("a", drawn(random, 3)), method("b", drawn(random, 4))
    found = over_seeds({"a": first, "b": second})
    turned = over_seeds({"a": [first[place] for place in one], "b": [second[place] for place in two]})
    assert [replace(each, parameters={}) for each in means(turned)] == [
        replace(each, parameters={}) for each in means(found)
    ]
    there, here = only(turned), only(found)
    for name in ("difference", "ci_low", "ci_high", "p"):
        assert getattr(there, name) == pytest.approx(getattr(here, name))
    swapped = only(over_seeds({"b": second, "a": first}))
    assert (swapped.difference, swapped.p) == pytest.approx((-here.difference, here.p))


def test_equal_seeds_and_one_seed_show_no_training() -> None:
    random = np.random.default_rng(3)
    several, cases = method("a", drawn(random, 3)), random.normal(size=CASES)
    equal = [seed(f"b/{place}", cases - 40) for place in range(3)]
    found = over_seeds({"a": several, "b": equal})
    assert means(found)[1].spread == 0
    assert means(found)[1].ci_low == pytest.approx(equal[0].scores[0].ci_low)
    assert reason(found) == "all seeds of b have one value, which does not show what another training would change"
    rounded = [seed(f"b/{place}", cases - 40 * (1 + 1e-9 * place)) for place in range(3)]
    assert "have one value" in reason(over_seeds({"a": several, "b": rounded}))
    single = over_seeds({"a": several, "b": equal[:1]})
    assert reason(single) == "b has one seed, which does not show what another training would change"
    score = means(single)[1]
    assert (score.spread, score.seeds, score.ci_high) == (None, 1, equal[0].scores[0].ci_high)


def test_what_has_no_mean_says_why() -> None:
    random = np.random.default_rng(4)
    first, second = method("a", drawn(random, 2)), method("b", drawn(random, 2))
    without = replace(first[1], parts=replace(first[1].parts, measured=()))
    found = over_seeds({"a": [first[0], without], "b": second})
    assert found.methods[0].left_out == {"ssim": "it was not measured of a/1"}
    assert reason(found) == "it was not measured of a/1"
    alike = [replace(each, images={**each.images, "generated": {**each.images["generated"], "sha256": "x"}})
             for each in first]  # fmt: skip
    assert "a/0 and a/1 have the same images" in over_seeds({"a": alike}).methods[0].left_out["ssim"]
    vendi = METRICS.load("vendi")
    numbers = [
        folder(f"a/{size}", scored(random.normal(size=size), metric=vendi), cases=NAMES[:size]) for size in (20, 10)
    ]
    assert over_seeds({"a": numbers}).methods[0].left_out == {
        "vendi": "its value depends on the number of images, 20 and 10; give images=10"
    }


def test_a_metric_without_a_difference_of_folders_has_none_of_methods() -> None:
    random = np.random.default_rng(5)
    recall = METRICS.load("recall")
    folders = {
        name: [folder(f"{name}/{place}", scored(0.5 + 0.1 * random.normal(size=CASES), metric=recall), cases=NAMES)
               for place in range(2)]
        for name in "ab"
    }  # fmt: skip
    found = over_seeds(folders)
    assert "take coverage" in reason(found)
    assert len(means(found)) == 2
    shares = {
        name: [folder(f"{name}/{place}", share(hits, 50), cases=[f"{place}-{each}" for each in range(50)])
               for place, hits in enumerate(of_method)]
        for name, of_method in {"a": (1, 2, 3), "b": (40, 41, 42)}.items()
    }  # fmt: skip
    assert only(over_seeds(shares)).verdict == "worse"


def test_holm_is_over_all_differences() -> None:
    random = np.random.default_rng(6)
    first, second, third = (method(name, drawn(random, 5, mean)) for name, mean in (("a", 0), ("b", 9), ("c", 0.5)))
    found = over_seeds({"a": first, "b": second, "c": third})
    above, below = found.differences.found
    assert (above.verdict, below.verdict) == ("better", "tied")
    assert above.p_adjusted == pytest.approx(2 * above.p)
    assert found.differences.pairs == {"b": CASES, "c": CASES}


def test_methods_that_say_nothing_are_one_line() -> None:
    folders = method("a", drawn(np.random.default_rng(7), 2))
    with pytest.raises(UsageError, match="methods: expected a method with several seeds, got one folder each of a, b"):
        over_seeds({"a": folders[:1], "b": folders[1:]})
    with pytest.raises(UsageError, match="methods: expected a method with several seeds, got none"):
        over_seeds({})
    with pytest.raises(UsageError, match="got no folder of b; leave it out"):
        over_seeds({"a": folders, "b": []})
    with pytest.raises(UsageError, match="expected by the name of a method a list"):
        over_seeds(folders)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a/1: expected the real images that a/0 was measured beside"):
        over_seeds({"a": [folders[0], replace(folders[1], images={**folders[1].images, "real": {"sha256": "y"}})]})


def drawn_seed(name: str, luck: float, real: Any, random: np.random.Generator) -> FolderScores:
    """A seed of a method in many draws, each a metric; `real (draws, scans)` are the same for all."""
    cases = random.normal(size=(len(real), CASES))
    values = luck * random.normal(size=len(real)) + cases.mean(axis=1) + real.mean(axis=1)
    measured = []
    for draw, value in enumerate(values.tolist()):
        parts = {"cases": of_mean(cases[draw]), "scans": of_mean(real[draw])}
        half = float(stats.t.ppf(0.975, REAL - 1)) * float(sum((each**2).sum() for each in parts.values())) ** 0.5
        measured.append((
            replace(SSIM, name=f"draw-{draw}"),
            Measured(f"draw-{draw}", value, value - half, value + half, CASES, "higher", contributions=parts),
        ))
    names = [f"{name}-{each}" for each in range(CASES)]
    return folder(name, *measured, cases=names, scans=[f"{each}" for each in range(REAL)])


@pytest.mark.parametrize("luck", [0.0, 3.0])
def test_equal_methods_are_rarely_told_apart_and_means_are_covered(luck: float) -> None:
    random = np.random.default_rng(8)
    called, covered = list[bool](), list[bool]()
    for _ in range(4):
        real = random.normal(size=(50, REAL))
        methods = {name: [drawn_seed(f"{name}/{place}", luck, real, random) for place in range(3)] for name in "ab"}
        found = over_seeds(methods)
        called += [each.p < 0.05 for each in found.differences.found]
        covered += [score.ci_low < 0 < score.ci_high for score in means(found)]
    assert (len(called), len(covered)) == (200, 400)
    assert np.mean(called) < 0.05
    assert np.mean(covered) > 0.94
