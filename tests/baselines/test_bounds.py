"""Every number among the parameters of a registered row has bounds, and what lies outside is one line before a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.bounds import Bounds

from ldbench.errors import UsageError
from ldbench.plugins.parameters import Parameter, build, declared
from ldbench.run.dry_run import dry_run
from ldbench.run.settings import Settings

from .rows import REGISTERED, ROWS

NUMBERS = [
    pytest.param(row, parameter, id=f"{name}-{parameter.name}") for name, row in sorted(REGISTERED.items())
    for parameter in declared(row) if {int, float} & parameter.scalars
]


def outside(bounds: Bounds, whole: bool) -> list[float]:
    """Numbers next to the ends, outside, and far beyond them."""
    if whole:
        return [int(bounds.least) - 1, -(10**9)]
    below = bounds.least if bounds.more else math.nextafter(bounds.least, -math.inf)
    above = float(bounds.most) if bounds.less else math.nextafter(float(bounds.most), math.inf)
    return [below, above, -1e30, 1e30]


@pytest.mark.slow
@pytest.mark.parametrize(("row", "parameter"), NUMBERS)
def test_every_number_has_bounds_and_one_line_for_what_lies_outside(row: type[Any], parameter: Parameter) -> None:
    bounds, whole = row.bounds[parameter.name], float not in parameter.scalars
    assert math.isfinite(bounds.least)
    assert whole or math.isfinite(bounds.most)
    for number in map(parameter.parse, map(repr, outside(bounds, whole))):
        with pytest.raises(UsageError) as caught:
            build(row, {parameter.name: repr(number)})
        expected = f"{parameter.name}: expected {bounds}, got {number}; the default is "
        assert str(caught.value).startswith(expected)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=f"{parameter.name}: expected"):
        row(**{parameter.name: math.nan})


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_bounds_are_those_of_parameters(name: str) -> None:
    known = {parameter.name for parameter in declared(REGISTERED[name])}
    assert set(getattr(REGISTERED[name], "bounds", {})) <= known


@pytest.mark.parametrize("text", ["1e30", "0.1,0,0,-1e30", "0,nan,0,0"])
@pytest.mark.parametrize("key", ["delta", "delta_sample"])
def test_each_channel_of_a_drift_lies_within(key: str, text: str) -> None:
    with pytest.raises(UsageError, match=rf"{key}: expected -10 to 10, got "):
        build(ROWS["basic-ft"], {key: text})


@pytest.mark.parametrize(
    "setting", ["prompt_dropout=5", "high_noise_share=-1", "ema_decay=1", "learning_rate=0", "guidance_scale=1e30"]
)
def test_the_dry_run_refuses_as_the_run_does(setting: str, tmp_path: Path) -> None:
    name, _, value = setting.partition("=")
    with pytest.raises(UsageError, match=f"^{name}: expected .*, got"):
        dry_run("sandbox-brain-t2i", "basic-ft", Settings(tmp_path, overrides={name: value}))


@given(st.floats(allow_nan=True), st.booleans(), st.booleans())
def test_bounds_hold_what_lies_between_their_ends(value: float, more: bool, less: bool) -> None:
    between = 0 < value < 1 or (value == 0 and not more) or (value == 1 and not less)
    assert Bounds(0, 1, more, less).hold(value) is between


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(1), "1 or more"), (Bounds(0, 1), "0 to 1"), (Bounds(0, 1, less=True), "0 or more, less than 1"),
        (Bounds(0, 1, more=True), "more than 0, at most 1"),
    ],
)
def test_bounds_are_words(bounds: Bounds, words: str) -> None:
    assert str(bounds) == words
