"""The training loop: resuming gives what not stopping gives, and a foreign checkpoint is refused."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ldbench_baselines.training import TrainingSettings, learning_rate_at, train

from ldbench.api import silent
from ldbench.errors import GeneratorError

SETTINGS = TrainingSettings(
    steps=30, batch_size=4, learning_rate=0.05, seed=3, warmup_steps=5, ema_decay=0.9, checkpoint_every=10
)


Loss = Callable[[torch.Generator], torch.Tensor]


def stopping(loss: Loss, after: int | None) -> Loss:
    """The loss, interrupted as by a kill in the call that follows `after` others."""
    calls = 0

    def counted(source: torch.Generator) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if after is not None and calls > after:
            raise KeyboardInterrupt
        return loss(source)

    return counted


def fit(folder: Path, settings: TrainingSettings = SETTINGS, stop_after: int | None = None) -> torch.Tensor:
    """Fit a line to noisy points; `stop_after` raises in the step of that number, as a kill would."""
    weight = torch.nn.Parameter(torch.zeros(3))

    def loss(source: torch.Generator) -> torch.Tensor:
        inputs = torch.randn(settings.batch_size, 3, generator=source)
        return (inputs @ weight - inputs @ torch.tensor([1.0, -2.0, 0.5])).square().mean()

    train({"weight": weight}, stopping(loss, stop_after), settings, folder, {"drift": 0.1}, silent)
    return weight.detach().clone()


def test_the_loop_learns(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=300, weight_decay=0.0)
    torch.testing.assert_close(fit(tmp_path, settings), torch.tensor([1.0, -2.0, 0.5]), atol=0.05, rtol=0)


@pytest.mark.parametrize("stops", [(7,), (10,), (25,), (12, 11)])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_for_bit(stops: tuple[int, ...], tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole")
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "cut", stop_after=stop)
    assert torch.equal(fit(tmp_path / "cut"), whole)
    assert torch.equal(fit(tmp_path / "cut"), whole)  # finished: loaded, not trained again


def test_moments_are_restored_in_the_layout_of_their_parameter(tmp_path: Path) -> None:
    """The fused optimiser would mix up elements of differently laid out tensors without a word."""

    def fit_kernel(folder: Path, stop_after: int | None = None) -> torch.Tensor:
        kernel = torch.nn.Parameter(torch.zeros(4, 3, 3, 3).to(memory_format=torch.channels_last))
        wanted = torch.arange(108.0).view(4, 3, 3, 3) / 108

        def loss(source: torch.Generator) -> torch.Tensor:
            return ((kernel - wanted) * torch.rand(4, 3, 3, 3, generator=source)).square().sum()

        train({"kernel": kernel}, stopping(loss, stop_after), SETTINGS, folder, {}, silent)
        return kernel.detach().clone()

    with pytest.raises(KeyboardInterrupt):
        fit_kernel(tmp_path / "cut", stop_after=13)
    assert torch.equal(fit_kernel(tmp_path / "cut"), fit_kernel(tmp_path / "whole"))


def test_a_checkpoint_of_other_settings_is_refused_and_kept(tmp_path: Path) -> None:
    fit(tmp_path)
    before = (tmp_path / "state.safetensors").read_bytes()
    with pytest.raises(GeneratorError, match="made with other settings"):
        fit(tmp_path, dataclasses.replace(SETTINGS, learning_rate=0.1))
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_the_rate_warms_up_and_decays_to_nothing() -> None:
    rates = [learning_rate_at(step, SETTINGS) for step in range(SETTINGS.steps)]
    assert rates[:5] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[5:]))
    assert 0 < rates[-1] < 0.001
