"""The curve's intervals: what they cover, and what they say where nothing is to be told apart; and how far new real
images lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ldbench.studies.parameters.curve import Curve, curve, distance_of_new_images
from ldbench.studies.parameters.distance import Distance, on_pixels
from ldbench.studies.parameters.values import Grid

Array = npt.NDArray[np.float32]
TEXTS = ("-0.2", "-0.1", "0", "0.1", "0.2")
GRID = Grid("offset", TEXTS, tuple(map(float, TEXTS)))
MEASURE = on_pixels("mean-image")


def drawn(seed: int, best: float, count: int = 30) -> list[Array]:
    """Images about 0.5 whose brightness varies, the same ones under every offset from the best."""
    random = np.random.default_rng(seed)
    bright = 0.5 + 0.1 * random.normal(size=(count, 1, 1, 1))
    images = bright + 0.02 * random.normal(size=(count, 3, 4, 4))
    return [MEASURE.features((images + float(text) - best).astype(np.float32)) for text in TEXTS]


def found(seed: int, best: float) -> Curve:
    reference = np.full(48, 0.5, dtype=np.float32)
    return curve(GRID, MEASURE, drawn(seed, best), reference, np.random.default_rng(seed), resamples=200)


def test_the_best_value_is_found_with_its_neighbours_apart() -> None:
    answer = found(0, best=0.1)
    assert answer.points[answer.best].text == "0.1"
    assert answer.points[answer.best].share > 0.9
    assert answer.best_low == answer.best_high == 0.1
    assert not answer.at_edge
    assert abs(answer.points[0].distance - 0.3) < 0.06
    for point in answer.points:
        assert point.low <= point.distance <= point.high
    assert sum(point.share for point in answer.points) == 1


def test_an_undecided_minimum_has_an_interval_of_both_values() -> None:
    answer = found(3, best=0.05)
    assert (answer.best_low, answer.best_high) == (0.0, 0.1)


def test_an_interval_covers_the_expected_distance() -> None:
    """Of 200 intervals at 95 % at least 170 must hold the mean over many samples; 187 seen."""
    distances, intervals = [], []
    for seed in range(200):
        point = found(seed, best=0.1).points[1]
        distances.append(point.distance)
        intervals.append((point.low, point.high))
    expected = float(np.mean(distances))
    covered = sum(low <= expected <= high for low, high in intervals)
    assert 170 <= covered <= 199


def test_an_edge_is_reported_and_words_have_no_interval() -> None:
    assert found(0, best=0.2).at_edge
    words = Grid("mode", ("plain", "loud"), ("plain", "loud"))
    answer = curve(
        words, MEASURE, drawn(1, 0.0)[2:4], np.full(48, 0.5, dtype=np.float32), np.random.default_rng(0), resamples=50
    )
    assert (answer.best_low, answer.best_high) == (None, None)
    assert answer.points[answer.best].text == "plain"


def test_a_value_whose_images_are_all_alike_is_not_favoured_by_resampling() -> None:
    """A varied value at the training images' mean lies nearer than a collapsed one beside it, but its distance grows
    where images repeat, and the collapsed one's does not."""
    varied, alike, included = [], [], 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        images = [
            random.normal(mean, sd, (100, 1, 8, 8)).repeat(3, 1).astype(np.float32)
            for mean, sd in ((0.519, 0.01), (0.5, 0.2), (0.53, 0.01))
        ]
        grid = Grid("offset", TEXTS[2:], tuple(map(float, TEXTS[2:])))
        features = [MEASURE.features(each) for each in images]
        answer = curve(grid, MEASURE, features, np.full(192, 0.5, dtype=np.float32), random, resamples=200)
        alike.append(answer.points[0].share)
        varied.append(answer.points[1].share)
        assert answer.best_low is not None
        assert answer.best_high is not None
        included += answer.best_low <= float(TEXTS[2 + answer.best]) <= answer.best_high
    assert included == 20
    assert np.mean(varied) > 0.8 > 0.2 > np.mean(alike)


@pytest.mark.parametrize("distance", ["channels", "mean-image"])
@pytest.mark.parametrize("count", [20, 60])
def test_new_real_images_lie_as_far_as_is_expected_of_them(distance: Distance, count: int) -> None:
    """At every number of images: the training images of the prompts, a part of what is compared with, are nearer, and
    at 60 of 60 they are all of it."""
    measure = on_pixels("channels" if distance == "channels" else "mean-image")
    expected, new, part = [], [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        level_n = random.normal(0.5, 0.12, (60 + count, 1, 1, 1))
        noise_n = random.normal(0, 0.15, (60 + count, 3, 6, 6))
        features_nk = measure.features(np.clip(level_n + noise_n, 0, 1).astype(np.float32))
        mean_k = features_nk[:60].mean(axis=0)
        expected.append(distance_of_new_images(measure, features_nk[:count], 60, random, resamples=100))
        new.append(measure.distance(features_nk[60:].mean(axis=0), mean_k))
        part.append(measure.distance(features_nk[:count].mean(axis=0), mean_k))
    assert np.mean(expected) == pytest.approx(np.mean(new), rel=0.2)
    assert np.mean(part) < 0.75 * np.mean(new)
