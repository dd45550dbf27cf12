"""The estimators by name: each reads what the modules behind it read, on the frozen scans."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.estimators import brain, chest

from ldbench.errors import ImageError, UnknownNameError
from ldbench.plugins.kinds import ESTIMATORS

TASKS = Path(__file__).parents[3] / "tasks"


def scans(data: str, count: int) -> np.ndarray:
    with np.load(TASKS / data / "images.npz", allow_pickle=False) as stored:
        return stored["test"][:count].astype(np.float32) / 255


@pytest.mark.parametrize(
    ("name", "data", "unit", "read"),
    [
        ("sandbox-brain-age", "sandbox_brain", "years", brain.age_years),
        ("sandbox-brain-ventricle-ratio", "sandbox_brain", "ratio", brain.ventricle_ratio),
        ("sandbox-chest-age", "sandbox_chest", "years", chest.age),
        ("sandbox-chest-cardiothoracic-ratio", "sandbox_chest", "ratio", chest.cardiothoracic_ratio),
    ],
)
def test_each_name_reads_its_attribute(name: str, data: str, unit: str, read: object) -> None:
    assert callable(read)
    images = scans(data, 6)
    found = ESTIMATORS.load(name)
    values = found.read(images)
    assert found.unit == unit
    assert (values.shape, values.dtype) == ((6,), np.float64)
    assert np.array_equal(values, read(images))
    assert (values > 30).all() == (unit == "years")
    with pytest.raises(ImageError):
        found.read(np.zeros((2, 32, 32), np.float32))


def test_brain_age_is_as_good_as_its_report_says() -> None:
    rows = [line.split(",") for line in (TASKS / "sandbox_brain/manifest.csv").read_text().splitlines()]
    place = {name: index for index, name in enumerate(rows[0])}
    test = [row for row in rows[1:] if row[place["split"]] == "test" and row[place["role"]] == "scan"]
    test.sort(key=lambda row: int(row[place["index"]]))
    ages = np.array([float(row[place["age"]]) for row in test])
    error = np.abs(ESTIMATORS.load("sandbox-brain-age").read(scans("sandbox_brain", 200)) - ages).mean()
    report = json.loads((TASKS / "sandbox_brain/estimators.json").read_text())
    assert error == pytest.approx(report["test"]["age_mae_years"], abs=1e-3)


def test_an_unknown_name_is_one_line() -> None:
    assert len(ESTIMATORS.entries()) == 4
    with pytest.raises(UnknownNameError, match="estimator 'sandbox-brain-agee': did you mean sandbox-brain-age"):
        ESTIMATORS.load("sandbox-brain-agee")
