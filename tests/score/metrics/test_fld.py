"""Feature likelihood divergence: the authors' own values, a mixture's density, and what raises it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from ldbench.errors import MetricError
from ldbench.score.metrics.fld import _log_densities, _loss, _Mixture, fld_score, likelihoods

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
WIDTH = 20


def drawn(seed: int = 0) -> dict[str, Array]:
    """Correlated features of training images, test scans and generated images, drawn in the order of their names."""
    random = np.random.default_rng(seed)
    basis = random.normal(size=(WIDTH, WIDTH))

    def draw(count: int, shift: float = 0.0, scale: float = 1.0) -> Array:
        return np.asarray((random.normal(size=(count, WIDTH)) * scale + shift) @ basis, np.float64)

    sets = {"training": draw(600), "test": draw(300), "like": draw(250), "shifted": draw(250, 1.0)}
    sets["narrow"] = draw(250, 0.0, 0.3)
    sets["near copies"] = sets["training"][:250] + 0.01 * random.normal(size=(250, WIDTH))
    return sets


# what the code of commit ffbbf20 of github.com/marcojira/fld gives for these features: the mean negative log likelihood
# of test scans, per feature and times 100
AUTHORS = {"like": 138.76170722389702, "shifted": 165.06141306889157, "narrow": 138.77723753354525}


@pytest.mark.parametrize("name", AUTHORS)
def test_likelihoods_are_those_of_the_authors_code(name: str) -> None:
    sets = drawn()
    found = likelihoods(sets["training"], sets["test"], sets[name])
    assert found.test_m.mean() == pytest.approx(AUTHORS[name], rel=1e-7)


def test_a_mixture_has_the_density_that_scipy_gives_it() -> None:
    random = np.random.default_rng(1)
    centres, images, log_variances = random.normal(size=(5, 3)), random.normal(size=(7, 3)), random.normal(size=5)
    mixture = _Mixture(torch.from_numpy(centres), torch.from_numpy(log_variances))
    gaussians = [multivariate_normal(*each) for each in zip(centres, np.exp(log_variances), strict=True)]
    densities = [gaussian.logpdf(images) for gaussian in gaussians]
    expected = -(logsumexp(densities, axis=0) - np.log(5)) / 3
    np.testing.assert_allclose(mixture.surprise(torch.from_numpy(images)), expected, rtol=1e-12)


def test_fresh_images_are_near_zero_and_failures_are_above_them() -> None:
    sets = drawn()
    scores = {name: fld_score(sets["training"], sets["test"], sets[name], extractor="none") for name in sets}
    assert abs(scores["like"].value) < 3
    assert scores["shifted"].ci_low > scores["like"].ci_high
    assert scores["near copies"].value > 1000


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_unit_and_place_of_features_move_nothing(seed: int) -> None:
    random, sets = np.random.default_rng(seed), drawn()
    unit, place = random.uniform(0.5, 2, WIDTH), random.normal(size=WIDTH)
    moved = {name: each * unit + place for name, each in sets.items()}
    plain = likelihoods(sets["training"], sets["test"], sets["like"])
    again = likelihoods(random.permutation(moved["training"]), moved["test"], random.permutation(moved["like"]))
    np.testing.assert_allclose(again.test_m, plain.test_m, rtol=1e-6)
    mixed = likelihoods(random.permutation(sets["training"]), sets["test"], sets["like"])
    np.testing.assert_allclose(mixed.baseline_m, plain.baseline_m, rtol=1e-6)


@pytest.mark.parametrize("rounding", [0.0, 1e-7])
def test_a_feature_that_only_rounds_says_nothing(rounding: float) -> None:
    sets, random = drawn(), np.random.default_rng(2)
    wider = {
        name: np.column_stack([each, 3.0 + rounding * random.integers(0, 2, len(each))]) for name, each in sets.items()
    }
    plain, more = (likelihoods(each["training"], each["test"], each["like"]).test_m for each in (sets, wider))
    np.testing.assert_allclose(more, plain, rtol=1e-9)
    with pytest.raises(MetricError, match="expected test scans that differ, got none"):
        likelihoods(sets["training"], np.ones((30, WIDTH)), sets["like"])


def test_training_images_that_stand_there_twice_are_asked_for_once() -> None:
    sets = drawn()
    twice = np.concatenate([sets["training"]] * 2)
    once, again = (likelihoods(each, sets["test"], sets["like"]).baseline_m for each in (sets["training"], twice))
    np.testing.assert_allclose(again, once, rtol=1e-9)


def test_test_scans_that_were_trained_on_are_refused() -> None:
    sets = drawn()
    leaking = np.concatenate([sets["test"][:7], sets["training"]])
    with pytest.raises(MetricError, match="expected test scans that are no training images, got 7 of 300 that are"):
        likelihoods(leaking, sets["test"], sets["like"])


def test_the_gradient_is_that_of_the_loss() -> None:
    drawer = torch.Generator().manual_seed(0)
    squares, origin, widths = (
        torch.rand(shape, generator=drawer, dtype=torch.float64) * 40 for shape in ((30, 7), (30,), (7,))
    )
    given_, width = widths.log().requires_grad_(), torch.zeros(1, dtype=torch.float64, requires_grad=True)
    densities = [_log_densities(squares, given_, WIDTH) - np.log(7), _log_densities(origin[:, None], width, WIDTH)]
    expected = -torch.cat(densities, dim=1).logsumexp(dim=1).mean() / WIDTH
    expected.backward()
    loss, by_widths, by_width = _loss(squares, origin, given_.detach(), width.detach(), WIDTH)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close((by_widths, by_width), (given_.grad, width.grad), rtol=1e-9, atol=1e-12)


def test_the_interval_is_of_what_the_scans_add() -> None:
    sets = drawn()
    score = fld_score(sets["training"], sets["test"], sets["like"], extractor="none")
    assert score.contributions["scans"].sum() == pytest.approx(0, abs=1e-9)
    half = 1.968 * float(np.square(score.contributions["scans"]).sum()) ** 0.5
    assert (score.ci_high - score.ci_low) / 2 == pytest.approx(half, rel=1e-3)
    assert (score.n, score.parameters["n_real"], score.parameters["n_training"]) == (250, 300, 600)


def test_too_few_training_images_are_refused() -> None:
    sets = drawn()
    with pytest.raises(MetricError, match="fld: expected at least 20 different training images, got 3"):
        fld_score(sets["training"][:3], sets["test"], sets["like"], extractor="none")
