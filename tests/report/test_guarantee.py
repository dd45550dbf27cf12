"""What is promised of "better": a sentence each, on every form of a board."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.records.identity import Found
from ldbench.records.result import ModelRef
from ldbench.report.comparisons import pairs, render_text
from ldbench.report.guarantee import GUARANTEE, SHARED, allowance_sentence
from ldbench.report.html.board import board_view
from ldbench.report.tables.content import page
from ldbench.report.tables.formats import render


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex"])
def test_a_board_states_the_guarantee_and_the_allowance_once(format: str, leaderboard: Leaderboard) -> None:
    text = " ".join(render(leaderboard, format).split()).replace("\\%", "%")
    for sentence in page(leaderboard).guarantee:
        assert text.count(sentence.partition(":")[0]) == 1
    assert len(page(leaderboard).guarantee) == 2
    assert text.count(SHARED) == 1
    allowed = {"fid": 5.06, "kid": 6.42, "auc": 11.2}
    shown = ["fid", "auc"] if format == "terminal" else list(allowed)  # the headline alone
    assert ", ".join(f"{metric} {allowed[metric]}" for metric in shown) in text


def test_a_page_states_them_where_it_says_what_is_better_and_not_again(leaderboard: Leaderboard) -> None:
    view = board_view(leaderboard)
    assert view.guarantee[0] == GUARANTEE
    assert not set(view.guarantee) & set(view.notes)


def test_compare_states_them_below_its_pairs(results: list[Found], leaderboard: Leaderboard) -> None:
    compared = {"task": pairs(results, leaderboard)}
    text = " ".join(render_text(compared, boards={"task": leaderboard}).split())
    assert GUARANTEE in text
    assert allowance_sentence(leaderboard.metrics) in text
    assert GUARANTEE not in " ".join(render_text(compared, as_fitted=True).split())


def test_where_no_two_rows_compete_nothing_is_promised(leaderboard: Leaderboard) -> None:
    alone = replace(leaderboard, rows=tuple(row for row in leaderboard.rows if not row.competes))
    assert page(alone).guarantee == ()
    old = [replace(metric, seed_allowance=None) for metric in leaderboard.metrics]
    assert allowance_sentence(old) == ""


def test_a_row_says_what_became_of_its_runs(leaderboard: Leaderboard) -> None:
    def notes(row: BoardRow) -> str:
        return "\n".join(page(replace(leaderboard, rows=(row, *leaderboard.rows[1:]))).notes)

    first = leaderboard.rows[0]
    assert "Seeds in brackets are not of the card's list" in notes(replace(first, seeds=(0, 1), other_seeds=(7,)))
    assert "not ranked, since none of its seeds is of the card's list" in notes(replace(first, on_card=False))
    assert "deterministic, since every seed gave the same images" in notes(replace(first, ignores_the_seed=True))
    again = ModelRef("mine", None, "scored")
    assert "the same images as mine (scored), so they are one row" in notes(replace(first, same_images=(again,)))
    twice = replace(first.model, parameters={**first.model.parameters, "again": 2})
    note = next(line for line in notes(replace(first, same_images=(twice,))).split("\n") if "the same images" in line)
    assert note == (
        "basic-ft-ld (delta=0.1): the same images as basic-ft-ld (again=2, delta=0.1), so they are one row."
    )
