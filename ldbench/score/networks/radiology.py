"""Convolutional networks that learnt from radiology: torchxrayvision's DenseNet121 and RadImageNet's ResNet50.

Both are state dictionaries of the user's own, pinned by their digest (`own_weights`). torchxrayvision publishes pickled
modules, which nothing here unpickles: `torch.save(model.state_dict(), "FILE")` makes a file that is read. Inputs are
those of the networks' own code: one channel in [-1024, 1024] (Cohen et al. 2022, arXiv 2111.00595), and three in
[-1, 1] (Mei et al. 2022, doi 10.1148/ryai.210315).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Network, ParameterValue
from ldbench.errors import WeightsError
from ldbench.score.networks.own_weights import RESIZE_FILTER, own_file, resized
from ldbench.score.networks.weights import load_state

if TYPE_CHECKING:
    import torch

State = Mapping[str, "torch.Tensor"]
# the children of torchvision's ResNet in their order, as RadImageNet's file numbers them
_CHILDREN = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


@dataclass(frozen=True)
class Convolutional:
    """One of the networks: its name and file, how a state dictionary becomes a network, and how images are shown."""

    name: str
    file: str
    build: Callable[[State], torch.nn.Module]
    scale: Callable[[torch.Tensor], torch.Tensor]
    features: str
    scaled: str

    def find(self, digest: str) -> Path:
        """The checked file."""
        return own_file(self.name, self.file, digest)

    def parameters(self, *, resize: int, digest: str) -> dict[str, ParameterValue]:
        """What is done to an image before the network sees it, for the score's record."""
        return {
            "features": self.features, "input": "8-bit RGB", "resize": resize, "resize_filter": RESIZE_FILTER,
            "normalisation": self.scaled, "weights_sha256": digest,
        }

    def load(
        self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str
    ) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
        """A function from images `(N, H, W, 3) uint8` to features `(N, d) float32`. Raises `WeightsError`."""
        import torch

        path = own_file(self.name, self.file, digest, weights)
        try:
            network = self.build(load_state(path)).to(device).eval()
        except RuntimeError as error:
            raise WeightsError(
                f"{path}: expected the state dictionary of {self.name}, got {' '.join(str(error).split()):.160}; name "
                "the right file"
            ) from error

        def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
            output: torch.Tensor = network(self.scale(torch.from_numpy(resized(images, resize)).to(device)))
            return output

        return features


def _densenet(state: State) -> torch.nn.Module:
    """torchvision's DenseNet121 for one channel, without its last layer; `op_threshs` and the classifier are left."""
    declare_missing_ops()
    from torch import nn
    from torchvision.models import densenet121

    network = densenet121(weights=None)
    network.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.classifier = nn.Identity()
    kept = {name: value for name, value in state.items() if name.startswith("features.")}
    network.load_state_dict(kept)
    module: nn.Module = network
    return module


def _resnet(state: State) -> torch.nn.Module:
    """torchvision's ResNet50 without its last layer; names as torchvision's, or as RadImageNet numbers its children."""
    declare_missing_ops()
    from torch import nn
    from torchvision.models import resnet50

    network = resnet50(weights=None)
    network.fc = nn.Identity()
    named = {_torchvision_name(name): value for name, value in state.items()}
    network.load_state_dict({name: value for name, value in named.items() if not name.startswith("fc.")})
    module: nn.Module = network
    return module


def _torchvision_name(name: str) -> str:
    head, _, rest = name.removeprefix("backbone.").partition(".")
    return f"{_CHILDREN[int(head)]}.{rest}" if head.isdigit() and int(head) < len(_CHILDREN) else name


_DENSENET = Convolutional(
    "torchxrayvision-densenet121", "torchxrayvision-densenet121.pt", _densenet,
    lambda images_nchw: 1024 * (2 * images_nchw.mean(dim=1, keepdim=True) - 1), "pooled, 1024",
    "mean over channels, to [-1024, 1024]",
)
_RESNET = Convolutional(
    "radimagenet-resnet50", "radimagenet-resnet50.pt", _resnet, lambda images_nchw: 2 * images_nchw - 1, "pooled, 2048",
    "to [-1, 1]",
)

TORCHXRAYVISION = Network(
    name="torchxrayvision-densenet121",
    summary="torchxrayvision's DenseNet121 of chest films from your own state dictionary, pinned by its digest.",
    load=_DENSENET.load, parameters=_DENSENET.parameters, resize=224, pinned=True, find=_DENSENET.find,
    licence="Apache-2.0",
)

RADIMAGENET = Network(
    name="radimagenet-resnet50",
    summary="RadImageNet's ResNet50 from your own state dictionary, pinned by its digest.",
    load=_RESNET.load, parameters=_RESNET.parameters, resize=224, pinned=True, find=_RESNET.find,
)
