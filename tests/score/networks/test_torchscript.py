"""A traced network is in full float32, whatever the program that traced it allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench.score.networks.torchscript import without_tf32

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


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
    before = str(scripted.graph)
    assert str(without_tf32(scripted).graph) == before
