"""Whether scores, and results of the same images, are equal but for the rounding of another machine or thread count.

Equal means that the value and both ends agree within a hundredth of the interval's half-width. The narrower interval
counts, so that widening one excuses nothing. Scores that were measured in two ways are never equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ldbench.api import Score
from ldbench.records.identity import Found, canonical, definition, run_key
from ldbench.records.result import Result

SHARE = 0.01
SMALLEST = 1e-9  # of anything, where an interval has no width
_DUST = 1e-6  # of the value, there too


def numbers_apart(one: Score, other: Score, share: float = SHARE) -> list[str]:
    """Which of value, ci_low and ci_high lie further apart than that share of the narrower interval's half-width."""
    half = min(score.ci_high - score.ci_low for score in (one, other)) / 2
    return [
        name for name in ("value", "ci_low", "ci_high")
        if not _near(getattr(one, name), getattr(other, name), share * half)
    ]  # fmt: skip


def equal_but_for_rounding(one: Result, two: Result) -> bool:
    """Whether two results are copies of one complete run: all is equal, only that each score may be rounded otherwise.

    Results that do not record their images never are.
    """
    if one.images_hash is None or one.status != "complete" or _said(one) != _said(two):
        return False
    scores, others = (sorted(result.scores, key=lambda score: score.metric) for result in (one, two))
    return len(scores) == len(others) and all(map(_equal, scores, others))


def one_of_each(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """The results with one answer of each run, the earliest, where others are equal to it but for rounding.

    Copies of that answer stay. Also a line for each result that is left out so. What contradicts the earliest stays:
    it is for others to refuse.
    """
    runs: dict[tuple[str, str], list[Found]] = {}
    for item in found:
        runs.setdefault((item[1].task.id, run_key(item[1])), []).append(item)
    equal_to: dict[str, str] = {}
    for copies in (copies for copies in runs.values() if len(copies) > 1):
        path, earliest = min(copies, key=lambda item: (item[1].created or "", _text(item[1].scores), item[0]))
        equal_to |= {
            other: path for other, result in copies
            if _text(result.scores) != _text(earliest.scores) and equal_but_for_rounding(earliest, result)
        }  # fmt: skip
    return [item for item in found if item[0] not in equal_to], [*map(rounding_note, equal_to, equal_to.values())]


def rounding_note(left_out: object, taken: object) -> str:
    """The line on a copy that is not taken."""
    return f"{left_out}: the same images as {taken}, and its scores but for rounding; that one counts"


def _equal(one: Score, other: Score) -> bool:
    return one.metric == other.metric and definition(one) == definition(other) and not numbers_apart(one, other)


def _said(result: Result) -> tuple[object, ...]:
    """All that makes it this run, and what it says beside its scores."""
    return (result.status, run_key(result), result.task, result.split_hash, result.images_hash, result.note)


def _text(scores: Iterable[Score]) -> str:
    return canonical(sorted(canonical(vars(score)) for score in scores))


def _near(one: float, other: float, allowed: float) -> bool:
    return abs(one - other) <= max(allowed, _DUST * max(abs(one), abs(other)), SMALLEST)
