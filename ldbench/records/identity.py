"""What a result is: which row and run it belongs to, on which card and how its scores were measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol

from ldbench.api import Direction, ParameterValue, Score
from ldbench.records.result import ModelRef, Result, TaskRef

Found = tuple[str, Result]
_REAL = ("n_real", "n_test", "n_fresh")  # one of them counts the real images that a metric compares or tests with


class InRow(Protocol):
    """What says which row it belongs to: a result, or the row itself."""

    @property
    def model(self) -> ModelRef:
        """The generator."""

    @property
    def origin(self) -> str:
        """Measured or reported."""

    @property
    def source(self) -> str | None:
        """Where a reported row stands."""


class MeasuredAlike(Protocol):
    """What says how a metric was measured: a score, or the board's record of the metric."""

    @property
    def direction(self) -> Direction:
        """Which values are better."""

    @property
    def extractor(self) -> str | None:
        """The feature network."""

    @property
    def n(self) -> int:
        """How many generated images."""

    @property
    def parameters(self) -> Mapping[str, ParameterValue]:
        """All else."""


def row_key(result: InRow) -> str:
    """What makes two results runs of one row: the whole model reference, origin and source, as JSON."""
    return canonical([asdict(result.model), result.origin, result.source])


def run_key(result: Result) -> str:
    """What makes two results the same run: row and seed."""
    return canonical([row_key(result), result.seed])


def definition(score: Score) -> str:
    """How a score was measured, as JSON: direction, extractor, n and the parameters of the method."""
    return canonical([score.direction, score.extractor, score.n, method(score)])


def settings_of(score: MeasuredAlike) -> dict[str, str]:
    """How a score was measured, as JSON texts by name: direction, extractor, n and the parameters of the method."""
    values = {"direction": score.direction, "extractor": score.extractor, "n": score.n, **method(score)}
    return {key: json.dumps(value) for key, value in values.items()}


def differences(one: MeasuredAlike, other: MeasuredAlike) -> str:
    """The settings of `one` that are not those of `other`, as `name=value`."""
    own, foreign = settings_of(one), settings_of(other)
    keys = sorted({*own, *foreign})
    return ", ".join(f"{key}={own.get(key, '(absent)')}" for key in keys if own.get(key) != foreign.get(key))


def method(score: MeasuredAlike) -> dict[str, ParameterValue]:
    """The parameters that say how it was measured, without those that tell of this run alone.

    Of the run are `seed`, all that end in `_seed`, and what was seen on the way, named `observed_...`.
    """
    return {key: value for key, value in score.parameters.items() if not _of_the_run(key)}


def real_images(parameters: Mapping[str, ParameterValue]) -> int | None:
    """How many real images a score was computed beside, by its parameters; None where it looks at none."""
    counts = (parameters[name] for name in _REAL if name in parameters)
    return next((count for count in counts if isinstance(count, int)), None)


def _of_the_run(parameter: str) -> bool:
    return parameter == "seed" or parameter.endswith("_seed") or parameter.startswith("observed_")


def names_a_card(result: Result) -> bool:
    """Whether the card counts: a row taken from a publication may know its task by id alone (an empty card hash)."""
    return result.origin == "measured" or result.task.card_hash != ""


def spelled(task: TaskRef) -> str:
    """A card by id, version, kind and the start of its hash."""
    return f"{task.id} {version_of(task)}"


def version_of(task: TaskRef) -> str:
    """A card by version, kind and the start of its hash."""
    return f"version {task.version} ({task.kind}, card {task.card_hash:.12})"


def canonical(value: object) -> str:
    """One text for equal values: JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
