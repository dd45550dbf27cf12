"""What a metric's own code gave, held against its contract: one finite number a case, or a score that can be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from ldbench.api import Measured, Metric, Score
from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError, build
from ldbench.records.handed_over import builtin
from ldbench.records.names import reason
from ldbench.score.metrics.intervals import Array

_NUMBERS = "biuf"  # numpy's kinds: truth values, integers and floats
_SHOWN = 3
_DUST = 1e-6  # of rounding, as in the mean of structural similarities of equal images


class DefectError(MetricError):
    """A metric's own code raised, or returned something else than its contract says: it says nothing about the
    images."""


def values_of_cases(metric: Metric, returned: object, names: Sequence[str] | None) -> Array:
    """The numbers `(N,)` that a metric returned, one a case; `names` are those of the cases, None where they are not
    known. Raises `DefectError` for anything else, with the names or places of numbers that are not finite."""
    try:
        values_n = np.asarray(returned)
    except Exception as error:  # a ragged list, a tensor with a gradient or on another device, and what converts itself
        raise _wrong(metric, f"{type(returned).__name__} that is no array: {reason(error)}") from error
    if values_n.dtype.kind not in _NUMBERS:
        held = "" if values_n.dtype.kind == "O" else f" of {values_n.dtype}"
        raise _wrong(metric, f"{type(returned).__name__}{held}")
    if values_n.ndim != 1:
        raise _wrong(metric, f"shape {values_n.shape}")
    if names is not None and len(values_n) != len(names):
        raise _wrong(metric, f"{len(values_n)} for {len(names)} cases")
    values_n = values_n.astype(np.float64)
    if (bad_n := np.flatnonzero(~np.isfinite(values_n))).size:
        raise _wrong(metric, _said(values_n, bad_n, names))
    return values_n


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
    """A score as a result file can hold it, numpy's numbers as Python's own; `DefectError` for one of other types."""
    record = {each.name: builtin(getattr(found, each.name)) for each in fields(Score)}
    if isinstance(found.parameters, Mapping):
        record["parameters"] = {key: builtin(value) for key, value in found.parameters.items()}
    try:
        build(Score, record)
    except TypedError as wrong:
        raise DefectError(f"{found.metric}: Measured.{wrong}; repair the metric") from None
    return replace(found, **record)


def _wrong(metric: Metric, got: str) -> DefectError:
    return DefectError(
        f"{metric.name}: expected an ldbench.api.Measured or one finite number a case, got {got}; repair the metric"
    )


def _said(values_n: Array, bad_n: np.ndarray, names: Sequence[str] | None) -> str:
    """The values that are not finite, by the names of their cases or their places, which count from 0."""
    shown = [f"{values_n[n]} for {f'place {n}' if names is None else names[n]}" for n in bad_n[:_SHOWN].tolist()]
    return ", ".join(shown) + (f" and {bad_n.size - _SHOWN} more" if bad_n.size > _SHOWN else "")
