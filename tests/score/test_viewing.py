"""Viewing conditions: a small, seeded loss that is the same for every image set, in any order and batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ldbench.score.viewing import as_viewed, point_spread
from ldbench.task.card import ViewingConditions

BOTH = ViewingConditions(1.0, 0.02)


def images(count: int = 3, side: int = 24, seed: int = 0) -> torch.Tensor:
    """Grey images as RGB, `(N, 3, side, side)`."""
    grey = torch.rand((count, 1, side, side), generator=torch.Generator().manual_seed(seed))
    return grey.expand(-1, 3, -1, -1).contiguous()


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_the_point_spread_is_a_gaussian(sigma: float) -> None:
    given_images = images()
    expected = ndimage.gaussian_filter(given_images.double().numpy(), (0, 0, sigma, sigma), mode="mirror")
    seen = point_spread(given_images, ViewingConditions(sigma, 0.0))
    assert float((seen.double() - torch.from_numpy(expected)).abs().max()) < 1e-5


def test_noise_has_the_stated_spread_and_one_draw_for_equal_channels() -> None:
    grey = torch.full((4, 3, 64, 64), 0.5) + torch.arange(4)[:, None, None, None] / 100
    difference = as_viewed(grey, ViewingConditions(0.0, 0.05)) - grey
    assert float(difference[:, 0].std()) == pytest.approx(0.05, rel=0.03)
    assert torch.equal(difference[:, 0], difference[:, 2])
    colour = grey * torch.tensor([1.0, 0.9, 0.8])[:, None, None]
    difference = as_viewed(colour, ViewingConditions(0.0, 0.05)) - colour
    assert abs(float(torch.corrcoef(difference[:, :2].transpose(0, 1).flatten(1))[0, 1])) < 0.05


@given(order=st.permutations(range(4)), alone=st.integers(0, 3))
def test_an_image_is_seen_alike_in_any_order_and_batch(order: list[int], alone: int) -> None:
    batch = images(4, 16)
    seen = as_viewed(batch, BOTH)
    assert torch.equal(as_viewed(batch[order], BOTH), seen[order])
    assert torch.equal(as_viewed(batch[alone : alone + 1], BOTH)[0], seen[alone])


def test_copies_stay_copies_and_others_get_noise_of_their_own() -> None:
    one, other = images(2)
    seen = as_viewed(torch.stack([one, one, other]), BOTH)
    assert torch.equal(seen[0], seen[1])
    spread = point_spread(torch.stack([one, one, other]), BOTH)
    noise = (seen - spread)[:, 0].flatten(1)
    assert abs(float(torch.corrcoef(noise[1:])[0, 1])) < 0.2


def test_no_blur_and_no_noise_leave_the_images_alone() -> None:
    assert torch.equal(as_viewed(images(), ViewingConditions(0.0, 0.0)), images())


@pytest.mark.parametrize("side", [8, 9])
def test_a_point_spread_wider_than_the_image_is_cut(side: int) -> None:
    assert point_spread(images(side=side), ViewingConditions(8.0, 0.0)).shape[-1] == side
