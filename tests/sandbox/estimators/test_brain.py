"""The estimators of the sandbox brains: what they measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.estimators.brain import FROZEN, age_years, features, measure, ventricle_ratio

from ldbench.errors import ImageError
from recipes.sandbox.brain_estimator import read_scans

DATA = Path(__file__).parents[3] / "tasks" / "sandbox_brain"


def _disc(radius: float, fluid: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A white disc with a dark disc of radius `fluid` in its middle."""
    y, x = np.mgrid[0:64, 0:64] - 31.5
    distance = np.hypot(y, x)
    return np.where(distance < fluid, 0.1, np.where(distance < radius, 0.8, 0.0)).astype(np.float32)


def test_ventricle_ratio_of_a_disc_is_its_area_ratio() -> None:
    images = np.stack([_disc(28, radius) for radius in (4.0, 6.0, 8.0)])
    assert ventricle_ratio(images) == pytest.approx([(r / 28) ** 2 for r in (4, 6, 8)], rel=0.08)
    assert measure(images)[:, 1:] == pytest.approx(np.zeros((3, 2)), abs=1e-9)


def test_brightness_hardly_matters() -> None:
    images = read_scans(DATA, "validation")[0][:8]
    assert measure(images * np.float32(0.8)) == pytest.approx(measure(images), abs=0.02)


def test_an_empty_image_is_measured_and_a_wrong_shape_refused() -> None:
    assert np.array_equal(measure(np.zeros((1, 64, 64), np.float32)), np.zeros((1, 3)))
    assert np.isfinite(age_years(np.zeros((1, 64, 64), np.float32))).all()
    with pytest.raises(ImageError, match="expected brain images"):
        measure(np.zeros((1, 32, 32), np.float32))


def test_truth_moves_the_estimates_the_right_way() -> None:
    images, _, diagnoses = read_scans(DATA, "test")
    other, later = read_scans(DATA, "test_other")[0], read_scans(DATA, "test_later")[0]
    worse = np.array([1.0 if diagnosis == "CN" else -1.0 for diagnosis in diagnoses])
    changed, as_it_is = (features(measure(seen), FROZEN) @ FROZEN.diagnosis for seen in (other, images))
    assert np.mean((changed - as_it_is) * worse > 0) > 0.95
    assert np.mean(age_years(later) > age_years(images)) > 0.9
