"""What a board shows of cheats: by name, metric and interval, and nothing of others."""

from __future__ import annotations

import pytest

from ldbench.api import Score
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.result import ModelRef, Result
from ldbench.report.tables.cheats import cheat_table, deceived_notes, unedited_notes
from ldbench.report.tables.content import page
from ldbench.report.tables.formats import render
from tests.report.conftest import TASK
from tests.result_files import numbered


def board(*rows: tuple[str, bool, float, float], metric: str = "fid") -> Leaderboard:
    """Rows of name, whether it is a reference, value and half its interval."""
    runs = [
        Result(
            TASK, ModelRef(name, "d", "1", reference=reference), "measured",
            [Score(metric, value, value - half, value + half, 200, "lower", "network")], seed=0, split_hash="5" * 64,
        )
        for name, reference, value, half in rows
    ]
    return fold(numbered(runs))[TASK.id]


def cells(found: Leaderboard) -> dict[str, dict[str, str]]:
    """By metric and cheat, which rows beat it; empty where the board shows no such table."""
    table = cheat_table(found)
    if table is None:
        return {}
    return {str(row[0]): dict(zip(table.headings[1:], map(str, row[1:]), strict=True)) for row in table.rows if row}


def test_a_row_beats_a_cheat_with_its_whole_interval() -> None:
    found = board(("copies", True, 50, 5), ("good", False, 30, 5), ("near", False, 44, 5), ("poor", False, 90, 5))
    assert cells(found) == {"fid": {"copies": "good"}}


@pytest.mark.parametrize(
    ("better", "worse", "said"),
    [
        (0, 1, "none"), (0, 5, "none"), (2, 3, "r0, r1"), (3, 3, "3 of 6"), (3, 2, "all but r3, r4"),
        (1, 1, "r0"), (4, 1, "all but r4"),
    ],
)
def test_rows_that_beat_a_cheat_are_named_where_they_or_the_others_are_few(better: int, worse: int, said: str) -> None:
    rows = [(f"r{index}", False, 30.0 if index < better else 90.0, 5.0) for index in range(better + worse)]
    assert cells(board(("collapse", True, 50, 5), *rows)) == {"fid": {"collapse": said}}


def test_nothing_is_shown_of_cheats_that_all_beat_nor_of_a_competitors_name() -> None:
    assert cells(board(("copies", True, 90, 5), ("good", False, 30, 5))) == {}
    assert cells(board(("copies", False, 20, 5), ("good", False, 30, 5))) == {}
    assert cells(board(("copies", True, 20, 5))) == {}


def test_a_row_before_real_scans_is_a_deceived_metric() -> None:
    found = board(("real", True, 20, 2), ("thief", False, 1, 1), ("honest", False, 30, 2), ("lucky", False, 19, 2))
    [note] = deceived_notes(found)
    assert note.startswith("fid: thief would be better than real scans")


def test_a_line_a_metric_and_a_column_a_cheat_empty_where_the_metric_does_not_ask_for_it() -> None:
    def run(name: str, value: float, reference: bool = False) -> Result:
        scores = [Score(metric, value, value - 1, value + 1, 200, "lower") for metric in ("fid", "kid", "copied_share")]
        return Result(TASK, ModelRef(name, "d", "1", reference=reference), "measured", scores, split_hash="5" * 64)

    runs = [run("copies", 20, reference=True), run("chimera", 40, reference=True), run("a", 30), run("b", 50)]
    assert cells(fold(numbered(runs))[TASK.id]) == {
        "fid": {"copies": "none", "chimera": "a"}, "kid": {"copies": "none", "chimera": "a"},
        "copied_share": {"copies": "none", "chimera": "-"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "bound", "said"),
    [
        ("vendi", "real", "vendi: a would be better than real scans, which is no merit"),
        ("judge_auc", "real", "judge_auc: a would be better than real scans; look for exaggerated classes"),
        ("target_auc", "oracle", "target_auc: a would be better than oracle itself; look for edits that go too far"),
        ("unheard-of", "real", "unheard-of: a would be better than real scans, which no generator is"),
    ],
)
def test_whatever_a_metric_asks_nobody_is_silently_better_than_what_bounds_it(
    metric: str, bound: str, said: str
) -> None:
    [note] = deceived_notes(board((bound, True, 20, 2), ("a", False, 1, 1), ("b", False, 30, 2), metric=metric))
    assert note.startswith(said)


def test_an_editing_board_says_who_does_no_better_than_doing_nothing_another_gain_or_another_person() -> None:
    rows = (("copy-source", True, 1.0, 0.0), ("gain-only", True, 0.85, 0.01), ("other-subject", True, 3.0, 0.2),
            ("a", False, 0.8, 0.1), ("b", False, 2.0, 0.2), ("c", False, 4.0, 0.2))  # fmt: skip
    assert cells(board(*rows, metric="counterfactual_error")) == {
        "counterfactual_error": {"gain-only": "none", "copy-source": "a", "other-subject": "a, b"}
    }
    assert cells(board(*rows, metric="minimality")) == {}


def test_a_row_may_be_newer_than_real_scans_which_repeat_those_of_training() -> None:
    found = board(("real", True, 1.0, 0.02), ("honest", False, 0.0, 0.02), metric="copied_share")
    assert deceived_notes(found) == []


def test_the_board_prints_what_is_shown(leaderboard: Leaderboard) -> None:
    assert cells(leaderboard) == {"auc": {"mean-image": "all but sd"}}
    [table] = page(leaderboard).asides
    assert table == cheat_table(leaderboard)
    for text in (render(leaderboard, name) for name in ("terminal", "markdown", "latex")):
        assert "all but sd" in text


def test_a_board_of_edits_says_what_doing_nothing_scores_where_no_row_shows_it() -> None:
    def said(*names: str, metric: str = "counterfactual_error") -> list[str]:
        return unedited_notes(board(*((name, name == "copy-source", 1, 0.1) for name in names), metric=metric))

    assert [note.partition(":")[0] for note in said("a")[1:]] == ["counterfactual_error"]
    assert "1 for a copy" in said("a")[1]
    assert said("a", "copy-source") == said("a", metric="fid") == []
