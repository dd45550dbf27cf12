"""The card, not the run, says with which seeds the classifier is trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ldbench.api import Score
from ldbench.data.task_data import task_data
from ldbench.errors import CardError
from ldbench.score.metrics import auc
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.task import card
from tests.conftest import small_card

METRICS = "[metrics.auc]\nepochs = 1\nbatch_size = 8\nlearning_rate = 0.001\n"


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The classifier replaced by chance from its seed; the list holds the seeds it was trained with."""
    used: list[int] = []

    def trained(
        images: torch.Tensor, labels: torch.Tensor, *, classes: int, seed: int, **_: object
    ) -> SimpleNamespace:
        used.append(seed)
        random = torch.Generator().manual_seed(seed)
        return SimpleNamespace(scores=lambda test: torch.rand((len(test), classes), generator=random).double())

    monkeypatch.setattr(auc, "train_classifier", trained)
    return used


def scored(folder: Path, run_seed: int, more: str, cache_folder: Path | None = None) -> Score:
    data = task_data(card.load(str(small_card(folder, metrics=METRICS + more))), run_seed)
    images = {case.id: torch.full((3, 64, 64), 0.5) for case in data.cases}
    (score,) = scores_of(inputs_of(data, images, ScoringContext(torch.device("cpu"), run_seed, cache_folder))).measured
    return score


def test_the_seed_of_the_run_changes_nothing(tmp_path: Path, seeds: list[int]) -> None:
    first, second = (scored(tmp_path, run_seed, "spread_seeds = 3\n") for run_seed in (0, 7))
    assert first == second
    assert seeds == [0, 1, 2] * 2
    assert first.parameters["spread_seeds"] == 3


def test_scores_of_the_trainings_are_kept_beside_the_features(tmp_path: Path, seeds: list[int]) -> None:
    first, second = (scored(tmp_path, 0, "spread_seeds = 2\n", tmp_path / "cache" / "features") for _ in range(2))
    assert first == second
    assert seeds == [0, 1]
    assert len(list((tmp_path / "cache" / "classifiers").iterdir())) == 2


def test_the_seed_of_the_card_is_used(tmp_path: Path, seeds: list[int]) -> None:
    first, second = (scored(tmp_path, 0, f"seed = {seed}\nspread_seeds = 2\n") for seed in (0, 10))
    assert seeds == [0, 1, 10, 11]
    assert first.value != second.value
    assert (first.parameters["seed"], second.parameters["seed"]) == (0, 10)


def test_a_card_that_says_nothing_trains_once(tmp_path: Path, seeds: list[int]) -> None:
    assert scored(tmp_path, 5, "").parameters["spread_seeds"] == 1
    assert seeds == [0]


@pytest.mark.parametrize(("line", "expected"), [("spread_seeds = 0", "1 or more"), ("seed = -1", "0 or more")])
def test_a_card_with_no_training_is_refused(tmp_path: Path, line: str, expected: str) -> None:
    path = small_card(tmp_path, metrics=f"{METRICS}{line}\n")
    with pytest.raises(CardError, match=rf"small.toml:metrics.auc.{line.split()[0]}: expected {expected}, got"):
        card.load(str(path))
