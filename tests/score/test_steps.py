"""Steps that are counted: each is said before it is done, and the end of all."""

from __future__ import annotations

import pytest

from ldbench.score.steps import steps


def test_each_step_is_said_before_it_is_done() -> None:
    seen: list[object] = []
    for item in steps(["fid", "auc"], lambda *said: seen.append(said), "score", str.upper):
        seen.append(item)
    assert seen == [("score", 0, 2, "FID"), "fid", ("score", 1, 2, "AUC"), "auc", ("score", 2, 2, "")]


def test_a_step_that_fails_is_not_the_end_of_all() -> None:
    seen: list[object] = []
    left = map((1).__floordiv__, steps([1, 0], lambda *said: seen.append(said), "divide"))
    with pytest.raises(ZeroDivisionError):
        list(left)
    assert seen == [("divide", 0, 2, "1"), ("divide", 1, 2, "0")]
