"""What rounding may move in a score, and which copy of a run counts where its scores are rounded in several ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.api import Score
from ldbench.records.identity import Found
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.rounding import equal_but_for_rounding, numbers_apart, one_of_each

SCORE = Score("fid", 10.0, 9.0, 11.0, 4, "lower", "network", {"resize": 64, "observed_at_cap": 1})
TASK = TaskRef("small", 1, "text-to-image", "c" * 64)
ONE = Result(
    TASK, ModelRef("a", "ldbench", "0.1.0"), "measured", [SCORE], seed=0, split_hash="5" * 64, images_hash="d" * 64,
    created="2026-01-02",
)


def moved(by: float, **changes: object) -> Result:
    """The result with its score moved, and with other fields."""
    score = replace(SCORE, value=SCORE.value + by, ci_low=SCORE.ci_low + by, ci_high=SCORE.ci_high + by)
    return replace(ONE, scores=[score], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        (replace(SCORE, value=10.009), []),
        (replace(SCORE, value=10.011), ["value"]),
        (replace(SCORE, ci_low=8.98, ci_high=11.02), ["ci_low", "ci_high"]),
        (replace(SCORE, value=9.995, ci_low=9.99, ci_high=10.0), ["value", "ci_low", "ci_high"]),
    ],
)
def test_a_hundredth_of_the_half_width_is_rounding(other: Score, apart: list[str]) -> None:
    assert numbers_apart(SCORE, other) == numbers_apart(other, SCORE) == apart


def test_of_an_interval_without_width_only_rounding_of_the_value_counts() -> None:
    point = replace(SCORE, value=1.0, ci_low=1.0, ci_high=1.0)
    assert not numbers_apart(point, replace(point, value=1 - 6.7e-16, ci_low=1 - 6.7e-16))
    assert numbers_apart(point, replace(point, ci_low=1 - 1e-5)) == ["ci_low"]


@pytest.mark.parametrize(
    "other",
    [
        moved(0.02), moved(0.0, images_hash="e" * 64), moved(0.0, images_hash=None), moved(0.0, seed=1),
        moved(0.0, task=replace(TASK, card_hash="d" * 64)), moved(0.0, model=replace(ONE.model, version="0.2.0")),
        moved(0.0, split_hash="6" * 64), moved(0.0, note="edited"), moved(0.0, status="failed", error="x"),
        replace(ONE, scores=[replace(SCORE, n=5)]), replace(ONE, scores=[replace(SCORE, parameters={"resize": 32})]),
        replace(ONE, scores=[]), replace(ONE, scores=[SCORE, SCORE]),
        replace(ONE, scores=[replace(SCORE, metric="kid")]),
    ],
)  # fmt: skip
def test_all_but_the_rounding_of_scores_is_another_answer(other: Result) -> None:
    assert not equal_but_for_rounding(ONE, other)
    assert not equal_but_for_rounding(other, ONE)


def test_time_machine_order_and_what_was_observed_may_differ() -> None:
    seen = replace(moved(1e-6).scores[0], parameters={"resize": 64, "observed_at_cap": 2})
    assert equal_but_for_rounding(ONE, replace(moved(1e-6), scores=[seen], created="2026-02-01"))
    kid = replace(SCORE, metric="kid")
    assert equal_but_for_rounding(replace(ONE, scores=[SCORE, kid]), replace(ONE, scores=[kid, SCORE]))


def test_the_earliest_answer_counts_with_its_copies_from_wherever_they_come() -> None:
    early, late, other = moved(0.0), moved(1e-6, created="2026-01-03"), moved(0.0, seed=1)
    found: list[Found] = [("a", late), ("b", early), ("c", replace(early, created="2026-01-04")), ("d", other)]
    for order in (found, found[::-1]):
        kept, lines = one_of_each(order)
        assert sorted(path for path, _ in kept) == ["b", "c", "d"]
        assert lines == ["a: the same images as b, and its scores but for rounding; that one counts"]


def test_a_copy_beyond_rounding_stays_to_be_refused() -> None:
    found: list[Found] = [("a", moved(0.0)), ("b", moved(5.0, created="2026-01-03"))]
    assert one_of_each(found) == (found, [])
