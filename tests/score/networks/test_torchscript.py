"""A traced network is in full float32, whatever the program that traced it allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ldbench.score.networks.torchscript import read_as_published, without_tf32
from tests.stand_ins.networks import torchscript

pytestmark = torchscript


class Outer(torch.nn.Module):
    """Scripted around a trace, as the published Inception-v3 may be."""

    def __init__(self, layers: torch.nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features."""
        features: torch.Tensor = self.layers(x)
        return features


@pytest.fixture
def file(tmp_path: Path) -> Path:
    block = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 2, 1))
    layers = torch.nn.Sequential(block, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    path = tmp_path / "network.pt"
    torch.jit.save(torch.jit.script(Outer(torch.jit.trace(layers.eval(), torch.zeros(1, 3, 8, 8)))), path)
    return path


def allowed(graph: torch._C.Graph) -> list[object]:
    """What each convolution is told of TF32."""
    return [list(node.inputs())[-1].toIValue() for node in graph.findAllNodes("aten::_convolution")]


def test_what_runs_has_no_tf32_and_gives_the_same(file: Path) -> None:
    images = torch.rand(2, 3, 8, 8)
    as_saved, changed = torch.jit.load(file).eval(), without_tf32(torch.jit.load(file).eval())
    assert allowed(as_saved.inlined_graph) == [True, True]
    assert allowed(changed.inlined_graph) == [False, False]
    assert torch.equal(changed(images), as_saved(images))


def test_a_scripted_convolution_asks_the_program_and_is_left_alone() -> None:
    scripted = torch.jit.script(torch.nn.Conv2d(3, 4, 3))
    images = torch.rand(2, 3, 8, 8)
    expected = scripted(images)
    assert torch.equal(without_tf32(scripted)(images), expected)
    assert allowed(scripted.inlined_graph) == []
    assert "aten::conv2d" in str(scripted.inlined_graph)


class Listed(torch.nn.Module):
    """With a part that has no forward of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Conv2d(3, 3, 1), torch.nn.Conv2d(3, 2, 1)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features."""
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


class Around(torch.nn.Module):
    """A script that calls a traced function."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features."""
        return TRACED(x, self.weight).mean((2, 3))


with read_as_published():
    TRACED = torch.jit.trace(torch.nn.functional.conv2d, (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 1, 1)))


@pytest.mark.parametrize(
    ("make", "convolutions"),
    [
        (lambda: torch.jit.trace(Listed(), torch.zeros(1, 3, 4, 4)), 2),
        (lambda: torch.jit.trace_module(Listed(), {"forward": torch.zeros(1, 3, 4, 4)}), 2),
        (lambda: torch.jit.script(Around()), 1),
    ],
    ids=["a list of modules", "a traced method", "a traced function"],
)
def test_whatever_was_traced_is_found(make: Callable[[], Any], convolutions: int, tmp_path: Path) -> None:
    torch.jit.save(make(), tmp_path / "n.pt")
    images = torch.rand(2, 3, 4, 4)
    as_saved, changed = (torch.jit.load(tmp_path / "n.pt") for _ in range(2))
    assert torch.equal(without_tf32(changed)(images), as_saved(images))
    assert allowed(changed.inlined_graph) == [False] * convolutions
