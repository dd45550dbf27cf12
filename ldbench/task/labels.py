"""The labels of a card, `data.labels`: what an image may have several of, such as the findings of a film.

A label is an attribute whose values are 1 and 0, by its name (`edema`), or one value of another attribute, as
`sex=female`. Of an image without the attribute nobody knows it. Nor does anybody where a label is a name alone and the
value is -1, which tables of findings write for an uncertain one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ldbench.api import Attributes
from ldbench.errors import CardError
from ldbench.task.fresh_spec import Rule
from ldbench.task.metric_specs import JudgeSpec, needing

_OBJECTIVE = "cross-entropy"
_FLAGS = (0, 1, -1)
_SHOWN = 8  # values that an error names


def label_rules(labels: Sequence[str], metrics: Mapping[str, Any], judge: JudgeSpec | None) -> list[Rule]:
    """What holds of a card's labels, of the metrics that need them, and of the judge that some of these ask."""
    asking = needing(metrics, "labels")
    objective = judge.objective if judge is not None and needing(asking, "judge") else _OBJECTIVE
    wrong = [label for label in labels if not all(part.strip() for part in label.split("=", 1))]
    return [
        (bool(labels) or not asking, "data.labels", f"at least one, as {', '.join(asking)} asks for them", "none"),
        (len(set(labels)) == len(labels), "data.labels", "labels that differ", list(labels)),
        (not wrong, "data.labels", "an attribute's name, or NAME=VALUE", repr(wrong[0]) if wrong else ""),
        (objective == _OBJECTIVE, "judge.objective", f"{_OBJECTIVE}, the only one for labels", repr(objective)),
    ]


def values_of(labels: Sequence[str], attributes: Iterable[Attributes]) -> dict[str, list[float]]:
    """By label the value of each image: 1 where it has it, 0 where not, NaN where nobody knows."""
    found: dict[str, list[float]] = {label: [] for label in labels}
    for of_image in attributes:
        for label, values in found.items():
            values.append(_value(label, of_image))
    return found


def check_labels(where: str, labels: Sequence[str], attributes: Iterable[Attributes]) -> None:
    """`CardError` for a label whose attribute the data lack, or have no such values of."""
    if not labels:
        return
    values: defaultdict[str, set[str | int | float]] = defaultdict(set)
    for of_image in attributes:
        for name, value in of_image.items():
            values[name].add(value)
    for label in labels:
        name, _, value = label.partition("=")
        if name not in values:
            raise CardError(
                f"{where}:data.labels: expected attributes of the data ({', '.join(sorted(values))}), got {name!r}"
            )
        if value and value not in map(str, values[name]):
            raise CardError(f"{where}:data.labels: expected a value of {name} ({_some(values[name])}), got {label!r}")
        if not value and not values[name] <= set(_FLAGS):
            other = _some(values[name] - set(_FLAGS))
            raise CardError(
                f"{where}:data.labels: expected {name} to be 1, 0 or -1 (uncertain), got {other}; write NAME=VALUE for "
                "one value of it"
            )


def _value(label: str, attributes: Attributes) -> float:
    name, _, value = label.partition("=")
    got = attributes.get(name)
    if got is None:
        return math.nan
    if value:
        return float(str(got) == value)
    return float(got) if got in (0, 1) else math.nan


def _some(values: Iterable[str | int | float]) -> str:
    shown = sorted(map(str, values))
    return ", ".join(shown[:_SHOWN]) + (", ..." if len(shown) > _SHOWN else "")
