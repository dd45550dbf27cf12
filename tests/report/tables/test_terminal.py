"""The terminal table: complete, within its width, and honest about what is ranked."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from ldbench.api import Score
from ldbench.board.fresh_gaps import FreshGap
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.result import Result
from ldbench.report.html.board import board_view
from ldbench.report.tables import markdown, terminal

EXPECTED = """\
sandbox-brain-t2i, version 1 (text-to-image; card 9f3ac1b2d4e5)

 #     model                     fid ↓            kid ↓                 auc ↑            seeds
 ─────────────────────────────────────────────────────────────────────────────────────────────
 1-3   basic-ft-ld (delta=0.1)    58.8*           0.0321*               0.883            0
                                 [53.9, 64.2]     [0.0272, 0.0371]      [0.830, 0.930]
 1-3   basic-ft                   64*             0.036*                0.865            0, 1
                                 [46, 81]         [0.022, 0.050]        [0.772, 0.955]
 1-3   basic-ft-ld (delta=0.0)   120.3*           0.1010                0.700            0
                                 [112.1, 131.0]   [0.0950, 0.1080]      [0.640, 0.760]
 4     sd                        271              0.313                 0.547            0
                                 [258, 285]       [0.299, 0.327]        [0.464, 0.630]
 ─────────────────────────────────────────────────────────────────────────────────────────────
       oracle †                   17.9            0.00010               0.958            0
                                 [16.6, 19.3]     [-0.00070, 0.00100]   [0.927, 0.980]
       real                       18.2            0.00030               0.961            0
                                 [16.9, 19.8]     [-0.00060, 0.00120]   [0.931, 0.982]
       mean-image                312              0.412                 0.500            0
                                 [296, 329]       [0.398, 0.427]        [0.418, 0.582]
"""


def test_the_table_at_100_columns(leaderboard: Leaderboard) -> None:
    assert terminal.render(leaderboard, all_metrics=True).startswith(EXPECTED)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(leaderboard: Leaderboard, width: int) -> None:
    text = terminal.render(leaderboard, width, all_metrics=True)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for shown in ("[53.9, 64.2]", "[0.0272, 0.0371]", "[0.830, 0.930]", "312", "24.3"):
        assert shown in text


def test_one_line_a_row_where_there_is_room(leaderboard: Leaderboard) -> None:
    assert " 58.8* [53.9, 64.2]" in terminal.render(leaderboard, 140)


def test_many_metrics_are_stacked(results: list[tuple[str, Result]]) -> None:
    more = [Score(f"extra-{index}", 0.5, 0.4, 0.6, 200, "higher") for index in range(6)]
    wide = [(path, replace(one, scores=[*one.scores, *more])) for path, one in results if one.scores]
    text = terminal.render(fold(wide)["sandbox-brain-t2i"], 80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.count("model  ") >= 2
    assert all(f"extra-{index} ↑" in text for index in range(6))
    assert text.count("  seeds") == 1


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_tables_beside_the_board_keep_its_width(leaderboard: Leaderboard, width: int) -> None:
    metrics = ("fid", "auc")
    gaps = tuple(FreshGap(metric, seed, 12.25, -11.5, 33.0, 2, seed) for seed in (7, 8) for metric in metrics)
    rows = (replace(leaderboard.rows[0], fresh=gaps), *leaderboard.rows[1:])
    text = terminal.render(replace(leaderboard, rows=rows), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "[-12, 33]" in text
    assert "Rows that beat a cheat" in text


def test_notes_say_how_it_was_measured_and_what_failed(leaderboard: Leaderboard) -> None:
    text = " ".join(terminal.render(leaderboard).split())
    for said in (
        "fid ↓: efficientnet-lite0, n = 200, interval: jackknife", "auc ↑: n = 600, interval: DeLong",
        "A value over several seeds is their mean", "† sees the true answers",
        "from Latent Drifting, Table 1; protocol known only in part",
        "Failed: sd-ld, seed 3: returned 12 images, expected 600", "* rank 1 on that metric, ties included",
        "not ranked, not to be compared",
    ):
        assert said in text


def test_markup_in_a_name_is_text(results: list[tuple[str, Result]]) -> None:
    path, one = results[3]
    odd = replace(one, model=replace(one.model, name="[bold]x[/bold]"))
    assert "[bold]x[/bold]" in terminal.render(fold([(path, odd)])["sandbox-brain-t2i"])


def test_colours_come_only_with_a_console_that_has_them(leaderboard: Leaderboard) -> None:
    assert "\x1b" not in terminal.render(leaderboard)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(terminal.renderable(leaderboard, 100))
    assert "\x1b[1m" in captured.get()


def test_only_failures_still_print(results: list[tuple[str, Result]]) -> None:
    only = fold([pair for pair in results if pair[1].status == "failed"])["sandbox-brain-t2i"]
    assert "Failed: sd-ld" in terminal.render(only)


def test_one_metric_a_question_is_shown_and_a_note_names_the_others(leaderboard: Leaderboard) -> None:
    text = terminal.render(leaderboard)
    heading = next(line for line in text.splitlines() if line.lstrip().startswith("#"))
    assert heading.split()[1:] == ["model", "fid", "↓", "auc", "↑", "seeds"]
    assert "Further metrics, shown by --all-metrics: kid." in text
    assert "--all-metrics" not in terminal.render(leaderboard, all_metrics=True)


def test_the_legend_is_that_of_the_metrics_shown(leaderboard: Leaderboard) -> None:
    short, whole = terminal.render(leaderboard), terminal.render(leaderboard, all_metrics=True)
    assert "fid ↓: efficientnet-lite0" in short
    assert "kid ↓: " not in short
    assert "kid ↓: " in whole


def test_the_parts_of_the_counterfactual_error_are_named_where_it_is_shown(results: list[tuple[str, Result]]) -> None:
    def renamed(score: Score) -> Score:
        return replace(score, metric="counterfactual_error") if score.metric == "fid" else score

    edits = [(path, replace(one, scores=[*map(renamed, one.scores)])) for path, one in results]
    said = "counterfactual_error² is effect_error² + side_effect²: "
    for board, told in ((fold(edits), True), (fold(results), False)):
        (leaderboard,) = board.values()
        assert (said in terminal.render(leaderboard)) == told
        assert (said in terminal.render(leaderboard, all_metrics=True)) == told
        assert any(note.startswith(said) for note in board_view(leaderboard).notes) == told
        assert said not in markdown.render(leaderboard)  # committed boards keep their bytes
