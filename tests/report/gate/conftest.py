"""Boards of a baseline and of today, from a few results that a test bends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.api import Score
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.result import ModelRef, Result
from tests.report.conftest import TASK, measured
from tests.result_files import numbered

BASELINE = [
    measured("ours", 0, {}, (60.0, 55.0, 66.0), (0.04, 0.035, 0.045), (0.87, 0.82, 0.91)),
    measured("theirs", 0, {}, (80.0, 75.0, 86.0), (0.06, 0.055, 0.065), (0.8, 0.75, 0.84)),
    measured("real", 0, {"reference": True}, (18.0, 17.0, 19.0), (0.001, 0.0, 0.002), (0.96, 0.93, 0.98)),
]
PAPER = Result(
    TASK, ModelRef("Paper", None, None), "reported", [Score("fid", 24.0, 24.0, 24.0, 200, "lower", "inception-v3")],
    source="A paper, Table 1",
)  # fmt: skip

Boards = dict[str, Leaderboard]


def folded(results: list[Result]) -> Boards:
    return fold(numbered(results))


def bent(results: list[Result], model: str, metric: str, by: float) -> list[Result]:
    """The results with one score of one model moved, interval and all."""
    def move(score: Score) -> Score:
        if score.metric != metric:
            return score
        return replace(score, value=score.value + by, ci_low=score.ci_low + by, ci_high=score.ci_high + by)

    return [
        replace(one, scores=[move(score) for score in one.scores]) if one.model.name == model else one
        for one in results
    ]


@pytest.fixture(scope="session")
def baseline() -> Boards:
    return folded([*BASELINE, PAPER])
