"""The key under which what a trained classifier gives is kept: the judge's weights, or the scores of `auc`.

One key is for all trainings that differ in their seed alone, so that the images are read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from itertools import chain
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ldbench.api import ImageSet
from ldbench.score import whole_batches
from ldbench.score.image_sets import pixel_blocks
from ldbench.score.metrics import augmentation, classifier, resnet18
from ldbench.score.metrics.classifier import training_table
from ldbench.score.networks.kept_state import content_key, training_key
from ldbench.task.metric_specs import ClassifierSpec

if TYPE_CHECKING:
    import torch

_NOTHING: Mapping[str, object] = MappingProxyType({})


def classifier_key(
    recipe: ClassifierSpec, classes: int, labels: npt.NDArray[Any], *sets: ImageSet, device: torch.device | str,
    further: Mapping[str, object] = _NOTHING, code: tuple[ModuleType, ...] = (),
) -> str:
    """The key of all trainings of a recipe on images `sets[0]` and their labels; other sets are what is scored.

    `further` is what else must be the same, `code` what trains beside the classifier's own.
    """
    header = {
        "shapes": [list(images.shape) for images in sets], "classes": classes, "recipe": training_table(recipe),
        "libauc": _version("libauc") if recipe.objective == "auc-margin" else None, **further,
    }
    whole = (augmentation, classifier, resnet18, whole_batches, *code)
    return training_key(header, whole, chain([labels], *map(pixel_blocks, sets)), device)


def key_of_seed(trainings: str, seed: int) -> str:
    """The key of one of the trainings that share a `classifier_key`."""
    return content_key({"trainings": trainings, "seed": seed})


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
