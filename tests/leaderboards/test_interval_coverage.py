"""Several images a subject: intervals cover about what they claim, and those that count images do not."""

from __future__ import annotations

import numpy as np
import pytest

from ldbench.score.metrics.intervals import Subjects, numbered
from leaderboards.interval_coverage import measures

SUBJECTS, DRAWS = 30, 120


def coverage(name: str, images: int, shared: Subjects) -> float:
    measure = measures(SUBJECTS)[name]
    scores = [measure(np.random.default_rng(seed), images, shared) for seed in range(DRAWS)]
    expected = float(np.mean([score.value for score in scores]))
    return float(np.mean([score.ci_low <= expected <= score.ci_high for score in scores]))


@pytest.mark.parametrize("images", [2, 4, 8])
@pytest.mark.parametrize("name", ["mean", "share", "AUC", "KID"])
def test_intervals_are_of_subjects(name: str, images: int) -> None:
    whose = numbered(np.repeat(np.arange(SUBJECTS), images).tolist())
    assert coverage(name, images, whose) >= 0.89
    if images == 8:
        assert coverage(name, images, None) < 0.75


def test_frechet_distances_leave_out_whole_subjects() -> None:
    whose = numbered(np.repeat(np.arange(SUBJECTS), 4).tolist())
    assert coverage("FID", 4, whose) >= 0.89 > coverage("FID", 4, None)
