"""The two revisions of who is in the brains: courses that only lose, ratios that stay drawable, intervals that show."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldbench_sandbox.brain.atlas import ventricle_warp
from ldbench_sandbox.brain.atrophy import Pace, accelerating_loss_at, loss_at
from ldbench_sandbox.brain.build import plan
from ldbench_sandbox.brain.population import POPULATIONS, REVISION_1, REVISION_2
from ldbench_sandbox.brain.subject import load_atlas
from ldbench_sandbox.brain.warp import identity_warp, pull

from .jacobian import jacobian

MEAN = Pace(1.0, 1.0, 3.75, 3.0)
YEARS = st.floats(0, 20)


@pytest.mark.parametrize("population", POPULATIONS.values(), ids=lambda each: each.revision)
@settings(max_examples=40, deadline=None)
@given(st.floats(55, 90), YEARS, st.floats(0.7, 1.4), st.floats(0.7, 1.4))
def test_every_year_and_every_disease_only_takes(population, age: float, later: float, own: float, ill: float) -> None:
    pace = Pace(own, ill, 3.0, 4.0)
    losses = []
    for diagnosis in ("CN", "MCI", "AD"):
        history = pace.history(age, diagnosis)
        before, after = population.loss(age, history, pace), population.loss(age + later, history, pace)
        assert after.ventricle_ratio >= before.ventricle_ratio * (1 - 1e-12)
        assert after.ageing_tissue >= before.ageing_tissue - 1e-12
        assert after.disease_tissue >= before.disease_tissue - 1e-12
        losses.append(before)
    assert losses[0].ventricle_ratio < losses[1].ventricle_ratio < losses[2].ventricle_ratio
    assert losses[0].disease_tissue == 0 < losses[1].disease_tissue < losses[2].disease_tissue


def test_healthy_courses_are_the_same_in_both_revisions() -> None:
    for age in (50, 63.5, 90):
        one, two = (loss(age, MEAN.history(age, "CN"), MEAN) for loss in (loss_at, accelerating_loss_at))
        assert one.ventricle_ratio == pytest.approx(two.ventricle_ratio)
        assert one.ageing_tissue == two.ageing_tissue


def test_the_excess_of_revision_2_rises_to_its_peak_without_a_jump_and_falls_off_after_it() -> None:
    history = MEAN.history(70, "AD")
    logs = [math.log(accelerating_loss_at(history.ad_onset + t, history, MEAN).ventricle_ratio) for t in range(-3, 25)]
    rates = [after - before for before, after in pairwise(logs)]
    peak = 3 + 7 - 1
    assert all(one < two for one, two in pairwise(rates[: peak + 1]))
    assert all(one > two for one, two in pairwise(rates[peak + 1 :]))
    assert rates[-1] == pytest.approx(0.02, abs=2e-3)
    assert max(two - one for one, two in pairwise(rates)) < 0.03


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 60), st.floats(0.1, 60))
def test_what_is_drawn_keeps_the_order_and_nears_the_ceiling(one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert REVISION_2.shown(low) <= REVISION_2.shown(high) <= REVISION_2.ceiling
    assert REVISION_2.shown(low) <= low
    assert REVISION_2.shown(min(low, 3.0)) == min(low, 3.0)
    assert REVISION_1.shown(low) == low


def test_later_scans_of_revision_2_are_late_enough_to_show() -> None:
    scans = plan(population=REVISION_2)
    first = {scan.subject.number: scan for scan in scans if scan.role == "scan"}
    later = [scan for scan in scans if scan.role == "later"]
    assert min(scan.years for scan in later if scan.diagnosis == "CN") >= 2
    shares = [sum(low <= scan.years <= high for scan in later) for low, high in ((1, 4), (5, 10), (11, 99))]
    assert min(shares) > 0.2 * len(later)
    for scan in later:
        before = first[scan.subject.number]
        losses = [REVISION_2.loss(one.age, one.history, one.subject.pace) for one in (before, scan)]
        lost = [loss.ageing_tissue + loss.disease_tissue for loss in losses]
        assert REVISION_2.change(losses[0], losses[1], scan.subject.ventricle_size) >= REVISION_2.least_change
        assert lost[1] - lost[0] > 0.005
    assert max(scan.age for scan in later) <= 97
    assert {scan.subject.population for scan in scans} == {REVISION_2}


@pytest.mark.slow
def test_ventricles_shrink_and_grow_to_the_asked_size_and_nothing_folds() -> None:
    [atlas] = load_atlas([84], shrinks=True).values()
    template, inside = atlas.slice.ventricle, atlas.slice.inside > 0.5
    assert np.allclose(ventricle_warp(atlas, 1.0), identity_warp(192), atol=1e-3)
    for ratio in (0.35, 0.6, 1.0, 2.0, 3.0, REVISION_2.ceiling):
        warp = ventricle_warp(atlas, ratio)
        assert pull(template, warp).sum() / template.sum() == pytest.approx(ratio, rel=0.02)
        assert jacobian(warp)[inside].min() > 0
