"""The fit of the chest estimators: it gives the frozen ones, and they are as good as the card says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.estimators.chest import ATTRIBUTES, estimate, frozen

from recipes.sandbox.chest_estimator import all_errors, area_under_curve, fit, truths

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "tasks" / "sandbox_chest"


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "images.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in ("train", "test", "test_other", "test_sex")}


def _films(stored: np.ndarray) -> np.ndarray:
    return (stored / np.float32(255.0)).astype(np.float32)


def test_the_frozen_estimator_is_the_one_fitted_on_training_films(images) -> None:
    again, stored = fit(images["train"], truths("train")), frozen()
    assert np.array_equal(again.support, stored.support)
    films = _films(images["test"][:40])
    first, second = estimate(films, again), estimate(films, stored)
    for name, tolerance in zip(ATTRIBUTES, (1e-3, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01), strict=True):
        assert np.abs(first[name] - second[name]).max() < tolerance


def test_the_stated_errors_are_those_on_the_test_split(images) -> None:
    stated = json.loads((FOLDER / "estimators.json").read_text(encoding="utf-8"))
    found = all_errors(images, frozen())
    assert found == pytest.approx(stated, abs=2e-3)
    assert stated["cardiothoracic_ratio_mae"] < 0.02
    assert stated["macro_auc"] > 0.85


def test_area_under_curve_counts_ties_half() -> None:
    assert area_under_curve(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.875)
