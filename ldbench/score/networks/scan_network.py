"""`scan-network`: features of a small network that learnt from the task's own real training scans, and nothing else.

Other networks know photographs, or the radiology of others. This one is trained from the card's recipe on the real
training split (`ldbench.score.networks.scan_training`), kept as the judge is, and known by the digest of its weights,
which stands in every score. A card that names it has `[scan_network]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench.api import Dataset, Network, ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.networks.kept_state import content_key, kept_or_made, state_digest
from ldbench.score.networks.own_weights import RESIZE_FILTER, resized
from ldbench.task.scan_network_spec import SCAN_NETWORK, ScanNetworkSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.scan_training import ScanNetwork, Scans

_WHAT = "a small CNN, from scratch, on the real training scans: attributes and identity"


def network_of_scans(
    recipe: ScanNetworkSpec, dataset: Dataset, device: torch.device | str = "cpu", folder: Path | None = None,
    progress: Progress = silent,
) -> Network:
    """The network of a data set's training split.

    Taken from `folder` where it lies there, else trained and left there; None keeps nothing. Raises `MetricError` for
    scans of fewer than two subjects.
    """
    import torch

    from ldbench.score.networks.scan_training import ScanNetwork, Scans, train

    training = dataset.only("train")
    records = training.records
    scans = Scans(
        np.stack([_grey(training.image(one), recipe.side) for one in records]), [one.subject for one in records],
        [one.attributes for one in records],
    )
    key = _key(scans, recipe, torch.device(device))
    state = kept_or_made(folder, key, lambda: train(scans, recipe, device, progress).state_dict())
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from the global state, then replaced
        network = ScanNetwork(recipe.side)
    network.load_state_dict(state)
    trained = _Trained(network.to(device).eval(), recipe, state_digest(state), len(scans.grey))
    return Network(
        name=SCAN_NETWORK, summary=SCANS.summary, load=trained.load, parameters=trained.parameters, resize=recipe.side,
        fixed_size=True,
    )


@dataclass(frozen=True)
class _Trained:
    """A trained network with what its scores say of it."""

    network: ScanNetwork
    recipe: ScanNetworkSpec
    digest: str
    scans: int

    def parameters(self, *, resize: int, digest: str) -> dict[str, ParameterValue]:
        """Preprocessing, recipe and weights, as they stand in a score."""
        recipe: dict[str, ParameterValue] = {f"recipe_{name}": value for name, value in asdict(self.recipe).items()}
        return {
            "features": f"{_WHAT}, 128", "input": "8-bit grey", "resize": resize, "resize_filter": RESIZE_FILTER,
            "training_scans": self.scans, **recipe, "weights_sha256": self.digest,
        }

    def load(
        self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str
    ) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
        """A function from images `(N, H, W, 3) uint8` to features `(N, 128) float32`."""

        def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
            import torch

            grey_nhw = np.stack([_shrunk(image, resize) for image in images])
            found: torch.Tensor = self.network(torch.from_numpy(grey_nhw)[:, None].to(device).float() / 255)
            return found

        return features


def _grey(image_chw: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.uint8]:
    return _shrunk(np.rint(255 * image_chw.transpose(1, 2, 0)).astype(np.uint8), side)


def _shrunk(image_hwc: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """An image as the network sees it: grey, at its side."""
    return np.asarray(np.rint(255 * resized(image_hwc[None], side)[0].mean(axis=0, dtype=np.float64)), np.uint8)


def _key(scans: Scans, recipe: ScanNetworkSpec, device: torch.device) -> str:
    """SHA-256 of all that the weights depend on; the number of threads, worth round-off, is left out."""
    import torch

    header = {
        "shape": list(scans.grey.shape), "subjects": list(scans.subjects), "recipe": asdict(recipe),
        "attributes": [dict(sorted(each.items())) for each in scans.attributes], "torch": torch.__version__,
        "device": device.type, "what": _WHAT,
    }
    return content_key(header, [scans.grey])


def _untrained(**settings: object) -> Any:
    raise MetricError(f"{SCAN_NETWORK}: expected the real training scans of a task, got images alone; score a run")


def _before(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is known before it is trained."""
    return {"features": f"{_WHAT}, 128", "input": "8-bit grey", "resize": resize}


SCANS = Network(
    name="scan-network",
    summary="A small network trained on the task's own real training scans by the card's [scan_network]; 128 features.",
    load=_untrained, parameters=_before, resize=64,
)
