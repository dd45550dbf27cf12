"""Tables to dataclasses: what fits is taken as it is, what does not is named by its key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.records.from_table import TypedError, build, convert, value_of


@dataclass(frozen=True)
class Inner:
    size: int
    rate: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    mode: Literal["a", "b"]
    inner: Inner | None = None
    sizes: tuple[int, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    flag: bool = False


@given(st.text(), st.sampled_from(["a", "b"]), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_fitting_table_is_taken_as_it_is(name: str, mode: str, size: int, rate: float) -> None:
    made = build(Outer, {"name": name, "mode": mode, "inner": {"size": size, "rate": rate}, "sizes": [size]})
    assert made == Outer(name, mode, Inner(size, rate), (size,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"mode": "a"}, "name: expected a string, got nothing"),
        ({"name": "x", "mode": "c"}, "mode: expected one of 'a', 'b', got 'c'"),
        ({"name": "x", "mode": "a", "inner": {"size": 1.5}}, "inner.size: expected an integer, got 1.5"),
        ({"name": "x", "mode": "a", "inner": {"size": True}}, "inner.size: expected an integer, got True"),
        ({"name": "x", "mode": "a", "inner": {"size": 1, "rat": 2}}, "inner.rat: unknown key; did you mean 'rate'?"),
        ({"name": "x", "mode": "a", "inner": {"size": 1, "rate": float("inf")}}, "inner.rate: expected a finite"),
        ({"name": "x", "mode": "a", "inner": 3}, "inner: expected a table, got 3"),
        ({"name": "x", "mode": "a", "sizes": [1, "2"]}, "sizes[1]: expected an integer, got '2'"),
        ({"name": "x", "mode": "a", "words": {"sex": {"F": 1}}}, "words.sex.F: expected a string, got 1"),
        ({"name": "x", "mode": "a", "flag": 1}, "flag: expected true or false, got 1"),
        ({"name": "x", "mode": "a", "zzz": 1}, "zzz: unknown key; known: name, mode, inner, sizes, words, flag"),
        (["name"], "expected a table"),
    ],
)
def test_a_table_that_does_not_fit_is_named_by_its_key(table: object, message: str) -> None:
    with pytest.raises(TypedError) as caught:
        build(Outer, table)
    assert message in str(caught.value)


@dataclass(frozen=True)
class Share:
    rate: float

    def __post_init__(self) -> None:
        if self.rate > 1:
            raise TypedError(f"rate: expected 1 at most, got {self.rate}")


@pytest.mark.parametrize(("key", "place"), [("", ""), ("metrics.mine", "metrics.mine.")])
def test_what_a_dataclass_refuses_itself_is_named_by_its_place(key: str, place: str) -> None:
    with pytest.raises(TypedError) as caught:
        build(Share, {"rate": 2}, key)
    assert str(caught.value) == f"{place}rate: expected 1 at most, got 2.0"


def test_an_integer_that_no_float_holds_is_refused() -> None:
    with pytest.raises(TypedError, match="finite number"):
        convert(float, 10**400, "value")


@pytest.mark.parametrize(
    ("hint", "text", "meant"),
    [
        (int, "3", 3), (float, "3", 3.0), (str, "3", "3"), (int | None, "none", None), (str, "none", "none"),
        (bool, "true", True), (Literal["a", "b"], "b", "b"), (tuple[str, ...], "a, b,", ("a", "b")),
        (tuple[int, ...], "", ()), (int | float, "2", 2), (int | float, "2.5", 2.5),
    ],
)
def test_a_text_means_the_first_reading_that_the_type_takes(hint: object, text: str, meant: object) -> None:
    value = value_of(hint, text, "key")
    assert (type(value), value) == (type(meant), meant)


@pytest.mark.parametrize("text", ["wide", "1,2", "1.5"])
def test_a_text_that_no_reading_fits_is_quoted_as_it_was_typed(text: str) -> None:
    with pytest.raises(TypedError, match=f"key: expected an integer, got '{text}'"):
        value_of(int, text, "key")


@pytest.mark.parametrize(
    ("hint", "values", "message"),
    [
        (tuple[float, ...], [1.0, math.inf], r"x\[1\]: expected a finite number, got inf"),
        (tuple[float, ...], [1.0, "2"], r"x\[1\]: expected a finite number, got '2'"),
        (list[int], [1, True], r"x\[1\]: expected an integer, got True"),
        (list[str], ["a", 1], r"x\[1\]: expected a string"),
    ],
)
def test_one_wrong_of_many_is_named_by_its_place(hint: object, values: list[object], message: str) -> None:
    with pytest.raises(TypedError, match=message):
        convert(hint, values, "x")
    assert convert(tuple[float, ...], [1, 2.0], "x") == (1.0, 2.0)
    assert [type(one) for one in convert(tuple[float, ...], [1, 2.0], "x")] == [float, float]
    assert convert(list[str], ("a", "b"), "x") == ["a", "b"]
