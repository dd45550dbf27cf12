"""What a board says of cheats: by name, metric and interval, and nothing of others."""

from __future__ import annotations

import pytest

from ldbench.api import Score
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.read import fold
from ldbench.records.result import ModelRef, Result
from ldbench.report.cheats import cheat_notes
from ldbench.report.tables.content import page

from .conftest import TASK


def board(*rows: tuple[str, bool, float, float], metric: str = "fid") -> Leaderboard:
    """Rows of name, whether it is a reference, value and half its interval."""
    runs = [
        Result(
            TASK, ModelRef(name, "d", "1", reference=reference), "measured",
            [Score(metric, value, value - half, value + half, 200, "lower", "network")], seed=0, split_hash="5" * 64,
        )
        for name, reference, value, half in rows
    ]
    return fold([(str(index), run) for index, run in enumerate(runs)])[TASK.id]


def test_a_row_beats_a_cheat_with_its_whole_interval() -> None:
    found = board(("copies", True, 50, 5), ("good", False, 30, 5), ("near", False, 44, 5), ("poor", False, 90, 5))
    assert cheat_notes(found) == ["fid: copies is a cheat, and not beaten by any ranked row but good."]
    few = board(("collapse", True, 50, 5), ("a", False, 30, 5), ("b", False, 31, 5), ("c", False, 90, 5))
    assert cheat_notes(few) == ["fid: collapse is a cheat, and not beaten by c."]
    none = board(("chimera", True, 20, 5), ("a", False, 30, 5))
    assert cheat_notes(none) == ["fid: chimera is a cheat, and not beaten by any ranked row."]


def test_nothing_is_said_of_cheats_that_all_beat_nor_of_a_competitors_name() -> None:
    assert cheat_notes(board(("copies", True, 90, 5), ("good", False, 30, 5))) == []
    assert cheat_notes(board(("copies", False, 20, 5), ("good", False, 30, 5))) == []
    assert cheat_notes(board(("copies", True, 20, 5))) == []


def test_a_row_before_real_scans_is_a_deceived_metric() -> None:
    found = board(("real", True, 20, 2), ("thief", False, 1, 1), ("honest", False, 30, 2), ("lucky", False, 19, 2))
    [note] = cheat_notes(found)
    assert note.startswith("fid: thief would be better than real scans")


def test_what_is_the_same_on_several_metrics_is_said_once() -> None:
    def run(name: str, value: float, reference: bool = False) -> Result:
        scores = [Score(metric, value, value - 1, value + 1, 200, "lower") for metric in ("fid", "kid", "copied_share")]
        return Result(TASK, ModelRef(name, "d", "1", reference=reference), "measured", scores, split_hash="5" * 64)

    runs = [run("copies", 20, reference=True), run("chimera", 40, reference=True), run("a", 30), run("b", 50)]
    assert cheat_notes(fold([(str(index), one) for index, one in enumerate(runs)])[TASK.id]) == [
        "fid, kid, copied_share: copies is a cheat, and not beaten by any ranked row.",
        "fid, kid: chimera is a cheat, and not beaten by b.",
    ]


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
    [note] = cheat_notes(board((bound, True, 20, 2), ("a", False, 1, 1), ("b", False, 30, 2), metric=metric))
    assert note.startswith(said)


def test_an_editing_board_says_who_does_no_better_than_doing_nothing_another_gain_or_another_person() -> None:
    rows = (("copy-source", True, 1.0, 0.0), ("gain-only", True, 0.85, 0.01), ("other-subject", True, 3.0, 0.2),
            ("a", False, 0.8, 0.1), ("b", False, 2.0, 0.2), ("c", False, 4.0, 0.2))  # fmt: skip
    assert cheat_notes(board(*rows, metric="counterfactual_error")) == [
        "counterfactual_error: gain-only is a cheat, and not beaten by any ranked row.",
        "counterfactual_error: copy-source is a cheat, and not beaten by any ranked row but a.",
        "counterfactual_error: other-subject is a cheat, and not beaten by c.",
    ]
    assert cheat_notes(board(*rows, metric="minimality")) == []


def test_a_row_may_be_newer_than_real_scans_which_repeat_those_of_training() -> None:
    assert cheat_notes(board(("real", True, 1.0, 0.02), ("honest", False, 0.0, 0.02), metric="copied_share")) == []


def test_the_board_prints_what_is_said(leaderboard: Leaderboard) -> None:
    notes = cheat_notes(leaderboard)
    assert notes == ["auc: mean-image is a cheat, and not beaten by sd."]
    assert set(notes) <= set(page(leaderboard).notes)
