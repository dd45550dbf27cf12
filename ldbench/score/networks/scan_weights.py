"""Where the weights of `scan-network` come from: a file with the digest that the card asks for, else a training here.

Weights of two machines differ in their last digits, so a card that pins a digest is never scored under another one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Dataset, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.networks.kept_state import kept_or_made, state_of_digest, training_key
from ldbench.score.networks.own_weights import resized
from ldbench.task.metric_specs import table_of
from ldbench.task.scan_network_spec import ScanNetworkSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.kept_state import State

RECIPE = "recipe"  # where a file of weights says what they came of
WHAT = "a small CNN, from scratch, on the real training scans: attributes and identity"


def weights_of_scans(
    recipe: ScanNetworkSpec, dataset: Dataset, device: torch.device | str = "cpu", folder: Path | None = None,
    progress: Progress = silent, shipped: Sequence[Path] = (),
) -> State:
    """The weights that a card's recipe asks for: those of its `sha256`, else those of a training here."""
    if recipe.sha256 is None:
        return trained(recipe, dataset, device, folder, progress)
    return pinned_weights(recipe, folder, shipped)


def pinned_weights(recipe: ScanNetworkSpec, folder: Path | None = None, shipped: Sequence[Path] = ()) -> State:
    """The weights of a recipe's `sha256`, from `folder` or one of the `shipped` files.

    Raises `MetricError` where no file has them, and where their file says that another recipe made them.
    """
    assert recipe.sha256 is not None
    files = (*(() if folder is None else sorted(folder.glob("*.safetensors"))), *shipped)
    found = state_of_digest(files, recipe.sha256)
    if found is None:
        searched = ", ".join(str(place) for place in (folder, *shipped) if place is not None) or "no folder"
        raise MetricError(
            f"scan_network.sha256: expected weights {recipe.sha256[:12]}..., got no file in {searched} that has them; "
            "copy the file of the card's author there, or drop sha256 from the card and compare with scores of your "
            "own weights alone"
        )
    state, said = found
    if (made := said.get(RECIPE, own := recipe_text(recipe))) != own:
        raise MetricError(
            f"scan_network: expected the recipe that the weights of sha256 came of, {made}, got {own}; change it back, "
            "or drop sha256 from the card"
        )
    return state


def recipe_text(recipe: ScanNetworkSpec) -> str:
    """The recipe without the digest of what came of it, as JSON: what a file of weights says under `RECIPE`."""
    return json.dumps(table_of(recipe.training), sort_keys=True)


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
