"""Precision, recall, density and coverage against their definitions in loops, and by their laws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import share_interval
from ldbench.score.metrics.manifold import manifold_score

Array = npt.NDArray[np.float64]
Whose = npt.NDArray[np.int64]
NAMES = ("precision", "recall", "density", "coverage")
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, d: int = 4, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def value(name: str, real: Array, generated: Array, k: int = 3) -> float:
    return manifold_score(name, real, generated, k=k, extractor="x").value


def whose(count: int, images: int) -> Whose:
    """The subjects of so many images of which each has a few, in no order."""
    return np.arange(count) % -(-count // images)


def by_definition(
    name: str, real: Array, generated: Array, k: int, subjects: tuple[Whose, Whose] | None = None
) -> float:
    """The papers' formulas, a point at a time; neighbours are of other subjects."""

    def distance(a: Array, b: Array) -> float:
        return float(np.sqrt(((a - b) ** 2).sum()))

    def radii(points: Array, own: Whose) -> list[float]:
        return [
            sorted(distance(points[i], points[j]) for j in np.flatnonzero(own != own[i]))[k - 1]
            for i in range(len(points))
        ]

    if name == "recall":
        real, generated = generated, real
    own = np.arange(len(real)) if subjects is None else subjects[name == "recall"]
    balls = list(zip(real, radii(real, own), strict=True))
    inside = [[distance(centre, point) <= radius for centre, radius in balls] for point in generated]
    if name == "density":
        return float(np.mean([sum(row) / k for row in inside]))
    if name == "coverage":
        return float(np.mean([any(column) for column in zip(*inside, strict=True)]))
    return float(np.mean([any(row) for row in inside]))


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, n=st.integers(6, 14), m=st.integers(6, 14), k=st.integers(1, 4))
def test_equals_the_definition(name: str, seed: int, n: int, m: int, k: int) -> None:
    real, generated = features(seed, n), features(seed + 1, m, shift=0.5)
    assert value(name, real, generated, k) == pytest.approx(by_definition(name, real, generated, k), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, n=st.integers(8, 14), m=st.integers(8, 14), k=st.integers(1, 4), images=st.integers(2, 3))
def test_neighbours_are_of_other_subjects(name: str, seed: int, n: int, m: int, k: int, images: int) -> None:
    real, generated = features(seed, n), features(seed + 1, m, shift=0.5)
    subjects = whose(n, images), whose(m, images)
    found = manifold_score(name, real, generated, k=k, extractor="x", subjects=subjects)
    assert found.value == pytest.approx(by_definition(name, real, generated, k, subjects), abs=1e-12)
    assert found.parameters["neighbours"] == "of other subjects"


@pytest.mark.parametrize("name", ["precision", "density", "coverage"])
def test_siblings_among_the_real_images_make_no_small_balls(name: str) -> None:
    values, subjects = [], np.repeat(np.arange(25), 8)
    for seed in range(8):
        random = np.random.default_rng(seed)
        scale_d = np.arange(1, 17) ** -0.5
        own, other, generated = (random.normal(size=(200, 16)) * scale_d for _ in range(3))
        real = 0.8**0.5 * own[subjects] + 0.2**0.5 * other
        both = ((subjects, None), (None, None))
        values.append([
            manifold_score(name, real, generated, k=5, extractor="x", subjects=each).value for each in both
        ])
    together, apart = np.mean(values, axis=0)
    assert 0.8 < together < 1.4  # density of fresh images is 1 where each subject has one
    assert apart < 0.4


def test_too_few_images_of_other_subjects_are_refused() -> None:
    with pytest.raises(MetricError, match=r"recall: expected at least k \+ 1 = 4 images .* got 3 beside 7 of one"):
        manifold_score(
            "recall", features(1, 10), features(2, 10), k=3, extractor="x",
            subjects=(None, np.array([0] * 7 + [1, 2, 2])),
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, images=st.integers(1, 3))
def test_variance_is_that_of_leaving_each_image_out(name: str, seed: int, images: int) -> None:
    sets, subjects = (features(seed, 9), features(seed + 1, 8, shift=0.5)), (whose(9, images), whose(8, images))
    score = manifold_score(name, *sets, k=2, extractor="x", subjects=subjects)

    def without(side: int, image: int) -> float:
        real, generated, own_n, own_m = (
            np.delete(each, image, 0) if place % 2 == side else each for place, each in enumerate((*sets, *subjects))
        )
        return by_definition(name, real, generated, 2, (own_n, own_m))

    for side, kind in enumerate(("scans", "cases")):
        left = np.array([without(side, image) for image in range(len(sets[side]))])
        expected = (left.mean() - left) * ((len(left) - 1) / len(left)) ** 0.5
        assert score.contributions[kind] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
def test_one_set_is_all_inside_itself_in_any_order(name: str, seed: int) -> None:
    real, generated = features(seed, 12), features(seed + 1, 15, shift=0.3)
    assert value(name, real, real) >= 1
    random = np.random.default_rng(seed)
    shuffled = value(name, random.permutation(real), random.permutation(generated))
    assert shuffled == pytest.approx(value(name, real, generated), abs=1e-12)


@pytest.mark.parametrize("name", ["precision", "density", "coverage"])
@given(seed=seeds)
def test_generated_images_given_twice_say_no_more(name: str, seed: int) -> None:
    real, generated = features(seed, 12), features(seed + 1, 10, shift=0.3)
    twice = value(name, real, np.concatenate([generated, generated]))
    assert twice == pytest.approx(value(name, real, generated), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_falls_as_the_sets_part(name: str) -> None:
    real, generated = features(1, 60), features(2, 60)
    values = [value(name, real, generated + shift) for shift in (0.0, 1.0, 2.0, 10.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.6
    assert values[-1] == 0


def test_collapse_costs_diversity_and_not_fidelity() -> None:
    real, fresh = features(3, 80), features(4, 80)
    collapsed = np.tile(fresh[:4], (20, 1))
    assert value("precision", real, collapsed) >= 0.75
    assert value("recall", real, collapsed) == 0
    assert value("coverage", real, collapsed) < 0.35 < value("coverage", real, fresh)


def test_fresh_samples_have_a_density_of_one() -> None:
    values = [value("density", features(2 * seed, 40), features(2 * seed + 1, 40)) for seed in range(60)]
    assert abs(np.mean(values) - 1) < 3.5 * np.std(values, ddof=1) / len(values) ** 0.5


@pytest.mark.parametrize("name", NAMES)
def test_score_states_what_it_is(name: str) -> None:
    score = manifold_score(name, features(5, 20), features(6, 30), k=4, extractor="net", parameters={"resize": 8})
    assert score.ci_low <= score.value <= score.ci_high
    assert (score.metric, score.n, score.direction, score.extractor) == (name, 30, "higher", "net")
    assert {key: score.parameters[key] for key in ("k", "n_real", "resize")} == {"k": 4, "n_real": 20, "resize": 8}
    assert [len(score.contributions[kind]) for kind in ("scans", "cases")] == [20, 30]
    with pytest.raises(MetricError, match=f"{name}: expected at least k . 2 = 22"):
        manifold_score(name, features(5, 20), features(6, 20), k=20, extractor="net")


def test_a_share_without_spread_still_has_an_interval() -> None:
    nothing = manifold_score("precision", features(7, 30), features(8, 30, shift=50.0), k=3, extractor="x")
    assert (nothing.value, nothing.ci_low) == (0, 0)
    assert 0.05 < nothing.ci_high < 0.2
    whole = share_interval(1.0, 0.0, 30, 2.0)
    assert whole.high == 1
    assert whole.low == pytest.approx(1 - nothing.ci_high, abs=0.01)
