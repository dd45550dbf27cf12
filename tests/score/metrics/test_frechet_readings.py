"""Frechet distances over radiomics and readings: the formula by scipy's root, units, the interval, and cards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from ldbench.errors import CardError, MetricError
from ldbench.plugins.kinds import ESTIMATORS, METRICS
from ldbench.run.requirements import inspect
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.frechet_readings import ReadingsSpec, standardised_fid, standardised_fid_score
from ldbench.score.networks.radiomics import LEAST_SPREADS, radiomics
from ldbench.score.viewing import point_spread
from ldbench.studies.gauntlet.material import as_images, course_of
from ldbench.task import card
from ldbench.task.card import Task, Viewing

pytestmark = pytest.mark.slow

Array = npt.NDArray[np.float64]
READ = ("sandbox-brain-age", "sandbox-brain-ventricle-ratio")


def features(seed: int, n: int, d: int = 4, shift: float = 0.0) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=(n, d)) @ random.normal(size=(d, d)) + shift)


def by_scipy(real: Array, generated: Array) -> float:
    """The distance of z-scored features with a matrix root."""
    mean, spread = real.mean(axis=0), real.std(axis=0, ddof=1)
    a, b = (real - mean) / spread, (generated - mean) / spread
    covariances = [np.cov(each, rowvar=False) for each in (a, b)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    off = a.mean(axis=0) - b.mean(axis=0)
    return float(off @ off + np.trace(covariances[0] + covariances[1] - 2 * root))


@given(seed=st.integers(0, 2**31), shift=st.sampled_from([0.0, 1.0]))
def test_equals_the_definition_in_any_unit(seed: int, shift: float) -> None:
    real, generated = features(seed, 30), features(seed + 1, 20, shift=shift)
    value = standardised_fid(real, generated)
    assert value == pytest.approx(by_scipy(real, generated), rel=1e-6)
    units, zero = np.array([1000.0, 1e-3, 1, 7]), np.array([5.0, -3, 0, 1])
    assert standardised_fid(real * units + zero, generated * units + zero) == pytest.approx(value, rel=1e-6)
    assert standardised_fid(real, real) == pytest.approx(0, abs=1e-9)


def test_what_is_constant_in_real_scans_is_counted_in_its_own_unit() -> None:
    real, generated = features(1, 30), features(2, 30)
    value = standardised_fid(real, generated)
    constant, same = np.full((30, 1), 0.1), np.full((30, 1), 0.1)
    assert standardised_fid(np.hstack([real, constant]), np.hstack([generated, same])) == pytest.approx(value)
    moved = standardised_fid(np.hstack([real, constant]), np.hstack([generated, same + 2]))
    assert moved == pytest.approx(value + 4)


def test_one_scan_that_differs_a_little_does_not_decide() -> None:
    """A feature of grey levels that is one level off in a single scan is counted as one that never differs."""
    real, generated = features(1, 200), features(2, 200)
    constant, moved = np.zeros((200, 1)), np.full((200, 1), 5.0)
    one = constant.copy()
    one[0] = 1
    least = np.array([0.0, 0, 0, 0, 1])
    never, once = (
        standardised_fid(np.hstack([real, each]), np.hstack([generated, moved]), least) for each in (constant, one)
    )
    assert never == pytest.approx(standardised_fid(real, generated) + 25)
    assert once == pytest.approx(never, rel=0.01)


def test_the_least_spread_is_of_features_in_grey_levels() -> None:
    """Twice the contrast doubles just these, where nothing is cut off."""
    grey = np.random.default_rng(0).integers(0, 100, (64, 64), dtype=np.uint8)
    plain, doubled = radiomics(grey), radiomics(2 * grey)
    in_levels = np.isclose(doubled, 2 * plain) & (plain != 0)
    assert np.array_equal(in_levels, LEAST_SPREADS == 1)


def test_score_states_what_it_is() -> None:
    score = standardised_fid_score("frd", features(3, 60), features(4, 40), extractor="net", parameters={"resize": 8})
    assert (score.metric, score.n, score.direction, score.extractor) == ("frd", 40, "lower", "net")
    assert 0 <= score.ci_low < score.value < score.ci_high
    assert (score.parameters["n_real"], score.parameters["resize"], len(score.contributions["groups"])) == (60, 8, 20)
    with pytest.raises(MetricError, match="frd: expected at least 4 generated samples"):
        standardised_fid_score("frd", features(3, 9), features(4, 3), extractor="net", parameters={})


@pytest.fixture(scope="module")
def task() -> Task:
    return replace(card.load("sandbox-brain-t2i"), viewing=Viewing(blur=1.0, noise=0.02, reason="r"))


@pytest.fixture(scope="module")
def inputs(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Twenty fresh scans as images of a run."""
    course = course_of(task, 0, 20)
    return Inputs(
        device=torch.device("cpu"), seed=0, data=course.data, images=as_images(course, course.material.perfect),
        passes={}, cache_folder=tmp_path_factory.mktemp("cache"),
    )


def test_takes_radiomics_of_images_as_they_are_viewed(inputs: Inputs) -> None:
    score = METRICS.load("frd").compute(inputs, METRICS.load("frd").settings())
    real, generated = inputs.viewed.features("radiomics", 64)
    assert score.value == standardised_fid(real.astype(np.float64), generated.astype(np.float64), LEAST_SPREADS)
    assert (score.extractor, score.parameters["viewing_noise"], score.parameters["resize"]) == ("radiomics", 0.02, 64)
    plain = inputs.features("radiomics", 64)[1][0]
    grey = (255 * inputs.generated[0, 0].numpy()).round().astype(np.uint8)
    assert plain == pytest.approx(radiomics(grey).astype(np.float32), rel=1e-6)


def test_takes_the_readings_of_the_cards_estimators(inputs: Inputs, task: Task) -> None:
    score = METRICS.load("readings_fid").compute(inputs, ReadingsSpec(READ))
    assert task.viewing is not None
    both = [
        np.stack([ESTIMATORS.load(name).read(seen.mean(dim=1).numpy()) for name in READ], axis=1)
        for seen in (point_spread(inputs.real, task.viewing), point_spread(inputs.generated, task.viewing))
    ]
    assert score.value == pytest.approx(by_scipy(*both), rel=1e-6)
    assert (score.extractor, score.parameters["readings"]) == (", ".join(READ), 2)


@pytest.mark.parametrize("names", ["[]", '["sandbox-brain-age", "sandbox-brain-age"]'])
def test_a_card_names_one_or_more_estimators(names: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head = 'extends = "sandbox-brain-t2i"\nid = "mine"\nversion = 1\ntitle = "T"\nsummary = "S"\n'
    path.write_text(f"{head}[metrics.readings_fid]\nestimators = {names}\n", encoding="utf-8")
    with pytest.raises(CardError, match=r"metrics.readings_fid.estimators: expected one or more"):
        card.load(str(path))


def test_an_estimator_that_nobody_registered_is_known_before_a_run(task: Task) -> None:
    (error,) = inspect(replace(task, metrics={"readings_fid": ReadingsSpec(("sandbox-brain-agee",))}), 0).unmet
    assert "sandbox-brain-agee" in str(error)
