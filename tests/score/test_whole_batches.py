"""Steps on whole batches: where memory runs out, the numbers stay those of a device that has enough."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn

from ldbench.score.whole_batches import WholeBatches

BATCHES = torch.rand((4, 6, 3, 8, 8), generator=torch.Generator().manual_seed(0))
LINE = "training: out of memory with 6 at a time, goes on with what the backward pass needs on the host"


class TwoParts(nn.Module):
    """A network that hands `watch` what its first part makes of a batch, before its second part goes on with it."""

    def __init__(self, watch: Callable[[torch.Tensor], None]) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 1))
        self.watch = watch

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        activations = self.first(images)
        self.watch(activations)
        outputs: torch.Tensor = self.second(activations)
        return outputs


def trained(watch: Callable[[torch.Tensor], None] = lambda activations: None) -> list[torch.Tensor]:
    """Losses, weights and running statistics after a step on each batch."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = TwoParts(watch)
    optimiser = torch.optim.AdamW(network.parameters(), 0.01)
    steps = WholeBatches("training", network, optimiser, lambda images: network(images).square().mean())
    return [*(steps.step(batch) for batch in BATCHES), *network.state_dict().values()]


def out_of_memory(*_: object) -> None:
    raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


def asserted(*_: object) -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


@pytest.mark.parametrize("first", [1, 3])
@pytest.mark.parametrize("in_backward", [False, True])
def test_memory_that_runs_out_changes_no_number(
    in_backward: bool, first: int, kept_on_host: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    """From the step `first` on, a batch fits only while the host keeps what the backward pass needs."""
    attempts: list[bool] = []

    def watch(activations: torch.Tensor) -> None:
        attempts.append(bool(kept_on_host))
        if len(attempts) >= first and not kept_on_host:
            activations.register_hook(out_of_memory) if in_backward else out_of_memory()

    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        found = trained(watch)
    assert all(torch.equal(one, other) for one, other in zip(found, trained(), strict=True))
    assert attempts == [False] * first + [True] * (len(BATCHES) - first + 1)
    assert caplog.messages == [LINE]


def test_nothing_of_the_failed_attempt_is_held_in_the_next(kept_on_host: list[bool]) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def watch(activations: torch.Tensor) -> None:
        if not held:
            held.append(weakref.ref(activations))
            out_of_memory()
        assert held[0]() is None

    trained(watch)
    assert held


def test_where_the_host_does_not_help_the_devices_error_passes() -> None:
    attempts: list[int] = []

    def watch(activations: torch.Tensor) -> None:
        attempts.append(len(activations))
        out_of_memory()

    with pytest.raises(RuntimeError, match="ALLOC_FAILED"):
        trained(watch)
    assert attempts == [6, 6]


def test_an_error_that_is_not_about_memory_passes_at_once(kept_on_host: list[bool]) -> None:
    with pytest.raises(RuntimeError, match="device-side assert"):
        trained(asserted)
    assert kept_on_host == []
