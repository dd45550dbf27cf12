"""Distances of sets that are worked through in blocks equal those of whole sets, whatever the sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Measured
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.gaussians import factor_of
from ldbench.score.metrics.intra_fid import intra_fid_score
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.mmd import mmd_score
from ldbench.score.metrics.neighbours import Closest, nearest, nearest_others
from ldbench.score.metrics.novelty import authpct_score, ct_score
from ldbench.score.metrics.row_blocks import row_blocks
from ldbench.score.metrics.vendi import vendi_score

pytestmark = pytest.mark.slow

Features = npt.NDArray[np.float64]
WIDTH = 5
sizes = st.integers(2 * WIDTH + 6, 40)
seeds = st.integers(0, 2**31)


@contextmanager
def blocks(rows: int, columns: int) -> Iterator[None]:
    """Every set counts as large, and blocks are as small as this."""
    package = "ldbench.score.metrics."
    constants = {
        "row_blocks._WHOLE": 0, "row_blocks._BLOCK": rows,
        "all_pairs._BLOCK": rows, "all_pairs._COLUMNS": columns,
        "neighbours._BLOCK": rows, "neighbours._COLUMNS": columns, "neighbours._MASK": 1, "neighbours._FEWEST": columns,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in constants.items():
            patch.setattr(package + name, value)
        yield


def labels(count: int) -> list[str]:
    return ["ab"[index % 2] for index in range(count)]


SCORES: dict[str, Callable[[Features, Features, Features], Measured]] = {
    "fid": lambda real, made, _: fid_score(real, made, extractor="x", groups=4),
    "intra_fid": lambda real, made, _: intra_fid_score(
        np.repeat(real, 2, axis=0) + np.linspace(0, 1, 2 * len(real))[:, None], np.repeat(made, 2, axis=0) ** 2,
        labels(2 * len(real)), labels(2 * len(made)), classes=["a", "b"], extractor="x",
    ),
    "kid": lambda real, made, _: kid_score(real, made, extractor="x"),
    "kid of subsets": lambda real, made, _: kid_score(real, made, extractor="x", subset_size=9, subsets=3),
    "mmd": lambda real, made, _: mmd_score(real, made, bandwidth=1.0, extractor="x"),
    "vendi": lambda _, made, __: vendi_score(made, extractor="x"),
    "authpct": lambda _, made, seen: authpct_score(seen, made, extractor="x"),
    "ct": lambda real, made, seen: ct_score(seen, real, made, extractor="x"),
    **{
        name: lambda real, made, _, name=name: manifold_score(name, real, made, k=3, extractor="x")  # type: ignore[misc]
        for name in ("precision", "recall", "density", "coverage")
    },
}


@pytest.mark.parametrize("metric", SCORES)
@given(n=sizes, m=sizes, rows=st.integers(1, 9), columns=st.integers(1, 9), seed=seeds)
def test_blocks_equal_the_whole(metric: str, n: int, m: int, rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    sets = [random.normal(size=(count, WIDTH)) + shift for count, shift in ((n, 0.0), (m, 0.3), (n, 0.1))]
    whole = SCORES[metric](*sets)
    with blocks(rows, columns):
        blocked = SCORES[metric](*sets)
    assert blocked.value == pytest.approx(whole.value, rel=1e-9, abs=1e-12)
    assert (blocked.ci_low, blocked.ci_high) == pytest.approx((whole.ci_low, whole.ci_high), rel=1e-8, abs=1e-10)
    for kind, parts in whole.contributions.items():
        assert blocked.contributions[kind] == pytest.approx(parts, rel=1e-6, abs=1e-9)


@given(seed=seeds)
def test_a_large_set_with_dead_and_doubled_features_has_the_same_distance(seed: int) -> None:
    random = np.random.default_rng(seed)
    real, made = (random.normal(size=(40, WIDTH)) * scale for scale in (1.0, 1.3))
    for features in (real, made):
        features[:, 1], features[:, 2] = 0.25, features[:, 0]
    whole = fid_score(real, made, extractor="x", groups=4)
    with blocks(7, 7):
        assert fid_score(real, made, extractor="x", groups=4).value == pytest.approx(whole.value, rel=1e-6)


def test_a_factor_gives_its_covariance_back() -> None:
    sample = np.random.default_rng(0).normal(size=(9, 4))
    full = np.cov(sample, rowvar=False)
    doubled = np.cov(np.hstack([sample, sample[:, :1], np.ones((9, 1))]), rowvar=False)
    for covariance in (full, doubled, np.zeros((3, 3))):
        factor = factor_of(covariance)
        assert factor.T @ factor == pytest.approx(covariance, abs=1e-14)


def test_features_of_32_bits_score_as_the_same_numbers_of_64() -> None:
    random = np.random.default_rng(1)
    sets = [(random.normal(size=(count, WIDTH)) * 64).round().astype(np.float32) / 64 for count in (19, 23, 21)]
    for score in SCORES.values():
        assert score(*sets) == score(*(each.astype(np.float64) for each in sets))


@pytest.mark.parametrize("large", [False, True])
def test_features_that_are_mapped_from_a_file_score_as_those_in_memory(large: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    sets = [random.normal(size=(count, WIDTH)).astype(np.float32) for count in (19, 23, 21)]
    for index, features in enumerate(sets):
        np.save(tmp_path / f"{index}.npy", features)
    mapped = [np.load(tmp_path / f"{index}.npy", mmap_mode="r") for index in range(len(sets))]
    with blocks(6, 7) if large else nullcontext():
        for score in SCORES.values():
            assert score(*mapped) == score(*sets)


@given(columns=st.integers(1, 12), count=st.integers(1, 6), seed=seeds)
def test_of_equal_distances_the_first_is_nearest_in_blocks_too(columns: int, count: int, seed: int) -> None:
    squared = np.random.default_rng(seed).integers(0, 3, (5, 11)).astype(np.float64)
    closest = Closest(5, count)
    for part in row_blocks(11, columns):
        closest.add(slice(0, 2), squared[:2, part], part.start)
        closest.add(slice(2, 5), squared[2:, part], part.start)
    expected = np.argsort(squared, axis=1, kind="stable")[:, :count]
    assert closest.indices_nk.tolist() == expected.tolist()
    assert closest.squared_nk.tolist() == np.take_along_axis(squared, expected, axis=1).tolist()


@given(n=st.integers(4, 12), m=st.integers(5, 12), columns=st.integers(1, 5), seed=seeds)
def test_neighbours_in_blocks_are_those_of_the_whole(n: int, m: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(n, 3)), random.normal(size=(m, 3))
    squared = ((left[:, None] - right) ** 2).sum(axis=2)
    itself = ((right[:, None] - right) ** 2).sum(axis=2) + np.diag(np.full(m, np.inf))
    with blocks(3, columns):
        distances, indices = nearest(left, right, 3)
        _, others = nearest_others(right, 3)
    assert indices.tolist() == np.argsort(squared, axis=1)[:, :3].tolist()
    assert distances == pytest.approx(np.sqrt(np.take_along_axis(squared, indices, axis=1)), rel=1e-9)
    assert others.tolist() == np.argsort(itself, axis=1)[:, :3].tolist()


def test_blocks_cover_all_rows_once() -> None:
    assert [(rows.start, rows.stop) for rows in row_blocks(7, 3)] == [(0, 3), (3, 6), (6, 7)]
    assert list(row_blocks(0)) == []
