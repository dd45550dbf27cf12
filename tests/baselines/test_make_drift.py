"""How a drift is asked for: what a generator's parameters come to, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.drift import SIGNAL_LEAK, Drift, parse_delta, signal_leak

from ldbench.errors import UsageError

from .gaussian import make

LEAK = (0.01, -0.02, 0.03, 0.0)
PER_CHANNEL = (0.1, 0.0, -0.1, 0.2)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"delta": 0.1}, Drift(0.1, 0.1)),
        ({"delta": "0.1, 0,-0.1,0.2"}, Drift(PER_CHANNEL, PER_CHANNEL)),
        ({"delta": 0.1, "delta_sample": 0.0}, Drift(0.1, 0.0)),
        ({"delta": 0.1, "where": "train"}, Drift(0.1, 0.0)),
        ({"delta": 0.1, "where": "sample"}, Drift(0.0, 0.1)),
        ({"delta": 0.1, "delta_sample": "0.2", "where": "sample"}, Drift(0.0, 0.2)),
        ({"delta": 0.1, "kind": "step"}, Drift(0.1, 0.1, "step")),
        ({"delta": 0.1, "kind": "step", "delta_total": 0.5}, Drift(0.1, 0.01, "step")),
        ({"delta": SIGNAL_LEAK, "leak": lambda: LEAK}, Drift(0.0, 0.0, "noise", LEAK)),
        ({"delta_sample": SIGNAL_LEAK, "leak": lambda: LEAK}, Drift(0.0, 0.0, "noise", LEAK)),
        ({"delta": 0.1, "delta_sample": SIGNAL_LEAK, "leak": lambda: LEAK}, Drift(0.1, 0.1, "noise", LEAK)),
        ({"delta": SIGNAL_LEAK, "delta_sample": 0.1}, Drift(0.0, 0.1)),
    ],
)
def test_a_drift_is_what_was_asked_for(asked: dict[str, Any], expected: Drift) -> None:
    assert make(**asked) == expected


def test_the_trained_drift_and_the_leak_are_added_channel_by_channel() -> None:
    assert Drift(0.1, 0.1, "noise", LEAK).start_shift() == pytest.approx((0.11, 0.08, 0.13, 0.1))
    assert signal_leak(torch.tensor([1.0, -2.0, 0.0, 4.0]), 0.25) == pytest.approx((0.5, -1.0, 0.0, 2.0))


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"delta": "0.1,0,0.2"}, "delta: expected one number or 4, one a latent channel, got 3"),
        ({"delta_sample": "1,2"}, "delta_sample: expected one number or 4, one a latent channel, got 2"),
        ({"delta": "a lot"}, "delta: expected a finite number"),
        ({"delta": "0.1,,0,0"}, "delta: expected a finite number"),
        ({"delta": ""}, "delta: expected a finite number"),
        ({"delta": math.inf}, "delta: expected a finite number"),
        ({"delta": "nan"}, "delta: expected a finite number"),
        ({"delta": True}, "delta: expected a finite number"),
        ({"delta_total": 0.5}, "delta_total: .* expected drift 'step'"),
        ({"delta_total": math.nan, "kind": "step"}, "delta_total: expected a finite number"),
        ({"delta_total": 0.5, "kind": "step", "delta_sample": 0.1}, "delta_total: .* got both"),
        ({"delta": SIGNAL_LEAK, "kind": "step"}, "signal-leak is a start of z_T"),
        ({"delta_sample": 0.0, "where": "train"}, "delta_sample: expected none beside drift_where train, got 0.0"),
        ({"delta": 0.1, "delta_sample": SIGNAL_LEAK, "where": "train"}, "delta_sample: expected none .* 'signal-leak'"),
        ({"kind": "step", "delta_total": 5.0, "where": "train"}, "delta_total: expected none .* drift_where both"),
        ({"delta": SIGNAL_LEAK, "where": "train"}, "signal-leak is where sampling starts"),
    ],
)
def test_a_drift_that_means_nothing_is_refused_in_one_line(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError, match=line) as caught:
        make(**asked)
    assert "\n" not in str(caught.value)


def test_a_leak_without_a_start_is_refused() -> None:
    with pytest.raises(UsageError, match="signal-leak"):
        Drift(kind="step", leak=0.1)


NUMBERS = st.floats(-0.5, 0.5)


@given(st.lists(NUMBERS, min_size=1, max_size=1) | st.lists(NUMBERS, min_size=4, max_size=4))
def test_numbers_come_back_from_their_text(numbers: list[float]) -> None:
    assert parse_delta(",".join(map(repr, numbers)), 4, "delta") == tuple(numbers)
    assert parse_delta(numbers[0], 4, "delta") == (numbers[0],)
