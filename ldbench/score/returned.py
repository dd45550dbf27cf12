"""What a metric's own code gave, held against its contract: one finite number a case, or a score that can be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ldbench.api import Measured, Metric, Score
from ldbench.api.score import LARGEST
from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError, build
from ldbench.records.handed_over import builtin
from ldbench.records.names import reason
from ldbench.score.metrics.intervals import Array, Subjects

_NUMBERS = "biuf"  # numpy's kinds: truth values, integers and floats
_SHOWN = 3
_DUST = 1e-6  # of rounding, as in the mean of structural similarities of equal images


class DefectError(MetricError):
    """A metric's own code raised, or returned something else than its contract says: it says nothing about the
    images."""


def values_of_cases(metric: Metric, returned: object, names: Sequence[str] | None) -> Array:
    """The numbers `(N,)` that a metric returned, one a case; `names` are those of the cases, None where they are not
    known. Raises `DefectError` for anything else, with the names or places of numbers that are not finite."""
    return _numbers(metric.name, "an ldbench.api.Measured or one finite number a case", returned, names)


def number_of(metric: Metric, returned: object) -> float:
    """The one number that `Metric.value` gives; `DefectError` for anything else."""
    return float(_numbers(metric.name, "one finite number of its `value`", [returned], ("the images",))[0])


def score_of(metric: Metric, returned: object) -> Measured:
    """A score that a metric gave of some units alone, as `storable`; `DefectError` for anything else."""
    if not isinstance(returned, Measured):
        raise _wrong(metric.name, "an ldbench.api.Measured of each group", type(returned).__name__)
    return storable(returned)


def within_bounds(metric: Metric, found: Measured) -> Measured:
    """The score itself; `DefectError` for a mean outside the metric's bounds, and for an interval with no part in them.

    An estimate of a true value within them may lie outside, as an unbiased one can.
    """
    (low, high), dust = metric.bounds, _DUST * max(1.0, abs(found.value))
    apart = found.ci_low > high + dust or found.ci_high < low - dust
    if apart or (found.mean and not low - dust <= found.value <= high + dust):
        raise DefectError(
            f"{metric.name}: expected a value within the metric's bounds [{low:g}, {high:g}], got {found.value:g}; "
            "repair compute, or the bounds"
        )
    return found


def storable(found: Measured) -> Measured:
    """A score as the files of a run can hold it, numpy's numbers as Python's own; `DefectError` for one of other types,
    for contributions that are not one finite number a unit, and for parts that are no such scores."""
    record = {each.name: builtin(getattr(found, each.name)) for each in fields(Score)}
    if isinstance(found.parameters, Mapping):
        record["parameters"] = {key: builtin(value) for key, value in found.parameters.items()}
    try:
        build(Score, record)
    except TypedError as wrong:
        raise DefectError(f"{found.metric}: Measured.{wrong}; repair the metric") from None
    return replace(found, **record, contributions=_contributions(found), parts=_parts(found))


def check_lengths(found: Measured, subjects: Mapping[str, Subjects]) -> None:
    """`DefectError` where a score has not one contribution for each image of a kind whose `subjects` are known."""
    for kind, each in subjects.items():
        added = found.contributions.get(kind)
        if added is not None and each is not None and len(added) != len(each):
            raise _wrong(found.metric, _expected(kind), f"{len(added)} for {len(each)} images")


def _contributions(found: Measured) -> dict[str, Array]:
    by_kind = _table(found.metric, "contributions", found.contributions)
    return {kind: _numbers(found.metric, _expected(kind), added, None) for kind, added in by_kind.items()}


def _expected(kind: str) -> str:
    return f"one finite number a unit as contributions of {kind}"


def _parts(found: Measured) -> dict[str, dict[str, Measured]]:
    by_attribute = _table(found.metric, "parts", found.parts)
    parts = {of: _table(found.metric, f"parts[{of!r}]", each) for of, each in by_attribute.items()}
    for of, each in parts.items():
        for name, part in each.items():
            if not isinstance(part, Measured):
                raise _wrong(found.metric, f"a Measured as parts[{of!r}][{name!r}]", type(part).__name__)
    return {of: {name: storable(part) for name, part in each.items()} for of, each in parts.items()}


def _table(metric: str, what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(metric, f"a table as Measured.{what}", type(value).__name__)
    return value


def _numbers(metric: str, expected: str, returned: object, names: Sequence[str] | None) -> Array:
    """The numbers `(N,)`, one a name; `DefectError` for anything else."""
    try:
        values_n = np.asarray(returned)
    except Exception as error:  # a ragged list, a tensor with a gradient or on another device, and what converts itself
        raise _wrong(metric, expected, f"{type(returned).__name__} that is no array: {reason(error)}") from error
    if values_n.dtype.kind not in _NUMBERS:
        held = "" if values_n.dtype.kind == "O" else f" of {values_n.dtype}"
        raise _wrong(metric, expected, f"{type(returned).__name__}{held}")
    if values_n.ndim != 1:
        raise _wrong(metric, expected, f"shape {values_n.shape}")
    if names is not None and len(values_n) != len(names):
        raise _wrong(metric, expected, f"{len(values_n)} for {len(names)} cases")
    values_n = values_n.astype(np.float64)
    if (bad_n := np.flatnonzero(~(np.abs(values_n) <= LARGEST))).size:
        raise _wrong(metric, expected, _said(values_n, bad_n, names))
    return values_n


def _wrong(metric: str, expected: str, got: str) -> DefectError:
    return DefectError(f"{metric}: expected {expected}, got {got}; repair the metric")


def _said(values_n: Array, bad_n: np.ndarray, names: Sequence[str] | None) -> str:
    """The values that are not finite, by the names of their cases or their places, which count from 0."""
    shown = [f"{values_n[n]} for {f'place {n}' if names is None else names[n]}" for n in bad_n[:_SHOWN].tolist()]
    return ", ".join(shown) + (f" and {bad_n.size - _SHOWN} more" if bad_n.size > _SHOWN else "")
