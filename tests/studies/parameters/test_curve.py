"""The curve's intervals: what they cover, and what they say where nothing is to be told apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ldbench.studies.parameters.curve import Curve, curve
from ldbench.studies.parameters.distance import on_pixels
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
