"""The search for copies: what it finds, what it leaves alone, and the chance that it gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ldbench.api import Measured
from ldbench.errors import MetricError
from ldbench.plugins.kinds import METRICS
from ldbench.score.metrics.copies import (
    CHANCE,
    Nearness,
    chance_of,
    copied_share_score,
    copies_of,
    feature_nearness,
    is_copy,
    pixel_nearness,
)
from leaderboards.flags_of_copies import drawn, score

SIDE = 32


def scans(count: int, seed: int) -> torch.Tensor:
    """Smooth grey images as RGB, `(N, 3, 32, 32)`."""
    noise = np.random.default_rng(seed).random((count, SIDE, SIDE))
    smooth = ndimage.gaussian_filter(noise, (0, 2, 2))
    grey = torch.from_numpy((smooth - smooth.min()) / (smooth.max() - smooth.min())).float()
    return grey[:, None].expand(-1, 3, -1, -1).contiguous()


TRAINING, FRESH = scans(60, 1), scans(40, 2)


def score_of(images: torch.Tensor, fresh: torch.Tensor = FRESH) -> Measured:
    """Copies by pixels alone."""

    def nearness(batch: torch.Tensor) -> list[Nearness]:
        return [pixel_nearness(batch, TRAINING, 50, 2)]

    return copied_share_score(
        nearness(images), nearness(fresh), case_ids=[f"case{i}" for i in range(len(images))],
        scan_ids=[f"scan{i}" for i in range(len(TRAINING))], extractor="x",
    )


@pytest.mark.parametrize(
    "changed",
    [
        lambda scan: scan, lambda scan: scan * 0.5 + 0.2, lambda scan: torch.roll(scan, (1, -2), (2, 3)),
        lambda scan: (scan + 0.02 * torch.randn(scan.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1),
    ],
    ids=["exact", "contrast", "shifted", "noisy"],
)
def test_copies_are_found_and_named(changed: object) -> None:
    score = score_of(changed(TRAINING[:20]))  # type: ignore[operator]
    assert score.value == 1
    assert is_copy(score.score)
    found = copies_of(score)
    assert len(found) == 20
    assert all(copy.case.removeprefix("case") == copy.scan.removeprefix("scan") for copy in found)
    assert [copy.nearness for copy in found] == sorted(copy.nearness for copy in found)
    assert found[-1].nearness < 0.8


@pytest.mark.parametrize(
    "images", [scans(40, 3), TRAINING.mean(0, keepdim=True).expand(20, -1, -1, -1), TRAINING.flip(3), FRESH],
    ids=["fresh", "mean", "mirrored", "test"],
)
def test_what_is_no_copy_is_left_alone(images: torch.Tensor) -> None:
    score = score_of(images)
    assert score.value < 0.2
    assert not is_copy(score)


def test_a_few_copies_among_fresh_images_are_counted() -> None:
    score = score_of(torch.cat([FRESH[:30], TRAINING[:10]]))
    assert score.value == 0.25
    assert (score.ci_low < 0.25 < score.ci_high, len(copies_of(score))) == (True, 10)
    assert {copy.scan for copy in copies_of(score)} == {f"scan{i}" for i in range(10)}


def test_the_search_in_features_ignores_what_is_near_to_all() -> None:
    random = np.random.default_rng(0)
    training, fresh = random.normal(size=(60, 16)), random.normal(size=(40, 16))
    near = feature_nearness(np.stack([training[7], training.mean(axis=0), fresh[0]]), training, 50)
    assert near.relative_n[0] == 0
    assert near.index_n[0] == 7
    assert near.relative_n[1] > feature_nearness(fresh, training, 50).relative_n.min()


def test_either_space_is_enough_to_be_a_copy() -> None:
    index = np.zeros(4, np.int64)
    far, mixed = Nearness(np.array([1.0, 1.0, 1.0, 1.0]), index), Nearness(np.array([0.1, 1.0, 1.0, 1.0]), index + 2)
    fresh = [Nearness(np.array([0.9, 1.0, 1.1]), index[:3])] * 2
    score = copied_share_score([far, mixed], fresh, case_ids="abcd", scan_ids="xyz", extractor="x")
    assert score.value == 0.25
    assert [(copy.case, copy.scan) for copy in copies_of(score)] == [("a", "z")]


@given(generated=st.integers(1, 5), fresh=st.integers(1, 4), copies=st.integers(0, 5))
def test_the_chance_is_that_of_all_orders(generated: int, fresh: int, copies: int) -> None:
    copies = min(copies, generated)
    orders = list(itertools.combinations(range(generated + fresh), generated))  # the places of generated images
    below = [sum(1 for place in range(generated + fresh) if set(range(place + 1)) <= set(order)) for order in orders]
    expected = np.mean([count >= copies for count in below])
    assert chance_of(copies, generated, fresh) == pytest.approx(expected)


def test_a_flag_needs_more_copies_than_chance_gives() -> None:
    assert chance_of(9, 200, 200) > CHANCE > chance_of(10, 200, 200)


def test_copies_of_many_subjects_are_flagged_and_the_share_is_of_all_images() -> None:
    random = np.random.default_rng(0)
    sets = drawn((25, 8), 0.9, random, nearer=2.0), drawn((25, 8), 0.9, random)
    known, unknown = (score(*sets, known=each) for each in (True, False))
    assert is_copy(known.score)
    assert (known.value, known.n) == (unknown.value, unknown.n) == (1.0, 200)
    assert known.parameters["observed_chance"] == chance_of(25, 25, 25) > unknown.parameters["observed_chance"]
    assert known.parameters["chance_of"] == "one image of each subject"
    assert "chance_of" not in unknown.parameters


def test_the_chance_takes_no_scan_that_was_left_out() -> None:
    index = np.zeros(4, np.int64)
    near = [Nearness(np.array([0.5, 0.5, 1.0, 1.0]), index)]
    fresh = [Nearness(np.array([0.01, 0.9, 0.9, 1.1]), index)]
    score = copied_share_score(
        near, fresh, case_ids="abcd", scan_ids="xyz", extractor="x", subjects=(np.array([0, 0, 1, 1]), None)
    )
    assert score.parameters["observed_chance"] == chance_of(2, 4, 2)


def test_order_and_repetition_change_nothing() -> None:
    mixed = torch.cat([FRESH[:30], TRAINING[:10]])
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert score_of(mixed[order]).value == score_of(torch.cat([mixed, mixed])).value == score_of(mixed).value


def test_the_record_takes_flagged_rows_out_of_the_ranking() -> None:
    unranks = METRICS.load("copied_share").unranks
    assert unranks is not None
    assert unranks(score_of(TRAINING[:20]).score)
    assert not unranks(score_of(FRESH).score)


@pytest.mark.parametrize(
    "changed", [lambda scan: scan, lambda scan: torch.roll(scan, 1, 3), lambda scan: (255 * scan).round() / 255 * 0.5],
    ids=["exact", "shifted", "quantised"],
)
def test_test_scans_that_are_training_scans_are_left_out_and_counted(changed: object) -> None:
    images = torch.cat([scans(30, 3), TRAINING[:30]])
    twins = changed(TRAINING[50:53])  # type: ignore[operator]
    score, alone = score_of(images, torch.cat([FRESH[:20], twins, FRESH[20:]])), score_of(images)
    assert is_copy(score.score)
    assert score.score.value == alone.score.value >= 0.5
    assert score.parameters == {**alone.parameters, "fresh_copies_left_out": 3}


def test_a_test_scan_that_is_a_training_scan_in_one_of_both_spaces_is_left_out() -> None:
    index = np.zeros(4, np.int64)
    images = [Nearness(np.array([0.3, 1.0, 1.0, 1.0]), index)] * 2
    pixels, features = Nearness(np.array([0.9, 1.0, 1.1, 0.8]), index), Nearness(np.array([0.9, 1.0, 1.1, 0.0]), index)
    score = copied_share_score(images, [pixels, features], case_ids="abcd", scan_ids="xyz", extractor="x")
    assert (score.value, score.parameters["n_fresh"]) == (0.25, 3)
    assert score.parameters["observed_threshold"] == pytest.approx(0.9)


def test_a_test_set_of_copies_is_refused() -> None:
    near = [Nearness(np.zeros(5), np.zeros(5, np.int64))]
    with pytest.raises(MetricError, match="expected test scans that are no copies of training scans"):
        copied_share_score(near, near, case_ids="abcde", scan_ids="x", extractor="x")
    half = [Nearness(np.array([1e-8, 1e-8, 1.0, 1.0]), np.zeros(4, np.int64))]
    with pytest.raises(MetricError, match="got 2 of 4 that are"):
        copied_share_score(half, half, case_ids="abcd", scan_ids="x", extractor="x")
    with pytest.raises(MetricError, match="expected at least 2 training images, got 1"):
        pixel_nearness(FRESH, TRAINING[:1], 50, 2)
