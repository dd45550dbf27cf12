"""The scores that several trainings of a classifier give to the same test images; each training's are kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ldbench.api import ImageSet, Progress
from ldbench.score.metrics.classifier_key import key_of_seed
from ldbench.score.metrics.intervals import Array
from ldbench.score.networks.kept_state import kept_or_made
from ldbench.task.metric_specs import ClassifierSpec

if TYPE_CHECKING:
    import torch


class Scoring(Protocol):
    """What a training gives."""

    def scores(self, images: ImageSet) -> torch.Tensor:
        """`(N, K)` float64 on the CPU of images `(N, 3, H, W) float32 in [0, 1]`."""


class Train(Protocol):
    """One training."""

    def __call__(self, *, seed: int, progress: Progress) -> Scoring:
        """What comes of a seed."""


def scores_of_trainings(
    train: Train, recipe: ClassifierSpec, trainings: str, test_images: ImageSet, folder: Path | None,
    progress: Progress,
) -> Array:
    """Scores of the test images from one training a seed of the recipe, `(S, N, K)`.

    `folder` keeps them under the key `trainings` and the seed; None keeps nothing.
    """

    def made(index: int) -> dict[str, torch.Tensor]:
        def report(stage: str, done: int, total: int, note: str = "") -> None:
            progress(stage, index * total + done, recipe.spread_seeds * total, note)

        return {"scores": train(seed=recipe.seed + index, progress=report).scores(test_images)}

    rows = []
    for index in range(recipe.spread_seeds):
        kept = kept_or_made(folder, key_of_seed(trainings, recipe.seed + index), partial(made, index))
        rows.append(kept["scores"].numpy())
    return np.stack(rows)
