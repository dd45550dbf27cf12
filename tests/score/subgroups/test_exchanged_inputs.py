"""Exchanges of real and generated images: none is lost, classes and pairs stay, and images cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import PluginError
from ldbench.score.subgroups.exchanged_inputs import exchanged
from ldbench.score.subgroups.inputs import GroupInputs
from leaderboards.subgroup_gaps import GapSetting, drawn

REAL, CASES = np.arange(4, 19), np.arange(2, 14)


def group_of(real: np.ndarray = REAL, cases: np.ndarray = CASES) -> GroupInputs:
    return GroupInputs(drawn(GapSetting(shift=(1.0,)), 3, np.random.default_rng(0), (20,)).inputs, real, cases)


@given(seed=st.integers(0, 2**31))
def test_an_exchange_keeps_sizes_images_and_classes(seed: int) -> None:
    group = group_of()
    inputs = exchanged(group, np.random.default_rng(seed), paired=False)
    before, after = np.concatenate(group.features("x")), np.concatenate(inputs.features("x"))
    assert [len(part) for part in inputs.features("x")] == [len(REAL), len(CASES)]
    labels = np.array([*group.real_labels, *group.labels])
    for label in group.classes:
        assert sorted(before[labels == label].tolist()) == sorted(after[labels == label].tolist())
    both = np.concatenate(inputs.readings("first"))
    assert both == pytest.approx(after[:, 0])  # readings and features of an image stay together


@given(seed=st.integers(0, 2**31))
def test_a_pair_changes_places_or_does_not(seed: int) -> None:
    group = group_of(CASES, CASES)
    real_nd, generated_nd = group.features("x")
    swapped = exchanged(group, np.random.default_rng(seed), paired=True).features("x")
    for row, (real, generated) in enumerate(zip(*swapped, strict=True)):
        pair = [real_nd[row].tolist(), generated_nd[row].tolist()]
        assert [real.tolist(), generated.tolist()] in (pair, pair[::-1])


def test_every_second_image_is_exchanged_on_average() -> None:
    moved = [
        (exchanged(group_of(CASES, CASES), np.random.default_rng(seed), paired=paired).from_m < len(CASES)).mean()
        for paired in (False, True) for seed in range(200)
    ]
    assert np.mean(moved[:200]) == pytest.approx(0.5, abs=0.03)
    assert np.mean(moved[200:]) == pytest.approx(0.5, abs=0.03)


def test_images_and_the_judge_are_refused() -> None:
    inputs = exchanged(group_of(), np.random.default_rng(0), paired=False)
    with pytest.raises(PluginError, match="expected a metric of features or readings"):
        inputs.judged  # noqa: B018
