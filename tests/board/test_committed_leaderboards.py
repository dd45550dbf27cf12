"""The committed leaderboards are the fold of the committed results, on the cards as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board import leaderboard
from ldbench.board.collect import collect, fold_with_units
from ldbench.task import card

FOLDER = Path(__file__).parents[2] / "leaderboards"
TASKS = ["sandbox-brain-t2i", "sandbox-chest-t2i"]
METHODS = ("sd", "basic-ft", "textual-inversion", "dreambooth", "custom-diffusion", "lora")
ROWS = {"real", "mean-image", *METHODS, *(f"{method}-ld" for method in METHODS)}
COMPARISONS = {"basic-ft-offset-noise", "basic-ft-zero-snr", "basic-ft-signal-leak"}


@pytest.fixture(scope="module")
def boards() -> dict[str, leaderboard.Leaderboard]:
    return fold_with_units(collect([FOLDER / "results"]))


@pytest.mark.parametrize("task", TASKS)
def test_the_file_is_rebuilt_byte_for_byte(task: str, boards: dict[str, leaderboard.Leaderboard]) -> None:
    assert (FOLDER / f"{task}.json").read_text(encoding="utf-8") == leaderboard.dumps(boards[task])


@pytest.mark.parametrize("task", TASKS)
def test_rows_were_measured_on_the_card_as_it_stands(task: str, boards: dict[str, leaderboard.Leaderboard]) -> None:
    assert boards[task].task.card_hash == card.load(task).hash
    assert {row.model.name for row in boards[task].rows} - {"real-synthetic"} == ROWS | COMPARISONS


def scores(board: leaderboard.Leaderboard, metric: str) -> dict[str, leaderboard.FoldedScore]:
    return {row.model.name: score for row in board.rows if (score := row.score(metric)) is not None}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_the_order_is_one_that_a_reader_would_expect(
    task: str, metric: str, boards: dict[str, leaderboard.Leaderboard]
) -> None:
    """Real scans before fine-tuned models, those before untuned ones and before one blurred image for all."""
    value = scores(boards[task], metric)
    for tuned in ("basic-ft", "basic-ft-ld"):
        assert value["real"].ci_high < value[tuned].ci_low
        for worse in ("sd", "sd-ld", "mean-image"):
            assert value[tuned].ci_high < value[worse].ci_low


def test_fine_tuning_on_brains_divides_fid_by_about_three(boards: dict[str, leaderboard.Leaderboard]) -> None:
    value = scores(boards["sandbox-brain-t2i"], "fid")
    for tuned in ("basic-ft", "basic-ft-ld"):
        assert value["sd"].value / value[tuned].value == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_whatever_is_trained_comes_nearer_to_scans(
    task: str, method: str, boards: dict[str, leaderboard.Leaderboard]
) -> None:
    value = scores(boards[task], "fid")
    for untuned in ("sd", "sd-ld"):
        assert method == "sd" or value[method].ci_high < value[untuned].ci_low


@pytest.mark.parametrize("task", TASKS)
def test_the_downstream_classifier_learns_from_scans_and_not_from_a_mean(
    task: str, boards: dict[str, leaderboard.Leaderboard]
) -> None:
    value = scores(boards[task], "auc")
    assert 0.85 <= value["real"].value < 0.995
    assert value["mean-image"].ci_low < 0.5 < value["mean-image"].ci_high
    for tuned in ("basic-ft", "basic-ft-ld"):
        assert value["mean-image"].ci_high < value[tuned].value < value["real"].value


def test_half_of_the_scans_teach_nearly_as_much_as_all(boards: dict[str, leaderboard.Leaderboard]) -> None:
    value = scores(boards["sandbox-brain-t2i"], "auc")
    assert value["basic-ft-ld"].value < value["real-synthetic"].value < value["real"].value
