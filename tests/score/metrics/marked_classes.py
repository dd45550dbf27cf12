"""Images whose class a bright square tells, for the tests of classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ldbench.score.metrics import classifier

SIZE = 32


def marked(seed: int, n: int, classes: int = 2, strength: float = 0.6) -> tuple[torch.Tensor, list[str]]:
    """Noise with a bright square whose place tells the class."""
    random = torch.Generator().manual_seed(seed)
    images = torch.rand((n, 3, SIZE, SIZE), generator=random) * 0.4
    labels = [index % classes for index in range(n)]
    for image, label in zip(images, labels, strict=True):
        image[:, 10:20, 2 + 9 * label : 11 + 9 * label] += strength
    return images.clamp(0, 1), [f"class {label}" for label in labels]


def names(classes: int) -> list[str]:
    return [f"class {label}" for label in range(classes)]


def watch_stage(monkeypatch: pytest.MonkeyPatch, watch: Callable[[torch.nn.Module, torch.Tensor], None]) -> None:
    """Every network's third stage is watched: it tells of the network, and of what it is given."""
    real = classifier.resnet18

    def watched(*arguments: Any) -> torch.nn.Module:
        network = real(*arguments)
        network.get_submodule("layer3").register_forward_pre_hook(lambda _, given: watch(network, given[0]))
        return network

    monkeypatch.setattr(classifier, "resnet18", watched)
