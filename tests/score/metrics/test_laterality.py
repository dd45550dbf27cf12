"""Laterality: mirror images are counted where scans have a side, and refused where they have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from ldbench.errors import MetricError
from ldbench.score.metrics.laterality import laterality_score


def scans(count: int, seed: int) -> torch.Tensor:
    """Noise with a bright spot on the right whose place varies, as RGB `(N, 3, 24, 24)`."""
    random = np.random.default_rng(seed)
    images = 0.3 * random.random((count, 24, 24))
    for image in images:
        image[int(random.integers(8, 16)), int(random.integers(15, 20))] += 20
    grey = ndimage.gaussian_filter(images, (0, 2, 2)).clip(0, 1)
    return torch.from_numpy(grey).float()[:, None].expand(-1, 3, -1, -1).contiguous()


TRAINING, TEST, FRESH = scans(60, 1), scans(40, 2), scans(30, 3)


def test_mirror_images_are_counted() -> None:
    right = laterality_score(TRAINING, TEST, FRESH)
    assert right.value < 0.1
    assert laterality_score(TRAINING, TEST, FRESH.flip(3)).value == pytest.approx(1 - right.value)
    some = torch.cat([FRESH[:20], FRESH[20:].flip(3)])
    score = laterality_score(TRAINING, TEST, some)
    assert score.value == pytest.approx(1 / 3, abs=0.1)
    assert (score.ci_low < score.value < score.ci_high, score.n, score.direction) == (True, 30, "lower")


def test_training_on_mirror_images_turns_the_answer_round() -> None:
    assert laterality_score(TRAINING.flip(3), TEST.flip(3), FRESH).value == pytest.approx(
        1 - laterality_score(TRAINING, TEST, FRESH).value
    )


def test_an_image_without_a_side_is_not_right() -> None:
    symmetric = torch.maximum(FRESH, FRESH.flip(3))
    assert laterality_score(TRAINING, TEST, symmetric).value == 1


def test_scans_without_a_side_are_refused() -> None:
    with pytest.raises(MetricError, match="expected 95% of the real test scans to be told from their mirror images"):
        laterality_score(torch.cat([TRAINING[:30], TRAINING[30:].flip(3)]), TEST, FRESH)
    with pytest.raises(MetricError, match="expected training scans that are not symmetric"):
        laterality_score(torch.zeros(5, 3, 8, 8), torch.zeros(5, 3, 8, 8), torch.zeros(5, 3, 8, 8))
