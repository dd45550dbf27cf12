"""Words that all kinds of plug-ins share: tasks' kinds, attributes, parameter values, directions, progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

Kind = Literal["text-to-image", "aging", "disease-counterfactual"]
Attributes = Mapping[str, str | int | float]
ParameterValue = str | int | float | bool | None
Direction = Literal["lower", "higher"]


class Progress(Protocol):
    """Called with the stage's name, how much is done of how much, and a short note (a loss, say)."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Report progress."""


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """A `Progress` that says nothing."""
