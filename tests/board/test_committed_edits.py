"""What the committed boards of editing tasks must say if the metrics mean what they claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board import leaderboard
from ldbench.board.collect import collect, fold_with_units
from ldbench.task import card

FOLDER = Path(__file__).parents[2] / "leaderboards"
BOUNDS = ("copy-source", "autoencoder", "other-subject", "oracle")
BOARDS = fold_with_units(collect([FOLDER / "results"]))
BOUNDED = ("sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex")
JUDGED = BOUNDED[1:]


def values(task: str, metric: str) -> dict[str, leaderboard.FoldedScore]:
    return {row.model.name: score for row in BOARDS[task].rows if (score := row.score(metric)) is not None}


@pytest.mark.parametrize("task", sorted(BOARDS))
def test_every_board_is_the_fold_of_results_on_the_card_as_it_stands(task: str) -> None:
    assert (FOLDER / f"{task}.json").read_text(encoding="utf-8") == leaderboard.dumps(BOARDS[task])
    assert BOARDS[task].task.card_hash == card.load(task).hash
    assert not BOARDS[task].failed


@pytest.mark.parametrize("task", BOUNDED)
def test_the_truth_is_the_best_there_is_against_the_truth(task: str) -> None:
    for metric in ("error_inside", "error_outside"):
        found = values(task, metric)
        assert found["oracle"].value == 0
        assert all(score.value > 0 for name, score in found.items() if name != "oracle")
    assert values(task, "ratio_error")["oracle"].value == 0


@pytest.mark.parametrize("task", BOUNDED)
def test_a_copy_is_perfect_on_identity(task: str) -> None:
    for metric, perfect in (("identity_ssim", 1), ("identity_lpips", 0), ("minimality", 0), ("composition", 0)):
        found = values(task, metric)
        assert found["copy-source"].value == perfect
        assert all(score.value != perfect for name, score in found.items() if name not in BOUNDS)


@pytest.mark.parametrize("task", BOUNDED)
def test_an_edit_is_nearer_to_its_source_than_another_subject_is(task: str) -> None:
    for metric in ("minimality", "composition"):
        found = values(task, metric)
        assert all(score.value < found["other-subject"].value for name, score in found.items() if name not in BOUNDS)
    # by one of the two at least: SSIM minds a grey veil on the black background, LPIPS a film's blur
    likeness, distance = values(task, "identity_ssim"), values(task, "identity_lpips")
    for name in likeness.keys() - set(BOUNDS):
        nearer = distance[name].value < distance["other-subject"].value
        assert nearer or likeness[name].value > likeness["other-subject"].value, name


@pytest.mark.parametrize("task", JUDGED)
def test_edits_are_seen_to_be_made_more_often_than_a_copy_is(task: str) -> None:
    for metric in ("flip_rate", "target_auc"):
        found = values(task, metric)
        assert found["copy-source"].value < found["oracle"].ci_low
        for name, score in found.items():
            if name not in BOUNDS:
                assert found["copy-source"].value < score.value, name


@pytest.mark.parametrize("task", BOUNDED)
def test_no_row_that_competes_saw_the_truth(task: str) -> None:
    ranked = [row for row in BOARDS[task].rows if row.competes]
    assert ranked
    assert not any(row.model.sees_truth or row.model.name in BOUNDS for row in ranked)
