"""Digits follow the interval's width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.report.digits import decimals_for, fixed, shortest, with_interval


@pytest.mark.parametrize(
    ("half_width", "value", "shown"),
    [
        (1.25, 12.34, "12.3"), (0.00225, 0.01234, "0.0123"), (16.0, 187.3, "187"), (160.0, 1873.4, "1873"),
        (0.0996, 0.5, "0.50"), (0.0994, 0.5, "0.500"), (9.96, 55.55, "56"), (0.0, 12.345678, "12.35"), (0.0, 0.0, "0"),
        (1e-30, 1.0, "1.000"), (3e-8, 1.0, "1.000"), (3e-7, 1.0, "1.00000000"),
        (0.0, 123456.7, "123457"), (0.04, -0.0004, "0.000"),
    ],
)
def test_as_many_digits_as_the_interval_supports(half_width: float, value: float, shown: str) -> None:
    assert fixed(value, decimals_for(half_width, value)) == shown


@given(st.floats(1e-7, 1e6), st.floats(-1e6, 1e6))
def test_rounding_never_moves_a_number_by_a_tenth_of_its_half_width(half_width: float, value: float) -> None:
    assert abs(float(fixed(value, decimals_for(half_width, value))) - value) <= max(half_width / 10, 0.5000001)
    if 1e-7 * abs(value) < half_width < 10:
        assert abs(float(fixed(value, decimals_for(half_width, value))) - value) <= half_width / 10


@pytest.mark.parametrize(("value", "shown"), [(24.3, "24.3"), (30.0, "30"), (0.871, "0.871"), (0.0, "0")])
def test_a_reported_number_is_shown_as_printed(value: float, shown: str) -> None:
    assert shortest(value) == shown


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.0, 0.0, 0.0188, ("0", "[0, 0.0188]")), (1.0, 0.9812, 1.0, ("1", "[0.9812, 1]")),
        (0.98, 0.94, 1.0, ("0.980", "[0.940, 1]")), (-0.0, -0.5, 0.5, ("0", "[-0.50, 0.50]")),
        (2.0, 1.95, 2.05, ("2.000", "[1.950, 2.050]")), (0.04, -1.0, 1.0, ("0.0", "[-1.0, 1.0]")),
        (1.0, -0.3, 2.3, ("1.0", "[-0.3, 2.3]")), (-0.003, -0.5, 0.5, ("0.00", "[-0.50, 0.50]")),
        (0.0, -1.4e-14, 1.4e-14, ("0", "[0, 0]")), (0.0, 0.0, 9.4e-14, ("0", "[0, 0]")),
    ],
)  # fmt: skip
def test_nothing_and_all_of_a_share_have_no_decimals(
    value: float, low: float, high: float, shown: tuple[str, str]
) -> None:
    assert with_interval(value, low, high) == shown
