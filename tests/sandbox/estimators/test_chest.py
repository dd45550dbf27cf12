"""The chest estimators: they follow the attribute that was changed, and are as good as the card says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.chest.anatomy import CTR_ENLARGED, heart_ratio
from ldbench_sandbox.chest.build import chest_cases
from ldbench_sandbox.chest.patient import FINDINGS, draw_patient, shown
from ldbench_sandbox.chest.render import render
from ldbench_sandbox.estimators.chest import age, cardiothoracic_ratio, estimate
from ldbench_sandbox.estimators.chest_landmarks import opacities

from ldbench.errors import ImageError

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "tasks" / "sandbox_chest"


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "images.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in ("test", "test_other", "test_sex")}


def _films(stored: np.ndarray) -> np.ndarray:
    return (stored / np.float32(255.0)).astype(np.float32)


def test_the_ratio_grows_with_the_heart() -> None:
    for index in range(3):
        patient = draw_patient(11, "test", index)
        grown = [dataclasses.replace(patient, severity=severity) for severity in (0.0, 0.5, 0.75, 1.0)]
        films = np.stack([render(one, shown("cardiomegaly"), "male", 50) for one in grown])
        healthy = render(dataclasses.replace(patient, heart=-1.0), shown("no finding"), "male", 50)
        ratios = cardiothoracic_ratio(_films(np.concatenate([healthy[None], films])))
        assert (np.diff(ratios) > 0.0).all()
        # Regression shrinks the extremes, which are rare in training: 0.48 to 0.98 of the true growth was seen.
        true = [heart_ratio(one, shown("cardiomegaly"), "male", 50) for one in grown]
        assert true[-1] == pytest.approx(CTR_ENLARGED[1])
        assert 0.4 < (ratios[-1] - ratios[1]) / (true[-1] - true[0]) < 1.2


def test_an_effusion_raises_the_opacity_of_its_angle_only() -> None:
    for index in range(4):
        patient = dataclasses.replace(draw_patient(12, "test", index), side=0.1, severity=0.6)
        films = np.stack([render(patient, shown(finding), "female", 50) for finding in (FINDINGS[0], FINDINGS[2])])
        angles = opacities(_films(films)).angles
        assert angles[1, 0] > angles[0, 0] + 0.15
        assert abs(angles[1, 1] - angles[0, 1]) < 0.08


@pytest.fixture(scope="module")
def estimated(images) -> dict[str, dict[str, np.ndarray]]:
    return {name: estimate(_films(images[name])) for name in ("test", "test_other", "test_sex")}


def test_removing_the_finding_lowers_its_score(estimated) -> None:
    cases = chest_cases("test")
    for finding in FINDINGS[1:]:
        ill = np.array([case.finding == finding for case in cases])
        assert (estimated["test"][finding] > estimated["test_other"][finding])[ill].mean() > 0.85


def test_a_flipped_sex_shows_and_the_finding_stays(estimated) -> None:
    before, after = estimated["test"], estimated["test_sex"]
    was_male = np.array([case.sex == "male" for case in chest_cases("test")])
    assert ((before["sex"] > after["sex"]) == was_male).mean() > 0.97
    assert max(np.abs(after[finding] - before[finding]).mean() for finding in FINDINGS) < 0.2
    assert np.corrcoef(before["age"], after["age"])[0, 1] > 0.6


def test_the_short_forms_are_columns_of_the_whole(images) -> None:
    films = _films(images["test"][:5])
    whole = estimate(films)
    assert np.array_equal(age(films), whole["age"])
    assert np.array_equal(cardiothoracic_ratio(films), whole["cardiothoracic_ratio"])


@pytest.mark.parametrize(
    "films", [np.zeros((2, 3, 64, 64)), np.zeros((0, 64, 64)), np.full((1, 64, 64), 2.0), np.full((1, 64, 64), np.nan)]
)
def test_films_out_of_shape_or_range_are_refused(films: np.ndarray) -> None:
    with pytest.raises(ImageError, match="chest films"):
        estimate(films)


def test_a_blank_film_gives_numbers_and_no_crash() -> None:
    for level in (0.0, 0.5, 1.0):
        assert all(np.isfinite(value).all() for value in estimate(np.full((1, 64, 64), level)).values())
