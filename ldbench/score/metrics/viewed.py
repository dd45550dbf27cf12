"""A metric under the card's viewing conditions (`ldbench.score.viewing`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ldbench.api import Measured, MetricInputs

Settings = TypeVar("Settings")
Compute = Callable[[MetricInputs, Settings], Measured]


def viewed(compute: Compute[Settings]) -> Compute[Settings]:
    """`compute` of the images as they are viewed, with the conditions in its score; itself on a card without any."""

    def seen(inputs: MetricInputs, settings: Settings) -> Measured:
        score = compute(inputs.viewed, settings)
        return replace(score, parameters={**score.parameters, **inputs.viewed.viewing_parameters})

    return seen
