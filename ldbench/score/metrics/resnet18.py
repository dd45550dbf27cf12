"""torchvision's ResNet18 from scratch for any number of outputs, whole or with fewer channels in every layer.

He et al. 2015 (arXiv 1512.03385). The last layer starts at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ldbench._torchvision import declare_missing_ops
from ldbench.api import ParameterValue

if TYPE_CHECKING:
    import torch

WIDTH = 64  # channels of the published network's first stage


def network_name(parameters: Mapping[str, ParameterValue]) -> str:
    """What a score of these parameters calls the network: with another `width` it is not the published one."""
    width = parameters.get("width", WIDTH)
    return "resnet18" if width == WIDTH else f"resnet18-of-{width}"


def resnet18(outputs: int, device: torch.device, width: int = WIDTH) -> torch.nn.Module:
    """A network in training mode with random weights, drawn from the CPU's global state; `fc` is its last layer.

    `width` is the channels of the first stage; each of the three next stages has twice as many as the one before it.
    """
    declare_missing_ops()
    import torch
    from torchvision import models

    network: torch.nn.Module = models.resnet18(weights=None) if width == WIDTH else _of_width(width)
    network.fc = zero_layer(network.fc, outputs)
    network.to(device)
    for parameter in network.parameters():
        if parameter.ndim == 4:  # channels last: a sixth faster on a CPU
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def zero_layer(head: torch.Tensor | torch.nn.Module, outputs: int) -> torch.nn.Linear:
    """A linear layer of zeros with another one's inputs."""
    import torch

    assert isinstance(head, torch.nn.Linear)
    fresh = torch.nn.Linear(head.in_features, outputs)
    torch.nn.init.zeros_(fresh.weight)
    torch.nn.init.zeros_(fresh.bias)
    return fresh


def _of_width(width: int) -> torch.nn.Module:
    """torchvision's class takes no width: its stages are made with other numbers of channels, its stem is replaced."""
    import torch
    from torchvision.models.resnet import BasicBlock, ResNet

    class Narrow(ResNet):  # type: ignore[misc] # torchvision has no types
        """A ResNet whose stages have `width / 64` of the channels."""

        def _make_layer(
            self, block: type[BasicBlock], planes: int, blocks: int, stride: int = 1, dilate: bool = False
        ) -> torch.nn.Sequential:
            if planes == WIDTH:
                self.inplanes = width
            stage: torch.nn.Sequential = super()._make_layer(block, planes * width // WIDTH, blocks, stride, dilate)
            return stage

    network: torch.nn.Module = Narrow(BasicBlock, [2, 2, 2, 2])
    network.conv1 = torch.nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
    torch.nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.bn1 = torch.nn.BatchNorm2d(width)
    network.fc = torch.nn.Linear(8 * width, 1)
    return network
