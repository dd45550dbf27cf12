"""Learned perceptual distance between generated images and their targets, mean of one value an image.

Two networks, never confused: `lpips-alex` is LPIPS v0.1 (Zhang et al. 2018, arXiv 1801.03924) on torchvision's
AlexNet, whose weight file the user supplies or lets be downloaded; `stlpips-alex` is the shift-tolerant LPIPS
(Ghildyal & Liu 2022, arXiv 2207.13686), complete in its PyPI package and so the offline default. Their values are
not comparable. A card of the user's own may name another AlexNet file by its digest (`ldbench.score.networks.weights`).
One never stands in for the other.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench._torchvision import declare_missing_ops
from ldbench.api import ImageSet, Measured, Metric, ParameterValue
from ldbench.errors import UnknownNameError, WeightsError, unknown_name
from ldbench.score.arithmetic import full_float32
from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.networks import weights

if TYPE_CHECKING:
    import torch

EXTRACTORS = ("stlpips-alex", "lpips-alex")
SMALLEST = 32  # px; AlexNet's third pooling needs it
STLPIPS_SHA256 = "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"
LPIPS_LINEAR_SHA256 = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
ALEXNET = weights.WeightsFile(
    name="alexnet-owt-7be5be79.pth", url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02", network="lpips-alex",
)
_PACKAGED = {  # package, file and SHA-256: all weights of the one network, the linear layers of the other
    "stlpips-alex": ("stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth", STLPIPS_SHA256),
    "lpips-alex": ("lpips", "weights/v0.1/alex.pth", LPIPS_LINEAR_SHA256),
}
Distance = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True)
class PerceptualSpec:
    """LPIPS: the network that compares the two images."""

    extractor: str

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: a network that is none of these, or whose weights are missing or others."""
        try:
            network, digest = perceptual_network(self.extractor)
            if network == ALEXNET.network:
                weights.find_file(weights.pinned(ALEXNET, digest))
            weights.packaged_file(*_PACKAGED[network])
        except UnknownNameError as error:
            yield str(error)
        except WeightsError as error:
            yield f"{self.extractor}: {error}"


@full_float32()
def lpips_values(
    generated: ImageSet, target: ImageSet, *, extractor: str = "stlpips-alex", alexnet: Path | None = None,
    device: torch.device | str = "cpu", batch_size: int = 4,
) -> Array:
    """Perceptual distance of each pair of `(N, 3, H, W) float32 in [0, 1]` images; 0 for a copy.

    `alexnet` is a path to torchvision's AlexNet file for `lpips-alex`; None looks in the cache folder. Raises
    `MetricError`, `WeightsError`, `UnknownNameError`.
    """
    validated_pairs(extractor, generated, target, smallest=SMALLEST)
    network = _network(extractor, alexnet, device)
    return in_batches(lambda x, y: network(x.to(device), y.to(device)), generated, target, batch_size)


def lpips_score(
    generated: ImageSet, target: ImageSet, *, extractor: str = "stlpips-alex", alexnet: Path | None = None,
    device: torch.device | str = "cpu",
) -> Measured:
    """Mean perceptual distance over cases as a `Score`, with Student's t interval."""
    values = lpips_values(generated, target, extractor=extractor, alexnet=alexnet, device=device)
    return mean_score("lpips", values, "lower", {**_parameters(extractor), "resize": None}, extractor)


def _parameters(extractor: str) -> dict[str, ParameterValue]:
    if extractor == "stlpips-alex":
        return {"package": "stlpips_pytorch", "weights_sha256": STLPIPS_SHA256}
    digest = weights.unpinned(extractor)[1]
    return {"package": "lpips", "weights_sha256": digest or ALEXNET.sha256, "linear_sha256": LPIPS_LINEAR_SHA256}


def perceptual_network(extractor: str) -> tuple[str, str]:
    """The network that a card names, and the digest that it pins or ""; UnknownNameError, WeightsError."""
    name, digest = weights.unpinned(extractor)
    if extractor not in EXTRACTORS and name != ALEXNET.network:
        raise unknown_name("perceptual network", extractor, EXTRACTORS, "choose one of them")
    return name, digest


def _network(extractor: str, alexnet: Path | None, device: torch.device | str) -> Distance:
    import torch

    name, digest = perceptual_network(extractor)
    declare_missing_ops()
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from the global state, then replaced
        network = _stlpips() if name == "stlpips-alex" else _lpips(alexnet, digest)
    network.to(device).eval()

    def distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = network(x, y, normalize=True)  # the networks want [-1, 1]
        return value

    return distance


def _stlpips() -> torch.nn.Module:
    # Found before the import, which also needs the undeclared packages ipython and torchsummary.
    path = weights.packaged_file(*_PACKAGED["stlpips-alex"])
    from stlpips_pytorch.stlpips import LPIPS

    network: torch.nn.Module = LPIPS(net="alex", variant="shift_tolerant", pretrained=False, verbose=False)
    _fill(network, weights.load_state(path), path)
    return network


def _lpips(alexnet: Path | None, digest: str = "") -> torch.nn.Module:
    features = weights.locate(weights.pinned(ALEXNET, digest), alexnet)
    linear = weights.packaged_file(*_PACKAGED["lpips-alex"])
    from lpips import LPIPS

    with warnings.catch_warnings():
        # lpips 0.1.4 builds its trunk with a keyword that torchvision has deprecated; the user can't change that.
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        network: torch.nn.Module = LPIPS(net="alex", pnet_rand=True, pretrained=False, verbose=False)
    # torchvision's features.N.weight is lpips's net.sliceK.N.weight, N the same.
    convolutions = {
        name.removeprefix("features."): value
        for name, value in weights.load_state(features).items()
        if name.startswith("features.")
    }
    trunk = {name: convolutions[name.split(".", 2)[2]] for name in network.state_dict() if name.startswith("net.slice")}
    _fill(network, {**trunk, **weights.load_state(linear)}, features)
    return network


def _fill(network: torch.nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Load a state dictionary that may lack constants and the second names of the linear layers, and nothing else."""
    missing, unexpected = network.load_state_dict(state, strict=False)
    absent = [name for name in missing if not name.startswith(("lins.", "scaling_layer."))]
    if absent or unexpected:
        raise WeightsError(f"{path}: expected this network's weights, missing {absent}, unexpected {unexpected}")


LPIPS = Metric(
    name="lpips", title="Learned perceptual distance",
    summary="Distance between deep features of each pair, mean over cases; 0 for a copy.", direction="lower",
    compute=lambda inputs, settings: lpips_score(
        inputs.lazy.generated, inputs.lazy.stored_truths, extractor=settings.extractor, device=inputs.device
    ),
    compares="generated images and their targets", settings=PerceptualSpec,
    needs=frozenset({"truth"}), bounds=(0.0, math.inf), networks=EXTRACTORS, axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right",
        "upside-down", "lesion", "hole",
    ),
)
