"""The source moved: rigidly, by what is asked for, drawn from the case's own seed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ldbench_baselines.repositioned import Repositioned, moved
from scipy import ndimage

from ldbench.api import Case, Context, Request
from ldbench.errors import GeneratorError, UsageError

SIDE = 64


@pytest.fixture(scope="module")
def smooth() -> torch.Tensor:
    """A blob off the middle, `(3, 64, 64)`, far from the border."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.exp(-((x - 40.0) ** 2 / 60 + (y - 26.0) ** 2 / 90)).expand(3, -1, -1).contiguous()


def requests(image: torch.Tensor | None, *seeds: int) -> list[Request]:
    return [Request(Case(f"case-{seed}", "prompt", {}, image), seed) for seed in seeds]


def context(folder: Path) -> Context:
    return Context(torch.device("cpu"), 0, folder, (3, SIDE, SIDE))


def middle(image: torch.Tensor) -> tuple[float, float]:
    """Centre of mass, from the image's middle, in pixels to the right and down."""
    y, x = torch.meshgrid(torch.arange(SIDE) - 31.5, torch.arange(SIDE) - 31.5, indexing="ij")
    mass = image[0] / image[0].sum()
    return float((mass * x).sum()), float((mass * y).sum())


@pytest.mark.parametrize(("degrees", "across", "down"), [(0, 0.1, -0.05), (20, 0, 0), (-15, 0.03, 0.06)])
def test_a_movement_carries_the_middle_of_mass_where_it_should(
    smooth: torch.Tensor, degrees: float, across: float, down: float
) -> None:
    x, y = middle(smooth)
    turn = math.radians(degrees)
    expected = (
        x * math.cos(turn) - y * math.sin(turn) + across * SIDE, x * math.sin(turn) + y * math.cos(turn) + down * SIDE
    )
    assert middle(moved(smooth, degrees, across, down)) == pytest.approx(expected, abs=0.06)


def test_it_agrees_with_another_resampler(smooth: torch.Tensor) -> None:
    turn = math.radians(12)
    back = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])  # of rows and columns
    centre = np.array([31.5, 31.5])
    shift = np.array([0.05, -0.02]) * SIDE
    other = ndimage.affine_transform(smooth[0].numpy(), back, centre - back @ (centre + shift), order=3)
    assert np.abs(moved(smooth, 12, -0.02, 0.05)[0].numpy() - other).max() < 0.01


def test_no_movement_is_the_source_itself(smooth: torch.Tensor, tmp_path: Path) -> None:
    images = Repositioned(degrees=0, shift=0).generate(requests(smooth, 1, 2), context(tmp_path))
    torch.testing.assert_close(images, smooth.expand(2, -1, -1, -1), atol=1e-5, rtol=0)


def test_a_case_moves_by_its_own_seed_whatever_stands_beside_it(smooth: torch.Tensor, tmp_path: Path) -> None:
    row = Repositioned()
    one, two, three = row.generate(requests(smooth, 1, 2, 3), context(tmp_path))
    assert torch.equal(row.generate(requests(smooth, 2), context(tmp_path))[0], two)
    assert not torch.equal(one, three)
    assert one.min() >= 0
    assert one.max() <= 1


def test_larger_movements_are_further_from_the_source(smooth: torch.Tensor, tmp_path: Path) -> None:
    distances = []
    for scale in (1.0, 4.0):
        images = Repositioned(degrees=scale, shift=scale / 100).generate(requests(smooth, *range(8)), context(tmp_path))
        distances.append(float((images - smooth).abs().mean()))
    assert 0 < distances[0] < distances[1]


@pytest.mark.parametrize("wrong", [{"degrees": -1.0}, {"degrees": 90.0}, {"shift": 0.6}, {"shift": math.nan}])
def test_movements_that_no_head_makes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"(degrees|shift): expected 0 to"):
        Repositioned(**wrong)


def test_a_prompt_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="expected a source image"):
        Repositioned().generate(requests(None, 1), context(tmp_path))
