"""The leaderboard of a page: its words, its drawings, and who stands apart."""

from __future__ import annotations

import re

import pytest

from ldbench.plugins.kinds import METRICS
from ldbench.report.html.axis import Axis, spanning, stretched, whisker
from ldbench.report.html.board import board_view

from .conftest import EDITS, SAMPLES, Page, Reports


def test_rows_that_do_not_compete_stand_apart(reports: Reports) -> None:
    view = board_view(reports.results.boards[EDITS])
    assert [row.label for row in view.competing] == ["alpha", "beta"]
    assert [row.label for row in view.others] == ["copy-source"]
    assert all(entry.rank is None for row in view.others for entry in row.entries)
    assert [row.seeds for row in view.competing] == ["seed 0", "seeds 0, 1"]


def test_ties_and_rank_intervals_are_the_leaderboards(reports: Reports) -> None:
    board = reports.results.boards[SAMPLES]
    for column, metric in enumerate(board.metrics):
        for row, shown in zip([one for one in board.rows if one.competes], board_view(board).competing, strict=True):
            score, entry = row.score(metric.metric), shown.entries[column]
            assert score is not None
            assert entry.rank == score.rank
            ends = {score.rank_low, score.rank_high}
            assert entry.rank_interval == "-".join(str(end) for end in sorted(filter(None, ends)))
            same = [one for one in board.rows if (other := one.score(metric.metric)) and other.rank == score.rank]
            assert entry.tied == (len(same) > 1)
    assert [row.entries[0].tied for row in board_view(board).competing] == [True, True, False]


def test_reported_rows_have_a_table_of_their_own(reports: Reports) -> None:
    text = reports.text(SAMPLES)
    board, reported = (
        re.search(rf'<table class="{name}"[^>]*>.*?</table>', text, re.S) for name in ("board", "reported")
    )
    assert board is not None
    assert reported is not None
    assert "Basic FT | LD" in reported.group()
    assert "Basic FT | LD" not in board.group()
    assert "button" not in reported.group()
    assert "24.3" in reported.group()
    assert "Reported elsewhere" not in Page(reports.text(EDITS)).text()


def test_who_is_better_is_said_where_there_is_something(reports: Reports) -> None:
    assert "fid: one is better than three, difference -60 [-104, -16], adjusted p" in Page(reports.text(SAMPLES)).text()
    assert "No test finds a difference between two ranked rows." in Page(reports.text(EDITS)).text()


def test_what_a_metric_catches_stands_below_the_board(reports: Reports) -> None:
    for column in board_view(reports.results.boards[EDITS]).columns:
        record = METRICS.load(column.metric)
        assert (column.catches, column.blind_to) == (record.catches, record.blind_to)
        if record.catches:
            assert f"<b>{record.name}</b>: catches {', '.join(record.catches)}." in reports.text(EDITS)


def test_a_metrics_rows_share_its_axis(reports: Reports) -> None:
    view = board_view(reports.results.boards[SAMPLES])
    axis = view.columns[0].axis
    assert axis is not None
    drawn = [row.entries[0].drawn for row in view.competing]
    assert all(one is not None and one.low < one.value < one.high for one in drawn)
    values = [row.entries[0].order for row in view.competing]
    assert [one.value for one in drawn if one] == [axis.at(value) for value in values if value is not None]
    assert drawn[0].low == axis.at(axis.low)


def test_an_axis_takes_in_what_is_near_and_marks_what_is_beyond() -> None:
    axis = spanning([10.0, 20.0], 100.0)
    assert axis is not None
    longer = stretched(axis, [25.0, 100.0, 8.0, -5.0])
    assert (longer.low, longer.high) == (8.0, 25.0)
    assert whisker(longer, 99.0, 100.0, 101.0).beyond == "right"
    assert whisker(longer, -6.0, -5.0, -4.0).beyond == "left"
    assert whisker(longer, 8.0, 25.0, 30.0).beyond == ""


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(0, 420, ("0", "420")), (2.6e-14, 0.0674, ("0.0000", "0.0674")), (-0.002, 0.97, ("-0.002", "0.970"))],
)
def test_ends_of_an_axis_are_short(low: float, high: float, ends: tuple[str, str]) -> None:
    assert Axis(low, high, 100.0).ends == ends


def test_an_axis_of_equal_numbers_has_a_length() -> None:
    axis = spanning([3.0, 3.0], 100.0)
    assert axis is not None
    assert axis.at(3.0) == 50.0
    assert spanning([], 100.0) is None
    zero = spanning([0.0], 100.0)
    assert zero is not None
    assert zero.high > zero.low
