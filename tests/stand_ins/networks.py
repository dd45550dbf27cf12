"""Feature networks with random weights in the formats of the published files.

Inception-v3 is torchvision's layers in a TorchScript file such as clean-fid reads: `layers` maps normalised images
`(N, 3, 299, 299)` to features `(N, 2048)`. The shallow one has three layers in their place, for tests of what is made
of its features. AlexNet is a state dictionary with torchvision's names, without the
classifier, which LPIPS doesn't read. Equal seeds, equal weights. Refuses to pass for the real ones: their digests are
their own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench._torchvision import declare_missing_ops
from ldbench.score.networks.torchscript import read_as_published

# torch calls TorchScript deprecated; clean-fid's network is published in no other format, and a user's file may be one
torchscript = pytest.mark.filterwarnings(*(f"ignore:.*torch.jit.*:{kind}Warning" for kind in ("Deprecation", "Future")))


class _Published(torch.nn.Module):
    """The outer module of the published file: it normalises and calls `layers`."""

    def __init__(self, layers: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of images with grey levels 0 to 255."""
        return self.layers((x - 128) / 128)


def write_inception(path: Path, seed: int = 0) -> Path:
    """A random Inception-v3 as TorchScript; its weights keep activations of order one through all layers."""
    declare_missing_ops()
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False)
    network.fc = torch.nn.Identity()
    return _write_published(network, path, seed)


def write_shallow_inception(path: Path, seed: int = 0) -> Path:
    """As `write_inception`, at a hundredth of the operations."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 5, stride=4), torch.nn.ReLU(), torch.nn.Conv2d(16, 64, 3, stride=4), torch.nn.ReLU(),
        torch.nn.Conv2d(64, 2048, 1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
    )  # fmt: skip
    return _write_published(network, path, seed)


def _write_published(network: torch.nn.Module, path: Path, seed: int) -> Path:
    _draw(network, seed)
    with torch.no_grad(), read_as_published():
        layers = torch.jit.trace(network.eval(), torch.zeros(1, 3, 299, 299), check_trace=False)
        torch.jit.save(torch.jit.script(_Published(layers)), str(path))
    return path


def write_alexnet(path: Path, seed: int = 0) -> Path:
    """A random AlexNet's convolutions, named as torchvision names them."""
    declare_missing_ops()
    from torchvision.models import alexnet

    with torch.device("meta"):  # its 59 million other weights are not drawn
        features = alexnet(weights=None).features
    features.to_empty(device="cpu")
    _draw(features, seed)
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, path)
    return path


def _draw(network: torch.nn.Module, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=random)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
