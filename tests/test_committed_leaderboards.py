"""The committed leaderboards are the fold of the committed results, on the cards as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench import card, leaderboard

FOLDER = Path(__file__).parent.parent / "leaderboards"
TASKS = ["sandbox-brain-t2i", "sandbox-chest-t2i"]
ROWS = {"real", "mean-image", "sd", "sd-ld", "basic-ft", "basic-ft-ld"}


@pytest.fixture(scope="module")
def boards() -> dict[str, leaderboard.Leaderboard]:
    return leaderboard.fold(leaderboard.collect([FOLDER / "results"]))


@pytest.mark.parametrize("task", TASKS)
def test_the_file_is_rebuilt_byte_for_byte(task: str, boards: dict[str, leaderboard.Leaderboard]) -> None:
    assert (FOLDER / f"{task}.json").read_text(encoding="utf-8") == leaderboard.dumps(boards[task])


@pytest.mark.parametrize("task", TASKS)
def test_rows_were_measured_on_the_card_as_it_stands(task: str, boards: dict[str, leaderboard.Leaderboard]) -> None:
    assert boards[task].task.card_hash == card.load(task).hash
    assert {row.model.name for row in boards[task].rows} == ROWS


@pytest.mark.parametrize("task", TASKS)
def test_the_order_is_one_that_a_reader_would_expect(task: str, boards: dict[str, leaderboard.Leaderboard]) -> None:
    value = {
        (row.model.name, metric): score.value
        for row in boards[task].rows
        for metric in ("fid", "kid", "auc")
        if (score := row.score(metric)) is not None
    }
    for tuned in ("basic-ft", "basic-ft-ld"):
        for untuned in ("sd", "sd-ld", "mean-image"):
            assert value[tuned, "fid"] < value[untuned, "fid"] / 3
            assert value[tuned, "kid"] < value[untuned, "kid"] / 3
        assert value["real", "fid"] < value[tuned, "fid"]
    assert value["real", "auc"] > max(value["mean-image", "auc"], value["sd", "auc"], value["sd-ld", "auc"])
