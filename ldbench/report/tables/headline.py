"""Which metrics of a board stand first: one for each question that the board answers, the others unfold.

The first metric of each axis in the card's order speaks for the axis. A metric without an axis, such as one whose
plug-in is not installed here, speaks for itself. On a board of edits fidelity is not asked, unless it ranks the board:
a source left as it is looks as real as any scan, so the less an edit does, the better it stands there. Refuses to make
one number of several.
"""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.api import MetricAxis
from ldbench.plugins.kinds import METRICS

_OF_EDITS = frozenset({"truth", "effectiveness", "identity"})  # the axes that only edits have


def axis_of(metric: str) -> MetricAxis | None:
    """The axis of a metric by its name; None where it has none or isn't installed."""
    record = METRICS.installed(metric)
    return None if record is None else record.axis


def headline(metrics: Sequence[str]) -> tuple[str, ...]:
    """The metrics that speak for their axes, in the order given."""
    speaking: dict[str, str] = {}
    for metric in metrics:
        speaking.setdefault(axis_of(metric) or metric, metric)
    if speaking.keys() & _OF_EDITS and next(iter(speaking)) != "fidelity":
        speaking.pop("fidelity", None)
    return tuple(speaking.values())
