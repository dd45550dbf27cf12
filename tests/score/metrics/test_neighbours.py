"""Nearest neighbours against scipy's, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.neighbours import Balls, balls_of_parts, nearest, nearest_others, squared_distances

seeds = st.integers(0, 2**31)


@given(seed=seeds, n=st.integers(1, 12), m=st.integers(2, 12))
def test_distances_equal_scipys(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(n, 7)) + 100, random.normal(size=(m, 7)) + 100
    expected = cdist(left, right)
    found = np.concatenate([block for _, block in squared_distances(left, right)])
    assert found == pytest.approx(expected**2, rel=1e-8)
    distances, indices = nearest(left, right, 2)
    assert distances == pytest.approx(np.sort(expected, axis=1)[:, :2], rel=1e-8)
    assert np.take_along_axis(expected, indices, axis=1) == pytest.approx(distances, rel=1e-8)
    others, _ = nearest_others(right, 1)
    own = cdist(right, right) + np.diag(np.full(m, np.inf))
    assert others[:, 0] == pytest.approx(own.min(axis=1) ** 2, rel=1e-8)


def test_others_are_of_other_subjects_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    points, subjects = np.random.default_rng(0).normal(size=(23, 5)), np.arange(23) % 7
    expected = cdist(points, points)
    expected[subjects[:, None] == subjects] = np.inf
    monkeypatch.setattr("ldbench.score.metrics.neighbours._BLOCK", 4)
    monkeypatch.setattr("ldbench.score.metrics.neighbours._COLUMNS", 6)
    squared, indices = nearest_others(points, 3, subjects)
    assert squared == pytest.approx(np.sort(expected, axis=1)[:, :3] ** 2, rel=1e-8)
    assert (subjects[indices] != subjects[:, None]).all()


def test_copies_are_at_no_distance_whatever_their_length() -> None:
    points = np.random.default_rng(0).normal(size=(5, 9)) * 1e3 + 1e4
    blocks = [block for _, block in squared_distances(points, points)]
    assert (np.diag(blocks[0]) == 0).all()


def balls(centres: Array, points: Array, k: int) -> Balls:
    """Of so few points there is one part."""
    [(_, whole)] = balls_of_parts("test", centres, points, k)
    return whole


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    centres, points = random.normal(size=(11, 4)), random.normal(size=(9, 4))
    whole = balls(centres, points, 3)
    monkeypatch.setattr("ldbench.score.metrics.neighbours._BLOCK", 4)
    blocked = balls(centres, points, 3)
    for name in ("inside_nm", "wider_nm", "nearest_nk"):
        assert np.array_equal(getattr(whole, name), getattr(blocked, name))

    def shares(counts_bm: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return (counts_bm > 0).mean(axis=1)

    assert np.array_equal(whole.without_each_centre(shares), blocked.without_each_centre(shares))


def test_a_ball_is_closed() -> None:
    centres = np.array([[0.0], [1.0], [3.0]])
    assert balls(centres, np.array([[-1.0], [-1.001]]), 1).inside_nm[0].tolist() == [True, False]


def test_too_few_centres_are_refused() -> None:
    with pytest.raises(MetricError, match=r"test: expected at least k \+ 2 = 7 images in both sets .* got 6 images"):
        balls(np.zeros((6, 2)), np.zeros((9, 2)), 5)
