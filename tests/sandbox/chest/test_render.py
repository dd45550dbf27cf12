"""The chest renderer: the same patient under another finding, sex or age, and what must not change with it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ldbench_sandbox.chest.anatomy import CTR_ENLARGED, CTR_NORMAL, ChestRequestError, build_anatomy, heart_ratio
from ldbench_sandbox.chest.patient import FINDINGS, SEXES, draw_patient, shown
from ldbench_sandbox.chest.projection import chord, detector_rays, ellipsoid, length, union_within
from ldbench_sandbox.chest.render import render
from ldbench_sandbox.chest.thorax import fluid_heights, heart_interval

SEED = 7


def _patient(index: int = 0, **draws: float):
    return dataclasses.replace(draw_patient(SEED, "test", index), **draws)


def test_identity_edit_gives_the_same_bytes_and_another_patient_does_not() -> None:
    first = render(_patient(), shown("no finding"), "female", 50)
    assert first.dtype == np.uint8
    assert first.shape == (64, 64)
    assert np.array_equal(first, render(_patient(), shown("no finding"), "female", 50))
    assert not np.array_equal(first, render(_patient(1), shown("no finding"), "female", 50))


@pytest.mark.parametrize("finding", FINDINGS[1:])
def test_a_finding_removed_and_added_again_is_exact_and_changes_the_film(finding: str) -> None:
    patient = _patient(severity=0.8)
    before = render(patient, shown(finding), "male", 60)
    removed = render(patient, shown("no finding"), "male", 60)
    assert np.array_equal(before, render(patient, shown(finding), "male", 60))
    assert np.abs(before.astype(int) - removed.astype(int)).max() > 25


@pytest.mark.slow
@pytest.mark.parametrize("finding", FINDINGS)
def test_brightness_is_that_of_a_film(finding: str) -> None:
    for index in range(4):
        film = render(_patient(index), shown(finding), SEXES[index % 2], 25 + 20 * index)
        assert film[16:36, 8:56].min() > 5, "lungs are not clipped to black"
        assert (film == 255).mean() < 0.05, "dense tissue is not clipped to white"
        assert 60 < film.mean() < 170
        assert film[20:34, 31:34].mean() > film[20:34, 16:22].mean() + 40, "mid-line is denser than lung"


def test_effusion_brightens_its_angle_and_leaves_the_upper_lungs_alone() -> None:
    patient = _patient(3, severity=0.5, side=0.1, tilt=0.0, shift_x=0.0, shift_y=0.0)
    change = render(patient, shown("pleural effusion"), "male", 45).astype(int) - render(
        patient, shown("no finding"), "male", 45
    )
    assert change[42:54, 6:18].max() > 60, "the patient's right angle is on the left of the film"
    assert np.abs(change[:24]).max() <= 1
    assert np.abs(change[:, 44:]).max() <= 3, "only scatter reaches the other lung"


def test_pneumonia_changes_one_lung_only_and_only_brightens() -> None:
    patient = _patient(5, severity=0.9, side=0.1, place=0.8)
    ill, well = (render(patient, shown(finding), "female", 45).astype(int) for finding in ("pneumonia", "no finding"))
    change = ill - well
    assert change[:, :30].max() > 25
    assert np.abs(change[:, 36:]).max() <= 3
    assert change.min() >= -2


def test_effusion_grows_with_severity() -> None:
    films = [render(_patient(2, severity=s, side=0.1), shown("pleural effusion"), "male", 50) for s in (0.0, 0.4, 0.8)]
    sums = [film[:, :30].astype(int).sum() for film in films]
    assert sums[0] < sums[1] < sums[2]
    assert sum(fluid_heights(_patient(), frozenset())) == 0.0


@pytest.mark.parametrize("sex", SEXES)
def test_cardiothoracic_ratio_is_in_its_range_and_exact(sex: str) -> None:
    for index in range(40):
        patient = _patient(index)
        for finding in FINDINGS:
            low, high = CTR_ENLARGED if finding == "cardiomegaly" else CTR_NORMAL
            ratio = heart_ratio(patient, shown(finding), sex, 70)
            assert low <= ratio <= high
            anatomy = build_anatomy(patient, shown(finding), sex, 70)
            assert anatomy.cardiothoracic_ratio == pytest.approx(ratio, abs=1e-12)


@pytest.mark.slow
def test_the_heart_that_is_projected_is_as_wide_as_the_ratio_says() -> None:
    patient = _patient(rotation=0.0, fat_pad=-2.2, habitus=0.0)
    anatomy = build_anatomy(patient, shown("cardiomegaly"), "male", 60)
    rays = detector_rays(2000, 40.0, (0.0, 0.0), 0.0, 1.0)
    shadow = sum(length(interval) for interval in heart_interval(rays, anatomy)[:2]) > 0.0
    columns = rays.x[0][shadow.any(axis=0)]
    assert columns.max() - columns.min() == pytest.approx(anatomy.heart_width, abs=0.05)


def test_sex_and_age_show() -> None:
    patient = _patient(4)
    female, male = (build_anatomy(patient, shown("no finding"), sex, 50) for sex in SEXES)
    assert female.half_width < male.half_width
    assert female.breast > male.breast
    young, old = (build_anatomy(patient, shown("no finding"), "male", age) for age in (20, 85))
    assert young.knob < old.knob
    assert young.bone > old.bone
    assert young.heart_width < old.heart_width


def test_ellipsoid_volume_and_union_agree_with_closed_forms() -> None:
    rays = detector_rays(600, 12.0, (0.0, 0.0), 0.0, 1.0)
    ball = ellipsoid(rays, (0.3, -0.2, 1.0), (3.0, 2.0, 1.5), slant=-0.4)
    cell = (12.0 / 600) ** 2
    # The slant shears the ellipse: its area shrinks by sqrt(1 - slant^2), its extents do not.
    assert length(ball).sum() * cell == pytest.approx(4 / 3 * np.pi * 9.0 * np.sqrt(1 - 0.16), rel=1e-3)
    zero = np.zeros((1, 1))
    bounds = (zero, zero + 10.0)
    parts = [(zero - 1.0, zero + 2.0), (zero + 1.0, zero + 3.0), (zero + 9.0, zero + 12.0), chord(zero + 2.0, 5.0, 1.0)]
    assert union_within(parts, bounds).item() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("finding", "sex", "age"), [("Cardiomegaly", "male", 50), ("no finding", "M", 50), ("no finding", "male", 17)]
)
def test_unknown_requests_are_refused_in_one_line(finding: str, sex: str, age: int) -> None:
    with pytest.raises(ChestRequestError, match="expected") as caught:
        render(_patient(), shown(finding), sex, age)
    assert "\n" not in str(caught.value)
