"""The region that truth says must change: against SciPy's dilation, and the means that are taken over it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from ldbench.errors import MetricError
from ldbench.score.metrics.region import changed_region, region_means, validated_region


def pair(seed: int, n: int = 3, size: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey sources at 8-bit levels, and truths that differ in about one pixel of ten."""
    random = torch.Generator().manual_seed(seed)
    source = torch.randint(0, 128, (n, 1, size, size), generator=random) / 255
    changed = torch.rand((n, 1, size, size), generator=random) < 0.1
    truth = torch.where(changed, source + torch.rand((n, 1, size, size), generator=random) * 0.5, source)
    return source.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1)


@given(seed=st.integers(0, 10_000), margin=st.integers(0, 3), threshold=st.sampled_from([0.0, 0.1, 0.3]))
def test_equals_a_dilation_by_scipy(seed: int, margin: int, threshold: float) -> None:
    source, truth = pair(seed)
    square = np.ones((2 * margin + 1, 2 * margin + 1), bool)
    above = (truth - source).abs().mean(1).numpy() > threshold
    expected = np.stack([binary_dilation(each, square) for each in above])
    region = changed_region(source, truth, threshold, margin)
    assert region.dtype == torch.bool
    assert np.array_equal(region.numpy(), expected)


def test_the_mean_over_channels_counts_and_the_threshold_is_not_in() -> None:
    source = torch.zeros(1, 3, 5, 5)
    truth = source.clone()
    truth[0, 0, 0, 0] = 0.75  # mean 0.25
    assert not changed_region(source, truth, 0.25, 2).any()
    assert changed_region(source, truth, 0.2, 1).sum() == 4  # the corner's neighbourhood is clipped


@given(seed=st.integers(0, 10_000))
def test_grows_with_the_margin_and_shrinks_with_the_threshold(seed: int) -> None:
    source, truth = pair(seed)
    for small, large in (
        (changed_region(source, truth, 0.1, 0), changed_region(source, truth, 0.1, 1)),
        (changed_region(source, truth, 0.3, 1), changed_region(source, truth, 0.1, 1)),
    ):
        assert not (small & ~large).any()


def test_means_leave_out_cases_without_pixels() -> None:
    values = torch.arange(12, dtype=torch.float32).reshape(3, 2, 2)
    mask = torch.tensor([[[True, True], [False, False]], [[False] * 2] * 2, [[True] * 2] * 2])
    assert region_means("m", values, mask).tolist() == [0.5, 9.5]
    with pytest.raises(MetricError, match="m: expected 2 or more cases with pixels to compare, got 1 of 3"):
        region_means("m", values, mask & torch.tensor([True, False, False])[:, None, None])


def test_bad_input_is_one_line() -> None:
    source, truth = pair(1)
    with pytest.raises(MetricError, match="region: expected generated and target images of one shape"):
        changed_region(source, truth[:, :, :8], 0.1, 1)
    for threshold, margin in ((-0.1, 1), (0.1, -1)):
        with pytest.raises(MetricError, match="expected threshold and margin of 0 or more"):
            changed_region(source, truth, threshold, margin)
    region = changed_region(source, truth, 0.1, 1)
    for wrong in (region[:2], region.float(), region[:, None]):
        with pytest.raises(MetricError, match="error_inside: expected a region of shape"):
            validated_region("error_inside", wrong, source)
