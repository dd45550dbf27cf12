"""Seeds as text: in full in a sentence, in short in a column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.report.tables.content import page
from ldbench.report.tables.seeds_told import seeds_differ, seeds_in_short, seeds_in_words


@pytest.fixture
def row(leaderboard: Leaderboard) -> BoardRow:
    return next(row for row in leaderboard.rows if row.origin == "measured")


@pytest.mark.parametrize(
    ("seeds", "others", "short", "words"),
    [
        ((0,), (), "0", "seed 0"), ((0, 1), (), "0, 1", "seeds 0, 1"), ((0, 1, 2), (), "0-2", "seeds 0, 1, 2"),
        ((0, 2, 3, 4, 9), (), "0, 2-4, 9", "seeds 0, 2, 3, 4, 9"), ((None,), (), "unknown", "seed unknown"),
        ((0,), (7,), "0 (7)", "seed 0 (not counted: 7)"),
        ((), (7, 8, 9), "unknown (7-9)", "seed unknown (not counted: 7, 8, 9)"),
    ],
)  # fmt: skip
def test_seeds(
    row: BoardRow, seeds: tuple[int | None, ...], others: tuple[int | None, ...], short: str, words: str
) -> None:
    told = replace(row, seeds=seeds, other_seeds=others)
    assert (seeds_in_short(told), seeds_in_words(told)) == (short, words)


def test_a_sentence_says_the_seeds_of_all_rows_only_where_each_has_the_same_one(row: BoardRow) -> None:
    one, two, both = (replace(row, seeds=seeds) for seeds in ((0,), (1,), (0, 1)))
    assert not seeds_differ([one, one])
    assert seeds_differ([one, two])
    assert seeds_differ([both])


def test_a_lone_row_of_one_seed_among_others_is_said_to_lack_an_error(leaderboard: Leaderboard) -> None:
    def said(*seeds: tuple[int, ...]) -> bool:
        competing = [row for row in leaderboard.rows if row.competes]
        rows = tuple(replace(row, seeds=each) for row, each in zip(competing, seeds, strict=False))
        return any("lacks the error of another seed" in note for note in page(replace(leaderboard, rows=rows)).notes)

    assert said((0,), (0, 1, 2))
    assert said((0,), (0,), (0, 1))
    assert not said((0,), (0,))
    assert not said((0, 1), (0, 1))


def test_rows_of_one_seed_are_told_what_to_do(leaderboard: Leaderboard) -> None:
    def said(board: Leaderboard) -> bool:
        return any("Run more seeds" in note for note in page(board).notes)

    competing = [row for row in leaderboard.rows if row.competes]
    assert said(leaderboard)
    one, *others = (replace(row, seeds=(0, 1, 2)) for row in competing)
    assert not said(replace(leaderboard, rows=(replace(one, seeds=(0,)), *others)))
    assert not said(replace(leaderboard, rows=(one, *others)))
    assert not said(replace(leaderboard, rows=tuple(replace(row, ignores_the_seed=True) for row in competing)))
