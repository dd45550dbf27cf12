"""Error relative to a copy's: 0 for the truth, 1 for a copy, and two parts at right angles that make it up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import MetricError
from ldbench.score.metrics.counterfactual_error import (
    EditSums,
    edit_score,
    edit_sums,
    effect,
    effect_error,
    error,
    side_effect,
)
from tests.score.metrics.made_images import images, noisy

SOURCE, TRUTH = images(1, n=6, size=16), images(2, n=6, size=16)


def pooled(result: torch.Tensor) -> EditSums:
    return edit_sums("counterfactual_error", result, SOURCE, TRUTH).pooled()


@given(seed=st.integers(0, 10_000), level=st.floats(0, 0.5), share=st.floats(-1, 2))
def test_error_is_the_hypotenuse_of_its_parts(seed: int, level: float, share: float) -> None:
    noise = torch.randn(SOURCE.shape, generator=torch.Generator().manual_seed(seed))
    sums = pooled((SOURCE + share * (TRUTH - SOURCE) + level * noise).clamp(0, 1))
    assert float(error(sums)) ** 2 == pytest.approx(float(effect_error(sums) ** 2 + side_effect(sums) ** 2), abs=1e-9)


@given(share=st.floats(0, 1))
def test_a_share_of_the_true_edit_has_that_effect_and_no_side_effect(share: float) -> None:
    sums = pooled(SOURCE + share * (TRUTH - SOURCE))
    assert float(effect(sums)) == pytest.approx(share, abs=1e-5)
    assert float(error(sums)) == pytest.approx(1 - share, abs=1e-4)
    assert float(side_effect(sums)) == pytest.approx(0, abs=1e-2)


def test_truth_is_best_a_copy_is_one_and_too_much_is_worse_than_right() -> None:
    scores = [
        edit_score("counterfactual_error", error, edit_sums("counterfactual_error", result, SOURCE, TRUTH))
        for result in (TRUTH, SOURCE, (SOURCE + 1.5 * (TRUTH - SOURCE)).clamp(0, 1))
    ]
    truth, copy, too_much = scores
    assert truth.value == truth.ci_high == 0
    assert copy.value == copy.ci_low == copy.ci_high == 1
    assert 0 < too_much.value < 1
    assert float(too_much.parameters["observed_effect"]) > 1


def test_equals_numpy() -> None:
    result = noisy(TRUTH, 0.1)
    made, true = ((each - SOURCE).double().numpy().ravel() for each in (result, TRUTH))
    share = made @ true / (true @ true)
    sums = pooled(result)
    assert float(error(sums)) == pytest.approx(np.linalg.norm(made - true) / np.linalg.norm(true))
    assert float(effect_error(sums)) == pytest.approx(abs(1 - share))
    assert float(side_effect(sums)) == pytest.approx(np.linalg.norm(made - share * true) / np.linalg.norm(true))


def test_a_case_without_an_edit_weighs_only_by_what_is_done_to_it() -> None:
    truth = TRUTH.clone()
    truth[0] = SOURCE[0]
    score = edit_score("error", error, edit_sums("error", noisy(truth, 0.05), SOURCE, truth))
    assert np.isfinite([score.value, score.ci_low, score.ci_high]).all()
    with pytest.raises(MetricError, match=r"error: expected 2 or more cases whose true image differs .*, got 0 of 6"):
        edit_sums("error", TRUTH, SOURCE, SOURCE)


def test_the_interval_covers_the_value_over_all_cases() -> None:
    random, hits, population = np.random.default_rng(0), 0, 4000
    true = random.gamma(2.0, size=population)
    made = random.normal(0.7, 0.3, population)
    every = EditSums(true * made**2 + 0.1 * true, true * made, true)
    expected = float(error(every.pooled()))
    for _ in range(300):
        chosen = random.integers(0, population, 60)
        score = edit_score("e", error, EditSums(*(p[chosen] for p in (every.made_made, every.made_true, true))))
        hits += score.ci_low <= expected <= score.ci_high
    assert hits / 300 > 0.9
