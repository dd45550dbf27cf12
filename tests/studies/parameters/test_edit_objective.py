"""The objective of Eq. 5: its formula, its weight, and a search by it that reads no test image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from ldbench.api import ImageSet
from ldbench.data.task_data import task_data
from ldbench.errors import UsageError
from ldbench.run.settings import Settings
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.judge import Judge
from ldbench.studies.parameters import edit_objective as module
from ldbench.studies.parameters.edit_objective import EditObjective
from ldbench.studies.parameters.search import search
from ldbench.task import card

EDITOR = f"{Path(__file__).with_name('editor.py')}:Brighten"
TOY = f"{Path(__file__).with_name('toy.py')}:Toy"


class Bright(Judge):
    """Says AD of bright brains: log odds of `40 (mean - 0.25)`."""

    def __init__(self) -> None:
        super().__init__(None, ("CN", "AD"), {})  # type: ignore[arg-type]

    def scores(self, images: torch.Tensor) -> Array:
        odds = 40 * (images.double().mean((1, 2, 3)).numpy() - 0.25)
        return np.stack([-odds, odds], axis=1)


def test_the_objective_is_cross_entropy_and_change() -> None:
    torch.manual_seed(0)
    sources, results = torch.rand(5, 3, 8, 8), torch.rand(5, 3, 8, 8)
    targets = ("AD", "CN", "AD", "AD", "CN")
    judge = Bright()
    found = EditObjective(judge, sources, targets, 2.5).of(results)
    odds = torch.from_numpy(judge.scores(results)[:, 1])
    wanted = torch.tensor([float(target == "AD") for target in targets], dtype=torch.float64)
    missed = functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
    expected = 2.5 * missed + (results - sources).abs().mean((1, 2, 3))
    np.testing.assert_allclose(found[:, 0], expected.numpy(), rtol=1e-5)
    assert found.shape == (5, 1)


def test_without_weight_the_best_edit_is_none() -> None:
    sources = torch.rand(4, 3, 8, 8)
    objective = EditObjective(Bright(), sources, ("AD",) * 4, 0.0)
    assert objective.of(sources).max() == 0
    assert (objective.of((sources + 0.1).clamp(0, 1)) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "best"), [(0.0, "amount=0"), (1.0, "amount=0.2")])
def test_a_search_by_it_weighs_outcome_against_change(
    weight: float, best: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splits_read: set[str]
) -> None:
    def trained(spec: object, classes: object, images: ImageSet, labels: list[str], **_: object) -> Judge:
        assert set(labels) == {"CN", "AD"}
        assert not splits_read  # a set that is read by rows
        assert images[:2].shape == (2, 3, 64, 64)
        return Bright()

    monkeypatch.setattr(module, "judge_of", trained)
    data = task_data(card.load("sandbox-brain-disease"), 0)
    cards_own = {case.id for case in data.cases}
    splits_read.clear()
    monkeypatch.setattr("ldbench.studies.parameters.workbench.task_data", lambda task, seed: data)
    found = search(
        "sandbox-brain-disease", EDITOR, "amount", "0,0.1,0.2", Settings(tmp_path / "out"),
        distance="counterfactual", images=20, outcome_weight=weight,
    )
    assert splits_read == {"train", "validation"}
    assert found.setting == best
    assert found.real is None
    record = json.loads(found.record.read_text(encoding="utf-8"))
    assert record["outcome_weight"] == weight
    assert record["compared"] == (
        "generated images for edits of validation scans with judge and sources; no test image was read"
    )
    made = {path.stem for path in (tmp_path / "out").rglob("images/*.png")}
    assert made
    assert not made & cards_own
    assert found.plot.stat().st_size > 5000


def test_a_task_without_a_judge_and_a_weight_below_zero_are_refused(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "out")
    with pytest.raises(UsageError, match=r"^--distance counterfactual: expected a card with \[judge\], got sandbox-b"):
        search("sandbox-brain-aging", EDITOR, "amount", "0,1", settings, distance="counterfactual", images=4)
    with pytest.raises(UsageError, match=r"^--outcome-weight: expected 0 or more, got -1"):
        search(
            "sandbox-brain-disease", EDITOR, "amount", "0,1", settings, distance="counterfactual", images=4,
            outcome_weight=-1,
        )
    with pytest.raises(UsageError, match=r"^--images: expected at most 120, the validation scans, got 500"):
        search("sandbox-brain-disease", EDITOR, "amount", "0,1", settings, distance="counterfactual", images=500)
