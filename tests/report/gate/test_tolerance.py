"""Tolerances as they are typed."""

from __future__ import annotations

import pytest

from ldbench.errors import UsageError
from ldbench.report.gate.tolerance import DEFAULT, Tolerances, parse


def test_relative_absolute_and_default() -> None:
    assert parse([]) == Tolerances(DEFAULT, {})
    assert parse(["0.05", "fid=2", "kid=1e-3"]) == Tolerances(0.05, {"fid": 2.0, "kid": 1e-3})
    assert parse(["fid=0"]).relative == DEFAULT


def test_an_absolute_one_takes_the_place_of_the_relative_one() -> None:
    tolerances = Tolerances(0.1, {"fid": 2.0})
    assert tolerances.amount("fid", 500.0) == 2.0
    assert tolerances.amount("kid", -0.5) == pytest.approx(0.05)
    assert str(tolerances) == "0.1 of the baseline's value, fid=2"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["two"], "--tolerance two: expected a number of 0 or more, or metric=number, got 'two'"),
        (["-0.1"], "got '-0.1'"), (["nan"], "got 'nan'"), (["fid=inf"], "got 'inf'"), (["fid="], "got ''"),
        (["=2"], "expected a metric before '='"), (["0.1", "0.2"], "the relative one is given twice"),
        (["fid=1", "fid=2"], "fid is given twice"),
    ],
)
def test_what_says_nothing_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(texts)
    assert message in str(caught.value)
