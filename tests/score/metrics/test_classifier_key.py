"""The key of a classifier's trainings: one for all seeds, another for other images, labels, recipes and packages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldbench.score.metrics import classifier_key as module
from ldbench.score.metrics import label_classifier
from ldbench.score.metrics.classifier_key import classifier_key, key_of_seed
from ldbench.task.metric_specs import ClassifierSpec

RECIPE = ClassifierSpec(1, 8, 1e-3, width=16)
IMAGES, LABELS = torch.zeros((4, 3, 8, 8)), np.zeros(4, np.int64)


def test_the_seed_alone_tells_the_trainings_of_one_recipe_apart() -> None:
    recipes = (replace(RECIPE, seed=seed, spread_seeds=2) for seed in (0, 1))
    keys = {classifier_key(recipe, 2, LABELS, IMAGES, device="cpu") for recipe in recipes}
    assert len(keys) == 1
    assert len({key_of_seed(*keys, seed) for seed in (0, 1)}) == 2


def test_all_that_a_training_meets_is_in_the_key() -> None:
    keys = [
        classifier_key(RECIPE, 2, LABELS, IMAGES, device="cpu"),
        classifier_key(replace(RECIPE, epochs=2), 2, LABELS, IMAGES, device="cpu"),
        classifier_key(RECIPE, 3, LABELS, IMAGES, device="cpu"),
        classifier_key(RECIPE, 2, LABELS + 1, IMAGES, device="cpu"),
        classifier_key(RECIPE, 2, LABELS, IMAGES + 0.5, device="cpu"),
        classifier_key(RECIPE, 2, LABELS, IMAGES, IMAGES, device="cpu"),
        classifier_key(RECIPE, 2, LABELS, IMAGES, device="cpu", further={"threads": 2}),
        classifier_key(RECIPE, 2, LABELS, IMAGES, device="cpu", code=(label_classifier,)),
        classifier_key(RECIPE, 2, LABELS.astype(np.float32), IMAGES, device="cpu"),
    ]
    assert len(set(keys)) == len(keys)


def test_the_margin_loss_has_its_packages_version_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for version in ("1", "2"):
        monkeypatch.setattr(module, "_version", lambda _, version=version: version)
        recipes = (replace(RECIPE, objective="auc-margin"), RECIPE)
        keys += [classifier_key(recipe, 2, LABELS, IMAGES, device="cpu") for recipe in recipes]
    assert (keys[0] != keys[2], keys[1] == keys[3]) == (True, True)
