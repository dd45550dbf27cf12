"""`--set key=value` by the field's type: what is read, what is refused, and how it is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import pytest

from ldbench.api import Context, Generator, Request
from ldbench.errors import PluginError, UnknownNameError, UsageError
from ldbench.plugins.parameters import ParameterValue, build, declared, parameters

if TYPE_CHECKING:
    import torch


@dataclass
class Typed(Generator):
    """One parameter of each type, and state that is none."""

    kinds: ClassVar[frozenset[str]] = frozenset({"aging"})
    flag: bool = False
    steps: int = 50
    scale: float = 7.5
    name: str = "plain"
    mode: Literal["ddim", "ddpm", 3] = "ddim"
    delta: float | Literal["signal-leak"] = 0.1
    backbone: str | None = None
    limit: int | None = 4
    _weights: torch.Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps: expected 1 or more,\ngot {self.steps}")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("flag", "true", True), ("flag", "false", False), ("steps", "7", 7), ("steps", "+7", 7),
        ("scale", "2", 2.0), ("scale", "-1e-3", -0.001), ("scale", ".5", 0.5), ("name", "a=b c", "a=b c"),
        ("name", "none", "none"), ("name", "", ""), ("mode", "ddpm", "ddpm"), ("mode", "3", 3),
        ("delta", "signal-leak", "signal-leak"), ("delta", "0.2", 0.2), ("backbone", "none", None),
        ("backbone", "some/folder", "some/folder"), ("limit", "none", None), ("limit", "9", 9),
    ],
)  # fmt: skip
def test_a_text_becomes_the_value_it_means(key: str, text: str, value: ParameterValue) -> None:
    got = parameters(build(Typed, {key: text}))[key]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("flag", "1"), ("flag", "True"), ("steps", "1.5"), ("steps", "1_000"), ("steps", " 1"),
        ("steps", "none"),
        ("scale", "nan"), ("scale", "inf"), ("scale", "1e999"), ("scale", "x"), ("mode", "DDIM"),
        ("delta", "leak"), ("limit", ""), ("limit", "4.0"),
    ],
)  # fmt: skip
def test_a_text_of_another_type_is_one_line_naming_key_type_and_text(key: str, text: str) -> None:
    with pytest.raises(UsageError) as error:
        build(Typed, {key: text})
    message = str(error.value)
    assert message.startswith(f"--set {key}={text}: expected {key}: ")
    assert message.endswith(f"got {text!r}")
    assert "\n" not in message


def test_an_unknown_key_lists_the_known_ones_with_types_and_defaults() -> None:
    with pytest.raises(UnknownNameError, match="parameter of Typed 'step': did you mean steps") as error:
        build(Typed, {"step": "3"})
    for known in ("flag: bool = false", "steps: int = 50", "backbone: str | none = none", "mode: ddim |"):
        assert known in str(error.value)
    assert "_weights" not in str(error.value)
    with pytest.raises(UnknownNameError):
        build(Typed, {"_weights": "3"})


def test_a_value_that_the_generator_refuses_is_a_usage_error_of_one_line() -> None:
    with pytest.raises(UsageError, match=r"Typed refuses its parameters: steps: expected 1 or more, got 0$"):
        build(Typed, {"steps": "0"})


def test_all_parameters_are_recorded_and_json_gives_them_back() -> None:
    values = parameters(build(Typed, {"steps": "3"}))
    assert list(values) == [parameter.name for parameter in declared(Typed)]
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["steps"] == 3
    assert "_weights" not in values


def test_a_parameter_changed_to_another_type_is_not_recorded_silently() -> None:
    generator = Typed()
    generator.scale = "wide"  # type: ignore[assignment]
    with pytest.raises(PluginError, match="scale: float"):
        parameters(generator)
