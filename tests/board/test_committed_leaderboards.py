"""The committed boards are the fold of the committed results, and text-to-image boards say what their metrics claim.

The laws hold for any number of rows and seeds. What is not committed yet is not asked for.
"""

from __future__ import annotations

import itertools

import pytest

from ldbench.board import leaderboard
from ldbench.report.tables.cheats import CHEATS, REAL
from ldbench.report.tables.headline import axis_of
from ldbench.task import card

from .committed import FOLDER, TASKS, beats, boards, ranked, scores

CHEATED = [
    task for task in TASKS if task in ("sandbox-brain-t2i", "sandbox-chest-t2i", "sandbox-chest-findings-t2i")
]
FROM_TEXT = [task for task in TASKS if "-t2i" in task]


@pytest.mark.parametrize("task", TASKS)
def test_every_board_is_the_fold_of_results_on_the_card_as_it_stands(task: str) -> None:
    board = boards()[task]
    assert (FOLDER / f"{task}.json").read_text(encoding="utf-8") == leaderboard.dumps(board)
    assert board.task.card_hash == card.load(task).hash
    assert not board.failed


def test_no_board_stands_without_its_results() -> None:
    assert {path.stem for end in ("json", "md") for path in FOLDER.glob(f"*.{end}")} == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_row_has_seeds_of_the_card_and_no_others(task: str) -> None:
    for row in boards()[task].rows:
        assert row.on_card
        assert row.other_seeds == ()


@pytest.mark.parametrize("task", TASKS)
def test_the_first_metric_ranks(task: str) -> None:
    first = boards()[task].metrics[0].metric
    assert first == ("viewed_fid" if task in FROM_TEXT else "counterfactual_error")
    assert all(row.score(first) is not None for row in ranked(task))


@pytest.mark.parametrize("task", CHEATED)
def test_real_scans_and_every_cheat_stand_below_the_ranked_rows(task: str) -> None:
    references = {row.model.name for row in boards()[task].rows if row.model.reference}
    assert {REAL, *CHEATS} <= references
    assert not {row.model.name for row in ranked(task)} & references


@pytest.mark.parametrize("task", CHEATED)
def test_no_ranked_row_is_better_than_real_scans(task: str) -> None:
    """On distances and utility: a precise row of few images may have more precision than real scans."""
    bounded = [
        metric.metric for metric in boards()[task].metrics
        if axis_of(metric.metric) == "utility" or (axis_of(metric.metric), metric.direction) == ("fidelity", "lower")
    ]  # fmt: skip
    assert {"viewed_fid", "fid", _utility(task)} <= set(bounded)
    for metric in bounded:
        found = scores(task, metric)
        assert [row.model.name for row in ranked(task) if beats(found[row.model.name], found[REAL])] == [], metric


@pytest.mark.parametrize("task", CHEATED)
def test_every_cheat_is_caught_on_the_axis_that_it_cheats_on(task: str) -> None:
    fidelity, diversity, novelty = (scores(task, name) for name in ("viewed_fid", "coverage", "copied_share"))
    for cheat in ("copies", "collapse", REAL):
        assert novelty[cheat].ci_low > 0.5
    assert beats(diversity[REAL], diversity["collapse"])
    for cheat in ("chimera", "mean-image"):
        assert beats(fidelity[REAL], fidelity[cheat])


@pytest.mark.parametrize("task", FROM_TEXT)
def test_no_row_of_copies_is_ranked(task: str) -> None:
    """The flag is for more copies than chance; half of all images are far beyond it."""
    novelty = scores(task, "copied_share")
    assert [row.model.name for row in ranked(task) if novelty[row.model.name].value > 0.5] == []


def _utility(task: str) -> str:
    return "labels_auc" if card.load(task).data.labels else "auc"


@pytest.mark.parametrize("task", CHEATED)
def test_a_classifier_learns_from_scans_and_not_from_a_mean(task: str) -> None:
    utility = scores(task, _utility(task))
    assert 0.8 <= utility[REAL].value < 0.995
    assert utility["mean-image"].ci_low <= 0.5 <= utility["mean-image"].ci_high


@pytest.mark.parametrize("task", CHEATED)
def test_basic_fine_tuning_comes_nearer_to_scans_than_what_it_began_from(task: str) -> None:
    fidelity = scores(task, "viewed_fid")
    pairs = list(itertools.product(*(fidelity.keys() & of for of in ({"basic-ft", "basic-ft-ld"}, {"sd", "sd-ld"}))))
    assert pairs
    for tuned, untuned in pairs:
        assert fidelity[tuned].value < fidelity[untuned].value
