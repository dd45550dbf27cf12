"""The error of what an estimator reads: the truth scores 0 whatever the estimator's own error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ldbench.api import Measured
from ldbench.errors import MetricError
from ldbench.score.metrics.attribute_error import attribute_error_score, attribute_errors, relative_error_score
from tests.score.metrics.made_images import images, noisy

Grey = npt.NDArray[np.float32]


def brightness(grey: Grey) -> npt.NDArray[np.float64]:
    """A biased reading of grey images, in units of ten grey levels."""
    return 10 * grey.astype(np.float64).mean(axis=(1, 2)) + 3


def test_is_the_mean_difference_of_two_readings() -> None:
    truth = images(1) * 0.8
    result = truth + torch.tensor([0.0, 0.01, 0.05, 0.1])[:, None, None, None]
    score = attribute_error_score("age_error", result, truth, brightness, estimator="test-brightness", unit="tens")
    assert attribute_errors("age_error", result, truth, brightness) == pytest.approx([0, 0.1, 0.5, 1], abs=1e-5)
    assert score.value == pytest.approx(0.4, abs=1e-5)
    assert (score.metric, score.direction, score.n) == ("age_error", "lower", 4)
    assert (score.extractor, score.parameters["unit"]) == ("test-brightness", "tens")


def test_the_truth_scores_nothing_and_channels_are_averaged() -> None:
    truth = images(2)
    values = attribute_errors("ratio_error", truth, truth, brightness)
    assert values.tolist() == [0] * 4
    even = images(3) * 0.5 + 0.2
    tinted = even + torch.tensor([0.03, -0.01, -0.02])[:, None, None]
    assert attribute_errors("ratio_error", tinted, even, brightness) == pytest.approx(0, abs=1e-5)


def test_bad_readings_are_one_line() -> None:
    truth = images(4)
    for wrong in (lambda grey: grey, lambda grey: np.full(len(grey), np.nan), lambda grey: brightness(grey[:1])):
        with pytest.raises(MetricError, match="age_error: expected 4 finite readings, one a case"):
            attribute_errors("age_error", noisy(truth, 0.1), truth, wrong)
    with pytest.raises(MetricError, match="one shape"):
        attribute_errors("age_error", truth[:2], truth, brightness)


def test_the_relative_error_is_one_for_a_copy_nothing_for_the_truth_and_free_of_units() -> None:
    source, truth = images(1), images(2)

    def relative(result: torch.Tensor, scale: float = 1.0) -> Measured:
        return relative_error_score(
            "relative_age_error", result, source, truth, lambda grey: scale * brightness(grey), estimator="x"
        )

    assert relative(source).value == 1
    assert relative(source).ci_low == relative(source).ci_high == 1
    assert relative(truth).value == relative(truth).ci_high == 0
    between = relative((source + truth) / 2)
    assert between.value == pytest.approx(0.5, abs=1e-4)
    assert relative((source + truth) / 2, 7.0).value == pytest.approx(between.value)
    with pytest.raises(MetricError, match="relative_age_error: expected 2 or more cases whose true image"):
        relative_error_score("relative_age_error", truth, truth, truth, brightness, estimator="x")
