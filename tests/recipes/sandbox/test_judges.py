"""The judges that ship with the sandbox: one file for each data set and attribute, or its labels, made by the cards'
own recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ldbench.data.task_data import TaskData, task_data
from ldbench.score.metrics.judge_labels_auc import pinned_label_judge
from ldbench.score.networks.kept_state import state_of_digest
from ldbench.task import card
from recipes.sandbox.judges import CARDS, OF_LABELS, ship, ship_of_labels
from recipes.sandbox.scan_networks import FOLDER

pytestmark = pytest.mark.slow


def _data(name: str) -> TaskData:
    return task_data(card.load(name), 0)


def test_a_shipped_file_is_known_by_its_digest(tmp_path: Path) -> None:
    data = _data("sandbox-chest-sex")
    assert data.task.judge is not None
    digest = ship(replace(data.task.judge, epochs=1, width=8, blur=0.0), data, tmp_path)
    assert state_of_digest([tmp_path / "sandbox-chest-judge-sex.safetensors"], digest) is not None


def test_a_judge_of_labels_serves_the_card_that_names_it(tmp_path: Path) -> None:
    data = _data("sandbox-chest-findings-t2i")
    assert data.task.judge is not None
    recipe = replace(data.task.judge, epochs=1, width=8, blur=0.0)
    digest = ship_of_labels(recipe, data, tmp_path)
    shipped = [tmp_path / "sandbox-chest-findings-judge-labels.safetensors"]
    judge = pinned_label_judge(replace(recipe, labels_sha256=digest), data.task.data.labels, shipped=shipped)
    assert judge.scores(torch.zeros(2, 3, 64, 64)).shape == (2, len(data.task.data.labels))


def test_there_is_a_file_for_each_card() -> None:
    specs = [card.load(name).data for name in CARDS]
    names = {f"{spec.dataset}-judge-{spec.class_attribute}.safetensors" for spec in specs}
    names |= {f"{card.load(name).data.dataset}-judge-labels.safetensors" for name in OF_LABELS}
    assert names == {path.name for path in FOLDER.iterdir() if "-judge-" in path.name}


def test_cards_of_one_data_set_and_attribute_share_a_judge() -> None:
    of_what: dict[tuple[str, str], set[str | None]] = {}
    for name in card.task_names():
        task = card.load(name)
        if task.judge is not None and task.judge.sha256 is not None:
            of_what.setdefault((task.data.dataset, task.data.class_attribute), set()).add(task.judge.sha256)
    assert of_what
    assert all(len(digests) == 1 for digests in of_what.values())
