"""Arguments of another type than a function says: one line that names them, before anything is read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ldbench
from ldbench.errors import UsageError
from ldbench.records.argument_types import fits, judged
from ldbench.run.measure import Classes, MetricSettings

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(ldbench, name) for name in ldbench.__all__ if name[0].islower()
}
# the images themselves, a generator and choices of a few words are judged by whoever takes them
ELSEWHERE = {"real", "generated", "training", "generator", "channels", "fit"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_of_a_wrong_type_is_named(name: str) -> None:
    function = FUNCTIONS[name]
    parameters = inspect.signature(function).parameters
    required = {each.name: "none" for each in parameters.values() if each.default is inspect.Parameter.empty}
    for wrong in parameters.keys() - ELSEWHERE:
        with pytest.raises(UsageError, match=f"^{wrong}: expected .*, got <object object"):
            function(**required | {wrong: object()})
    assert judged(inspect.unwrap(function)).keys() >= parameters.keys() - ELSEWHERE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"side": "64"}, "side: expected an int, got '64'"), ({"blur": "1"}, "blur: expected a number, got '1'"),
        ({"metrics": 5}, "metrics: expected a list of texts, got 5"), ({"paired": 1}, "paired: expected True or False"),
        (
            {"settings": {"kid:foo": 3}},
            r"settings: expected settings by .*, such as \{'coverage': \{'k': 3\}\}, got \{'kid:foo': 3\}",
        ),
        ({"per_image": True}, "per_image: expected a path, got True"),
        ({"subjects": {"real": [None]}}, "subjects: expected a path or a dict of lists of texts or ints, got"),
        ({"progress": "bar"}, "progress: expected a function, got 'bar'"), ({"metrics": []}, "metrics: .*, got none"),
        ({"device": 3}, "device: expected a text, got 3"),
    ],
)
def test_measuring_says_what_it_expects(given: dict[str, Any], said: str) -> None:
    sets = [torch.zeros((1, 1, 32, 32), dtype=torch.uint8)] * 2
    for call in (ldbench.measure, lambda real, made, **more: ldbench.measure_each(real, [made], **more)):
        with pytest.raises(UsageError, match=f"^{said}"):
            call(*sets, **given)


@pytest.mark.parametrize("given", ["runs", [], ["runs"], 3])
def test_differences_are_of_what_was_measured(given: Any) -> None:
    with pytest.raises(UsageError, match=r"^folders: expected a list of what measure returned"):
        ldbench.differences(given)


@pytest.mark.parametrize("name", ["leaderboard", "compare"])
@pytest.mark.parametrize("argument", ["only", "without"])
def test_an_empty_choice_of_rows_is_none(name: str, argument: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{argument}: expected one name or more, got none"):
        FUNCTIONS[name](tmp_path, **{argument: []})


def test_a_call_that_python_refuses_keeps_its_error() -> None:
    with pytest.raises(TypeError, match="positional argument"):
        ldbench.differences([], 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="blurr"):
        ldbench.measure("a", "b", blurr=1)  # type: ignore[call-arg]


def test_what_stands_for_a_type_is_taken() -> None:
    taken: list[tuple[Any, object]] = [
        (int, np.int64(3)), (float, 3), (float, np.float32(1)), (bool, np.bool_(True)), (Path | str, Path("a")),
        (str, torch.device("cpu")), (Classes, {"real": np.array([1, 2])}), (Classes, {"real": ["a", 1]}),
        (Classes, {"real": "folders"}), (MetricSettings, {"a": {"b": 1, "c": "d", "e": True}}), (MetricSettings, {}),
    ]
    assert [one for one in taken if not fits(*one)] == []
