"""The fit of the brain estimators: it gives the frozen coefficients, and their stated errors are true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.estimators.brain import FROZEN

from recipes.sandbox.brain_estimator import area_under_curve, errors, fit, read_scans

DATA = Path(__file__).parents[3] / "tasks" / "sandbox_brain"
KEYS = ("validation", "test", "test_later", "test_other")


def test_frozen_coefficients_are_the_fit_on_the_training_scans() -> None:
    again = fit(*read_scans(DATA, "train"))
    for name in ("mean", "spread", "age", "diagnosis"):
        assert getattr(FROZEN, name) == pytest.approx(getattr(again, name), rel=1e-3, abs=1e-3)


def test_stated_errors_are_the_measured_ones() -> None:
    stated = json.loads((DATA / "estimators.json").read_text(encoding="utf-8"))
    for key in KEYS:
        assert errors(*read_scans(DATA, key)) == pytest.approx(stated[key], rel=1e-2, abs=2e-2)


def test_estimators_are_worth_using_and_not_perfect() -> None:
    images, ages, diagnoses = read_scans(DATA, "test")
    held = errors(images, ages, diagnoses)
    assert held["age_mae_years"] < 0.75 * np.abs(ages - ages.mean()).mean()
    assert 0.9 < held["auc_ad_cn"] < 0.999


def test_area_under_curve_by_hand() -> None:
    assert area_under_curve(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == 0.875
