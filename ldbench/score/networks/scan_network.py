"""`scan-network`: features of a small network that learnt from the task's own real training scans, and nothing else.

Other networks know photographs, or the radiology of others. This one is trained from the card's recipe on the real
training split (`ldbench.score.networks.scan_training`), kept as the judge is or shipped with the data set, and known by
the digest of its weights, which stands in every score. A card that names it has `[scan_network]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench.api import Dataset, Network, ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.networks.kept_state import state_digest
from ldbench.score.networks.own_weights import RESIZE_FILTER
from ldbench.score.networks.scan_weights import WHAT, shrunk, weights_of_scans
from ldbench.task.metric_specs import table_of
from ldbench.task.scan_network_spec import SCAN_NETWORK, ScanNetworkSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.scan_training import ScanNetwork


def network_of_scans(
    recipe: ScanNetworkSpec, dataset: Dataset, device: torch.device | str = "cpu", folder: Path | None = None,
    progress: Progress = silent, shipped: Sequence[Path] = (),
) -> Network:
    """The network of a data set's training split, with the weights that `weights_of_scans` finds.

    Raises `MetricError` for scans of fewer than two subjects, and where the recipe's `sha256` is not to be had or is
    that of a network for another side.
    """
    import torch

    from ldbench.score.networks.scan_training import ScanNetwork

    state = weights_of_scans(recipe, dataset, device, folder, progress, shipped)
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from the global state, then replaced
        network = ScanNetwork(recipe.side)
    kinds = {name: (value.shape, value.dtype) for name, value in network.state_dict().items()}
    if kinds != {name: (value.shape, value.dtype) for name, value in state.items()}:
        raise MetricError(
            f"scan_network: expected weights of a network of side {recipe.side}, got others under sha256 "
            f"{recipe.sha256}; take side and sha256 from one card"
        )
    network.load_state_dict(state)
    # how many scans pinned weights learnt from is known to who trained them
    scans = len(dataset.only("train").records) if recipe.sha256 is None else None
    trained = _Trained(network.to(device).eval(), recipe, state_digest(state), scans)
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
    scans: int | None

    def parameters(self, *, resize: int, digest: str) -> dict[str, ParameterValue]:
        """Preprocessing, recipe and weights, as they stand in a score."""
        recipe: dict[str, ParameterValue] = {
            f"recipe_{name}": value for name, value in table_of(self.recipe.training).items()
        }
        counted: dict[str, ParameterValue] = {} if self.scans is None else {"training_scans": self.scans}
        return {
            "features": f"{WHAT}, 128", "input": "8-bit grey", "resize": resize, "resize_filter": RESIZE_FILTER,
            **counted, **recipe, "weights_sha256": self.digest,
        }

    def load(
        self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str
    ) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
        """A function from images `(N, H, W, 3) uint8` to features `(N, 128) float32`."""

        def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
            import torch

            grey_nhw = np.stack([shrunk(image, resize) for image in images])
            found: torch.Tensor = self.network(torch.from_numpy(grey_nhw)[:, None].to(device).float() / 255)
            return found

        return features


def _untrained(**settings: object) -> Any:
    raise MetricError(f"{SCAN_NETWORK}: expected the real training scans of a task, got images alone; score a run")


def _before(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is known before it is trained."""
    return {"features": f"{WHAT}, 128", "input": "8-bit grey", "resize": resize}


SCANS = Network(
    name="scan-network",
    summary="A small network trained on the task's own real training scans by the card's [scan_network]; 128 features.",
    load=_untrained, parameters=_before, resize=64,
    licence="Apache-2.0",
)
