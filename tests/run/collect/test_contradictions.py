"""What two copies of a run may differ in, and how a difference is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.api import Score
from ldbench.records.result import Result
from ldbench.run.collect.contradictions import answer, difference
from tests.run.collect.run_copies import Copy

ONE = Copy().result()
WIDER = replace(ONE.scores[0], ci_low=9.0)


def with_scores(*values: float) -> Result:
    scores = [Score(f"m{index}", value, value, value, 4, "lower") for index, value in enumerate(values)]
    return replace(ONE, scores=scores)


def test_times_and_machines_are_no_part_of_the_answer_and_the_order_of_scores_neither() -> None:
    assert answer(Copy(day=2).result()) == answer(ONE)
    assert answer(replace(ONE, scores=ONE.scores[::-1])) == answer(ONE)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Copy(card="e" * 64).result(), "card cccccccccccc) and on small version 1 (text-to-image, card eeeeeeeeeeee)"),
        (Copy(version="0.2.0").result(), "version 0.1.0 and 0.2.0"),
        (replace(ONE, split_hash="6" * 64), "other data, split 555555555555 and 666666666666"),
        (replace(ONE, seed=None), "seed 0 and None"),
        (replace(ONE, scores=ONE.scores[:1]), "kid in one of them alone"),
        (Copy(fid=10.0 + 2**-40).result(), "fid 10 and 10, 9.09e-13 apart"),
        (replace(ONE, scores=[WIDER, ONE.scores[1]]), "fid of the same value, ci_low 10.0 and 9.0"),
        (Copy(images_hash="f" * 64).result(), "images dddddddddddd and ffffffffffff, though every score is the same"),
        (replace(ONE, status="failed", error="no"), "complete and failed"),
        (replace(ONE, note="x"), "another error or note"),
    ],
)  # fmt: skip
def test_a_difference_says_what_differs_and_how_far(other: Result, said: str) -> None:
    assert answer(other) != answer(ONE)
    assert said in difference(ONE, other)


def test_the_metrics_furthest_apart_are_named_and_the_rest_counted() -> None:
    said = difference(with_scores(1, 1, 1, 1, 1), with_scores(1.1, 3, 2, 1.2, 1.3))
    assert [part.split()[0] for part in said.split("; ")] == ["m1", "m2", "m4"]
    assert said.endswith(", and 2 more metrics")
