"""Where the weights of `scan-network` come from: a file with the digest that the card asks for, else a training here.

The first is what `ldbench.score.networks.pinned` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Dataset, Progress, silent
from ldbench.score.networks.kept_state import kept_or_made, training_key
from ldbench.score.networks.own_weights import resized
from ldbench.score.networks.pinned import pinned_weights
from ldbench.task.metric_specs import table_of
from ldbench.task.scan_network_spec import ScanNetworkSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.kept_state import State

WHAT = "a small CNN, from scratch, on the real training scans: attributes and identity"


def weights_of_scans(
    recipe: ScanNetworkSpec, dataset: Dataset, device: torch.device | str = "cpu", folder: Path | None = None,
    progress: Progress = silent, shipped: Sequence[Path] = (),
) -> State:
    """The weights that a card's recipe asks for: those of its `sha256`, else those of a training here."""
    if recipe.sha256 is None:
        return trained(recipe, dataset, device, folder, progress)
    return pinned_weights("scan_network", recipe, folder, shipped)


def trained(
    recipe: ScanNetworkSpec, dataset: Dataset, device: torch.device | str = "cpu", folder: Path | None = None,
    progress: Progress = silent,
) -> State:
    """The weights that a data set's training split gives.

    Taken from `folder` where they lie there, else trained and left there; None keeps nothing. Raises `MetricError` for
    scans of fewer than two subjects.
    """
    from ldbench.score import whole_batches
    from ldbench.score.networks import scan_training
    from ldbench.score.networks.scan_training import Scans, train

    training = dataset.only("train")
    records = training.records
    scans = Scans(
        np.stack([_grey(training.image(one), recipe.side) for one in records]), [one.subject for one in records],
        [one.attributes for one in records],
    )
    settings = {
        "shape": list(scans.grey.shape), "subjects": list(scans.subjects), "recipe": table_of(recipe.training),
        "attributes": [dict(sorted(each.items())) for each in scans.attributes], "what": WHAT,
    }
    key = training_key(settings, (scan_training, whole_batches), [scans.grey], device)
    return kept_or_made(folder, key, lambda: train(scans, recipe, device, progress).state_dict())


def _grey(image_chw: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.uint8]:
    return shrunk(np.rint(255 * image_chw.transpose(1, 2, 0)).astype(np.uint8), side)


def shrunk(image_hwc: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """An image as the network sees it: grey, at its side."""
    return np.asarray(np.rint(255 * resized(image_hwc[None], side)[0].mean(axis=0, dtype=np.float64)), np.uint8)
