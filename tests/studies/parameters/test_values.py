"""Grids: what is accepted, in what order, and what is refused in one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Context, Generator
from ldbench.errors import LdbenchError, UnknownNameError
from ldbench.studies.parameters.values import grid, spelled


@dataclass
class Many(Generator):
    """One parameter of each type."""

    delta: float | str | None = 0.0
    steps: int = 1
    quick: bool = False

    def generate(self, requests: object, context: Context) -> torch.Tensor:
        """Nothing."""
        raise NotImplementedError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.2:0.2:0.1", ("-0.2", "-0.1", "0", "0.1", "0.2")),
        ("0.3:0:-0.15", ("0.3", "0.15", "0")),
        ("0:1:0.4", ("0", "0.4", "0.8")),
        ("1:1:5", ("1",)),
        ("1e2:3e2:1e2", ("100", "200", "300")),
        ("0, 0.1,signal-leak", ("0", "0.1", "signal-leak")),
        ("0;0.1,0,-0.1,0.2", ("0", "0.1,0,-0.1,0.2")),
    ],
)
def test_what_ranges_and_lists_mean(text: str, expected: tuple[str, ...]) -> None:
    assert spelled("delta", text) == expected


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(1, 40))
def test_a_range_holds_its_start_its_steps_and_never_passes_its_stop(start: int, count: int, step: int) -> None:
    stop = start + count * step
    texts = spelled("delta", f"{start / 100}:{(stop + step / 2) / 100}:{step / 100}")
    assert [round(float(text) * 100) for text in texts] == list(range(start, stop + 1, step))


def test_values_have_the_parameters_type_and_positions() -> None:
    ints = grid(Many, "steps", "100:300:100", {})
    assert ints.values == (100, 200, 300)
    assert ints.positions == [100, 200, 300]
    mixed = grid(Many, "delta", "0,0.1,signal-leak,none", {})
    assert mixed.values == (0.0, 0.1, "signal-leak", None)
    assert not mixed.numeric
    assert mixed.positions == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        ("steps", "0:1:0", "a step that isn't 0"),
        ("steps", "0:3:-1", "a step that leads from 0 to 3"),
        ("steps", "0:101:1", "at most 101 values, got 102"),
        ("steps", ",".join(map(str, range(102))), "at most 101 values, got 102"),
        ("steps", "0:3", "start:stop:step in numbers"),
        ("steps", "a:b:c", "start:stop:step in numbers"),
        ("steps", "", "values of steps separated by commas"),
        ("steps", "1,,2", "values of steps separated by commas"),
        ("steps", "1,1.5", "expected steps: int = 1, got '1.5'"),
        ("steps", "1,2,1", "each value of steps once, got 1 twice"),
        ("delta", "0.1,0.10", "once, got 0.10 twice"),
        ("steps", "5", "at least 2 values of steps"),
        ("quick", "yes,no", "expected quick: bool = false, got 'yes'"),
        ("guidance", "1,2", "given by --set too"),
    ],
)
def test_refusals_are_one_line(parameter: str, text: str, message: str) -> None:
    @dataclass
    class Guided(Many):
        guidance: float = 1.0

    with pytest.raises(LdbenchError, match=message) as caught:
        grid(Guided, parameter, text, {"guidance": "2"}, least=2)
    assert "\n" not in str(caught.value)


def test_an_unknown_parameter_is_told_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown parameter of Many 'delte': did you mean delta\?"):
        grid(Many, "delte", "0,1", {})
