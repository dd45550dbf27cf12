"""The sandbox brains' recipe: warps don't fold, atrophy only grows, and the counterfactual changes nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ldbench_sandbox.brain.atlas import Atlas, open_sulci, ventricle_warp
from ldbench_sandbox.brain.atrophy import AGEING_STARTS, DIAGNOSES, Diagnosis, History, Pace, loss_at
from ldbench_sandbox.brain.build import plan
from ldbench_sandbox.brain.subject import Subject, draw_identity, draw_subject, load_atlas, render
from ldbench_sandbox.brain.warp import compose, exponential, identity_warp, pull, smooth_noise
from ldbench_sandbox.estimators.brain import ventricle_ratio

from .jacobian import jacobian

pytest.importorskip("nilearn")
pytest.importorskip("scipy")

DATA = Path(__file__).parents[3] / "tasks" / "sandbox_brain"
HEIGHTS = (82, 88)
SUBJECTS = 4


@pytest.fixture(scope="module")
def atlases() -> dict[int, Atlas]:
    return load_atlas(HEIGHTS)


@pytest.fixture(scope="module")
def subjects() -> list[Subject]:
    drawn = (draw_subject(number, "female" if number % 2 else "male", seed=7) for number in range(1, 200))
    return [subject for subject in drawn if subject.height in HEIGHTS][:SUBJECTS]


def _ventricle_area(atlas: Atlas, subject: Subject, age: float, history: History) -> float:
    loss = loss_at(age, history, subject.pace)
    return float(
        pull(atlas.slice.ventricle, ventricle_warp(atlas, subject.ventricle_size * loss.ventricle_ratio)).sum()
    )


def test_normal_ageing_is_the_stated_rate() -> None:
    pace = Pace(ageing=1.0, disease=1.0, mci_years=3.0, ad_years=5.0)
    at_70, at_71 = (loss_at(age, History(), pace) for age in (70.0, 71.0))
    assert at_71.ventricle_ratio / at_70.ventricle_ratio == pytest.approx(np.exp(0.02))
    assert at_71.ageing_tissue - at_70.ageing_tissue == pytest.approx(0.005)
    assert loss_at(AGEING_STARTS, History(), pace).ventricle_ratio == 1.0


def test_first_year_of_disease_is_the_stated_rate() -> None:
    pace = Pace(ageing=1.0, disease=1.0, mci_years=3.0, ad_years=5.0)
    well, ill = (loss_at(70.0, history, pace) for history in (History(), History(69.99, 69.99)))
    # 0.01 years: before the levelling tells.
    assert (ill.ventricle_ratio / well.ventricle_ratio - 1) / 0.01 == pytest.approx(0.10 - 0.02, rel=0.01)
    assert ill.disease_tissue / 0.01 == pytest.approx(0.020 - 0.005, rel=0.01)


@pytest.mark.parametrize("diagnosis", DIAGNOSES)
def test_ventricles_grow_with_age(atlases: dict[int, Atlas], subjects: list[Subject], diagnosis: Diagnosis) -> None:
    for subject in subjects:
        areas = [
            _ventricle_area(atlases[subject.height], subject, age, subject.pace.history(age, diagnosis))
            for age in range(60, 91, 5)
        ]
        assert np.all(np.diff(areas) > 0)


def test_ventricles_grow_from_cn_to_mci_to_ad(atlases: dict[int, Atlas], subjects: list[Subject]) -> None:
    for subject in subjects:
        areas = [
            _ventricle_area(atlases[subject.height], subject, 72, subject.pace.history(72, diagnosis))
            for diagnosis in DIAGNOSES
        ]
        assert np.all(np.diff(areas) > 0)


def test_ventricle_area_is_the_asked_ratio(atlases: dict[int, Atlas]) -> None:
    for atlas in atlases.values():
        area = float(pull(atlas.slice.ventricle, ventricle_warp(atlas, 2.0)).sum())
        assert area == pytest.approx(2.0 * float(atlas.slice.ventricle.sum()), rel=0.02)


def test_sulci_take_the_asked_tissue_and_leave_deep_white_matter(atlases: dict[int, Atlas]) -> None:
    for atlas in atlases.values():
        flat = np.zeros_like(atlas.slice.grey)
        young, old = (sum(open_sulci(atlas, flat, loss, 0.0)) for loss in (0.0, 0.10))
        tissue = float((atlas.slice.grey + atlas.slice.white).sum())
        assert float((young - old).sum()) / tissue == pytest.approx(0.10, abs=0.02)
        deep = atlas.sulcal_odds <= -50
        assert np.array_equal(young[deep], old[deep])
        assert np.all(old <= young + 1e-6)


def test_warps_do_not_fold(atlases: dict[int, Atlas], subjects: list[Subject]) -> None:
    for subject in subjects:
        atlas, warp = atlases[subject.height], draw_identity(subject).warp
        head = pull(atlas.slice.inside, warp) > 0.5
        assert jacobian(warp)[head].min() > 0.1
        for ratio in (1.0, 1.5, 2.0, 3.0):
            assert jacobian(ventricle_warp(atlas, ratio)).min() > 0
            assert jacobian(compose(warp, ventricle_warp(atlas, ratio)))[head].min() > 0


def test_exponential_of_a_large_velocity_does_not_fold_where_its_displacement_would() -> None:
    velocity = np.stack([12 * smooth_noise(np.random.default_rng(seed), 160, 16) for seed in (0, 1)])
    inner = (slice(40, -40), slice(40, -40))
    assert jacobian(identity_warp(160) + velocity)[inner].min() < 0
    assert jacobian(exponential(velocity, squarings=8))[inner].min() > 0


def test_smooth_noise_has_unit_variance_everywhere() -> None:
    fields = np.stack([smooth_noise(np.random.default_rng(seed), 32, 4) for seed in range(400)])
    assert np.allclose(fields.std(axis=0), 1.0, atol=0.2)
    assert abs(fields.mean()) < 0.1


def test_same_attributes_give_the_same_bytes(atlases: dict[int, Atlas], subjects: list[Subject]) -> None:
    subject = subjects[0]
    history = subject.pace.history(70, "AD")
    first, second = (render(atlases, subject, draw_identity(subject), 70, history) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_counterfactual_goes_the_right_way_and_keeps_the_head(
    atlases: dict[int, Atlas], subjects: list[Subject]
) -> None:
    for subject in subjects:
        identity = draw_identity(subject)
        well, ill = (
            render(atlases, subject, identity, 72, subject.pace.history(72, diagnosis)).astype(np.float32) / 255
            for diagnosis in ("CN", "AD")
        )
        ratios = ventricle_ratio(np.stack([well, ill]))
        assert ratios[1] > ratios[0]
        # Fluid is darker than tissue, so disease darkens; the head's outline is where it was.
        assert ill.mean() < well.mean()
        assert np.array_equal(well == 0, ill == 0)


@pytest.mark.slow
def test_frozen_images_are_what_the_recipe_gives() -> None:
    scans = plan()
    chosen = [scan for scan in scans if scan.key in ("train", "test_later", "test_other")][::60]
    atlases = load_atlas(sorted({scan.subject.height for scan in chosen}))
    with np.load(DATA / "images.npz", allow_pickle=False) as arrays:
        held = {key: arrays[key] for key in ("train", "test_later", "test_other")}
    order = {key: [scan.image_id for scan in scans if scan.key == key] for key in held}
    again = [render(atlases, s.subject, draw_identity(s.subject), s.age, s.history) for s in chosen]
    frozen = [held[s.key][order[s.key].index(s.image_id)] for s in chosen]
    difference = np.abs(np.stack(again).astype(int) - np.stack(frozen).astype(int))
    assert (difference <= 1).mean() >= 0.999
    assert difference.max() <= 4
