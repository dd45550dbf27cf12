"""A page's name of a model: the row that it ships with, its only row, or the one with the parameters asked for."""

from dataclasses import replace

import pytest

from ldbench.errors import ResultError
from ldbench.plugins.generators import load_generator
from ldbench.plugins.model_ref import model_ref
from ldbench.plugins.parameters import build
from ldbench.records.result import ModelRef
from leaderboards.shipped_rows import as_shipped, meant


def _row(**settings: str) -> ModelRef:
    return model_ref("basic-ft", build(load_generator("basic-ft"), settings))


SHIPPED, LONGER = _row(), _row(steps="3200", guidance_scale="2")


def test_a_name_is_the_row_that_the_model_ships_with() -> None:
    assert [meant("basic-ft", [LONGER, SHIPPED])(model) for model in (LONGER, SHIPPED)] == [False, True]


def test_a_lone_row_is_taken_as_it_is() -> None:
    assert as_shipped([LONGER])(LONGER)
    assert as_shipped([LONGER, _row(steps="3200", guidance_scale="2")])(LONGER)  # two seeds of it


def test_rows_none_of_which_is_shipped_are_refused() -> None:
    with pytest.raises(ResultError, match="basic-ft: expected a row of the parameters that it ships with, got 2"):
        as_shipped([LONGER, _row(steps="3200")])
    strangers = [replace(row, name="nobody") for row in (SHIPPED, LONGER)]
    with pytest.raises(ResultError, match="nobody"):
        as_shipped(strangers)


def test_settings_choose_the_rows_that_have_them() -> None:
    rows = [SHIPPED, LONGER, _row(steps="3200"), model_ref("lora", build(load_generator("lora"), {"steps": "3200"}))]
    assert [meant("basic-ft,steps=3200", rows)(row) for row in rows] == [False, True, True, False]
    assert [meant("basic-ft,steps=3200,guidance_scale=2", rows)(row) for row in rows] == [False, True, False, False]
