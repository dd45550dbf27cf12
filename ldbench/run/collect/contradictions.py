"""Whether two copies of a run say the same, and if not, what differs and how far.

Times and machines may differ. What the run is, its data, its images and its scores may not, to the last bit. What
rounding alone may move, `ldbench.records.rounding` says.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain

from ldbench.api import Score
from ldbench.records.identity import canonical, spelled
from ldbench.records.result import Result

_NAMED = 3  # metrics in a line


def answer(result: Result) -> str:
    """All that a run says, without when and where it said so, as JSON."""
    scores = sorted(canonical(asdict(score)) for score in result.scores)
    return canonical([
        asdict(result.task), asdict(result.model), result.seed, result.status, result.error, result.note,
        result.split_hash, result.images_hash, scores,
    ])  # fmt: skip


def difference(one: Result, two: Result) -> str:
    """What two results of different answers differ in, for one line: what they are, else their scores."""
    return two_runs(one, two) or _scores(one, two) or _images(one, two) or "another error or note"


def two_runs(one: Result, two: Result) -> str:
    """Why two results are of two runs, though these would share a folder; "" where they are of one run."""
    if one.task != two.task:
        return f"measured on {spelled(one.task)} and on {spelled(two.task)}"
    if one.model != two.model:
        fields, others = asdict(one.model), asdict(two.model)
        return ", ".join(f"{key} {fields[key]} and {others[key]}" for key in fields if fields[key] != others[key])
    if one.split_hash != two.split_hash:
        return f"measured over other data, split {one.split_hash!s:.12} and {two.split_hash!s:.12}"
    return "" if one.seed == two.seed else f"seed {one.seed} and {two.seed}"


def _scores(one: Result, two: Result) -> str:
    """The metrics that differ, those furthest apart first."""
    if one.status != two.status:
        return f"{one.status} and {two.status}"
    scores = {score.metric: score for score in one.scores}
    others = {score.metric: score for score in two.scores}
    lines = []
    for name in sorted(scores.keys() | others.keys()):
        here, there = scores.get(name), others.get(name)
        if here != there:
            lines.append(_apart(name, here, there))
    lines.sort(key=lambda line: (-line[0], line[1]))
    more = f", and {len(lines) - _NAMED} more metrics" if len(lines) > _NAMED else ""
    return "; ".join(text for _, text in lines[:_NAMED]) + more


def _apart(name: str, one: Score | None, two: Score | None) -> tuple[float, str]:
    """How far a metric is apart, relative to the larger value, and in words."""
    if one is None or two is None:
        return float("inf"), f"{name} in one of them alone"
    if one.value != two.value:
        gap = abs(one.value - two.value)
        share = gap / max(abs(one.value), abs(two.value))
        return share, f"{name} {one.value:.6g} and {two.value:.6g}, {gap:.3g} apart ({share:.2%})"
    fields, others = asdict(one), asdict(two)
    fields |= fields.pop("parameters")
    others |= others.pop("parameters")
    names = [key for key in dict.fromkeys(chain(fields, others)) if fields.get(key) != others.get(key)]
    said = ", ".join(f"{key} {fields.get(key, 'none')} and {others.get(key, 'none')}" for key in names)
    return 0.0, f"{name} of the same value, {said}"


def _images(one: Result, two: Result) -> str:
    if one.images_hash == two.images_hash:
        return ""
    return f"images {one.images_hash!s:.12} and {two.images_hash!s:.12}, though every score is the same"
