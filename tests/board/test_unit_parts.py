"""What units add to scores: by name, so that what several scores share is taken off or averaged."""

from __future__ import annotations

import numpy as np
import pytest

from ldbench.api import Measured
from ldbench.board.unit_parts import aligned, by_unit, degrees, mean_parts, variance

ONE = {"cases": {"a": 1.0, "b": -1.0}, "scans": {"a": 2.0}}
TWO = {"cases": {"b": 3.0, "c": 0.5}, "scans": {"a": 2.0}}


def test_units_of_one_name_are_the_same_and_others_add_nothing() -> None:
    one, two = aligned([ONE, TWO])
    assert one.tolist() == [1, -1, 0, 2]
    assert two.tolist() == [0, 3, 0.5, 2]
    assert variance((ONE, TWO)) == 1 + 16 + 0.25
    assert variance((ONE, ONE)) == 0


def test_a_mean_is_of_what_each_unit_adds_to_every_score() -> None:
    assert mean_parts([ONE, TWO]) == {"cases": {"a": 0.5, "b": 1.0, "c": 0.25}, "scans": {"a": 2.0}}
    assert mean_parts([ONE]) == ONE


def test_images_of_one_subject_are_one_unit_and_groups_are_numbered() -> None:
    values = np.array([1.0, -0.5, -0.5])
    score = Measured("x", 0, 0, 0, 3, "lower", contributions={"cases": values, "groups": values})
    parts = by_unit(score, {"cases": ("p", "q", "q")})
    assert parts["groups"] == {"0": 1, "1": -0.5, "2": -0.5}
    factor = (2 / 1 * 2 / 3) ** 0.5  # few subjects in the place of images
    assert parts["cases"] == pytest.approx({"p": factor, "q": -factor})
    assert by_unit(score, {"cases": ("p", "q")}).keys() == {"groups"}
    assert degrees([score], [parts]) == 1
    exact = Measured("x", 0, 0, 0, 3, "lower", contributions={"cases": values}, degrees=2.5)
    assert degrees([exact, exact], [parts, parts]) == 2.5
