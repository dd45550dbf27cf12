"""Radiomics against scipy's moments and a co-occurrence counted by hand, and by what they must and must not see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from ldbench.errors import MetricError
from ldbench.score.networks.features import extract
from ldbench.score.networks.radiomics import (
    DIMENSION,
    DISTANCES,
    FIRST_ORDER,
    LEVELS,
    TEXTURES,
    WIDTH,
    first_order,
    radiomics,
    textures,
    zones,
)

Array = npt.NDArray[np.float64]


def image(seed: int = 0, side: int = 18) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.uint8)


def smooth(side: int = 18) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[:side, :side]
    return (7 * rows + 5 * columns).astype(np.uint8)


@pytest.mark.parametrize("grey", [image(), smooth()])
def test_first_order_is_scipys(grey: npt.NDArray[np.uint8]) -> None:
    values = grey.ravel().astype(float)
    found = dict(zip(FIRST_ORDER, first_order(grey), strict=True))
    share = np.bincount(grey.ravel() // 8, minlength=32) / grey.size
    expected = {
        "mean": values.mean(), "variance": values.var(), "skewness": stats.skew(values),
        "excess kurtosis": stats.kurtosis(values), "median": np.median(values),
        "10th percentile": np.percentile(values, 10), "90th percentile": np.percentile(values, 90),
        "interquartile range": stats.iqr(values), "mean absolute deviation": np.abs(values - values.mean()).mean(),
        "entropy": stats.entropy(share, base=2), "uniformity": (share**2).sum(),
    }
    assert found == pytest.approx(expected, abs=1e-9)


def counted(grey: npt.NDArray[np.uint8], row: int, column: int) -> Array:
    """The shares of pairs of grey levels at an offset, either way round."""
    levels, counts = grey // WIDTH, np.zeros((LEVELS, LEVELS))
    height, width = levels.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + row < height and 0 <= x + column < width:
                counts[levels[y, x], levels[y + row, x + column]] += 1
                counts[levels[y + row, x + column], levels[y, x]] += 1
    return np.asarray(counts / counts.sum())


def by_definition(name: str, share: Array) -> float:
    i, j = np.mgrid[:LEVELS, :LEVELS]
    if name == "correlation":
        mean, square = (i * share).sum(), (i**2 * share).sum()
        return float(((i * j * share).sum() - mean**2) / (square - mean**2))
    if name == "entropy":
        return float(-(share[share > 0] * np.log(share[share > 0])).sum())
    weight = {
        "contrast": (i - j) ** 2, "dissimilarity": np.abs(i - j), "homogeneity": 1 / (1 + (i - j) ** 2), "ASM": share,
    }[name]
    return float((weight * share).sum())


@pytest.mark.parametrize("grey", [image(), smooth()])
def test_textures_are_those_of_counted_pairs(grey: npt.NDArray[np.uint8]) -> None:
    expected = []
    for name in TEXTURES:
        for distance in DISTANCES:
            diagonal = round(distance / 2**0.5)
            offsets = ((0, distance), (diagonal, diagonal), (distance, 0), (diagonal, -diagonal))
            expected.append(np.mean([by_definition(name, counted(grey, *offset)) for offset in offsets]))
    assert textures(grey) == pytest.approx(np.array(expected), abs=1e-9)


def test_texture_does_not_see_a_turn_and_zones_do() -> None:
    grey = smooth()
    turned = np.ascontiguousarray(grey[::-1, ::-1])
    assert first_order(turned) == pytest.approx(first_order(grey))
    assert textures(turned) == pytest.approx(textures(grey))
    assert zones(turned)[:9] == pytest.approx(zones(grey)[:9][::-1])
    assert zones(turned) != pytest.approx(zones(grey))


def test_a_constant_image_has_finite_features() -> None:
    found = radiomics(np.full((9, 9), 77, np.uint8))
    assert np.isfinite(found).all()
    named = dict(zip(FIRST_ORDER, found, strict=False))
    assert (named["mean"], named["variance"], named["skewness"], named["excess kurtosis"]) == (77, 0, 0, 0)
    assert (named["entropy"], named["uniformity"]) == (0, 1)


def test_is_a_network_of_any_images() -> None:
    images = np.repeat(np.stack([image(seed)[None] for seed in range(3)]).astype(np.float32) / 255, 3, axis=1)
    features = extract(images, "radiomics", resize=18)
    assert features.shape == (3, DIMENSION)
    assert features[1] == pytest.approx(radiomics(image(1)).astype(np.float32), rel=1e-6)
    assert extract(images, "radiomics", resize=36).shape == (3, DIMENSION)
    with pytest.raises(MetricError, match="radiomics: expected images of 6 px or more, got 5"):
        extract(images, "radiomics", resize=5)
