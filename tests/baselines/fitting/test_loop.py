"""The training loop on a toy: what it learns, and that neither a kill nor a cut of the batch changes it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.loop import Columns, TrainingSettings, learning_rate_at, step_generator, train
from safetensors import safe_open
from safetensors.torch import load_file

from ldbench.api import silent
from ldbench.errors import GeneratorError

SETTINGS = TrainingSettings(
    steps=30, batch_size=8, learning_rate=0.05, seed=3, warmup_steps=5, ema_decay=0.9, checkpoint_every=10
)
SLOPE = torch.tensor([1.0, -2.0, 0.5])


@dataclass(frozen=True)
class Points(Columns):
    """`(B, 3)` and `(B,)`."""

    inputs: torch.Tensor
    weight: torch.Tensor


@dataclass
class Line:
    """Squared errors of a line through noisy points; `stop_after` calls of `loss` comes the next one's `failure`."""

    slope: torch.nn.Parameter
    batch_size: int
    fail_when: Callable[[int, Points], BaseException | None] = lambda call, batch: None
    scale: float = 1.0
    calls: int = 0
    sizes: list[int] = field(default_factory=list)

    def draw(self, source: torch.Generator) -> Points:
        inputs = torch.randn(self.batch_size, 3, generator=source)
        return Points(inputs, torch.rand(self.batch_size, generator=source))

    def loss(self, batch: Points) -> torch.Tensor:
        self.calls += 1
        failure = self.fail_when(self.calls, batch)
        if failure is not None:
            raise failure
        self.sizes.append(len(batch.inputs))
        errors = batch.inputs.to(self.slope.dtype) @ self.slope - batch.inputs @ SLOPE
        return self.scale * (batch.weight * errors.square()).sum()


def stop_after(calls: int) -> Callable[[int, Points], BaseException | None]:
    """A kill in the call that follows so many."""
    return lambda call, batch: KeyboardInterrupt() if call > calls else None


def fit(folder: Path, settings: TrainingSettings = SETTINGS, **objective: Any) -> torch.Tensor:
    """The slope that is learnt."""
    slope = torch.nn.Parameter(torch.zeros(3))
    line = Line(slope, settings.batch_size, **objective)
    train({"slope": slope}, line, settings, folder, {"drift": 0.1}, silent)
    return slope.detach().clone()


def first_gradient(folder: Path) -> torch.Tensor:
    """The gradient of the first step, from Adam's first moment, which is a tenth of it after one step."""
    return load_file(folder / STATE)["adam.exp_avg.slope"] / (1 - 0.9)


def test_it_learns(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=300, weight_decay=0.0)
    torch.testing.assert_close(fit(tmp_path, settings), SLOPE, atol=0.05, rtol=0)


@pytest.mark.parametrize("micro_batch_size", [0, 3])
@pytest.mark.parametrize("stops", [(7,), (10,), (25,), (12, 11)])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_for_bit(
    stops: tuple[int, ...], micro_batch_size: int, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, micro_batch_size=micro_batch_size)
    calls = -(-8 // (micro_batch_size or 8))  # in the middle of a batch where it is cut
    whole = fit(tmp_path / "whole", settings)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "cut", settings, fail_when=stop_after(stop * calls + calls // 2))
    assert torch.equal(fit(tmp_path / "cut", settings), whole)
    assert torch.equal(fit(tmp_path / "cut", settings, fail_when=stop_after(0)), whole)  # finished: only loaded


def test_without_averaging_it_resumes_too_and_keeps_no_average(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, ema_decay=0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", settings, fail_when=stop_after(25))
    assert torch.equal(fit(tmp_path / "cut", settings), fit(tmp_path / "whole", settings))
    assert not [name for name in load_file(tmp_path / "cut" / STATE) if name.startswith("averaged.")]


@pytest.mark.parametrize(("decay", "kind"), [(0.0, "trained"), (SETTINGS.ema_decay, "averaged")])
def test_of_a_fit_that_is_done_only_what_it_came_to_stays(decay: float, kind: str, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, ema_decay=decay)
    slope = fit(tmp_path, settings)
    kept = load_file(tmp_path / STATE)
    assert kept.keys() == {f"{kind}.slope"}
    assert torch.equal(kept[f"{kind}.slope"], slope)


@pytest.mark.usefixtures("moments_kept")
def test_a_fit_that_left_its_whole_state_is_only_loaded_too(tmp_path: Path) -> None:
    whole = fit(tmp_path)
    assert "adam.exp_avg.slope" in load_file(tmp_path / STATE)
    assert torch.equal(fit(tmp_path, fail_when=stop_after(0)), whole)


def test_moments_are_restored_in_the_layout_of_their_parameter(tmp_path: Path) -> None:
    """The fused optimiser would mix up elements of differently laid out tensors without a word."""

    @dataclass
    class Kernel(Line):
        def draw(self, source: torch.Generator) -> Points:
            return Points(torch.rand(self.batch_size, 4, 3, 3, 3, generator=source), torch.ones(self.batch_size))

        def loss(self, batch: Points) -> torch.Tensor:
            self.calls += 1
            if self.calls > 13:
                raise KeyboardInterrupt
            return ((self.slope - torch.arange(108.0).view(4, 3, 3, 3) / 108) * batch.inputs).square().sum()

    def fit_kernel(folder: Path, first_call: int) -> torch.Tensor:
        kernel = torch.nn.Parameter(torch.zeros(4, 3, 3, 3).to(memory_format=torch.channels_last))
        train({"kernel": kernel}, Kernel(kernel, 2, calls=first_call), SETTINGS, folder, {}, silent)
        return kernel.detach().clone()

    with pytest.raises(KeyboardInterrupt):
        fit_kernel(tmp_path / "cut", 0)
    assert torch.equal(fit_kernel(tmp_path / "cut", -1000), fit_kernel(tmp_path / "whole", -1000))


@pytest.mark.parametrize(("key", "now"), [("learning_rate", 0.1), ("seed", 4), ("ema_decay", 0.5), ("batch_size", 7)])
def test_a_checkpoint_of_other_settings_is_refused_by_name_and_kept(key: str, now: float, tmp_path: Path) -> None:
    fit(tmp_path)
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(GeneratorError, match=rf"other settings \({key}: .*, now {now}\); remove its folder") as caught:
        fit(tmp_path, dataclasses.replace(SETTINGS, **{key: now}))
    assert "\n" not in str(caught.value)
    assert (tmp_path / STATE).read_bytes() == before


def test_a_checkpoint_of_another_fingerprint_is_refused(tmp_path: Path) -> None:
    fit(tmp_path)
    slope = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(GeneratorError, match=r"other settings \(drift: 0\.1, now 0\.2\)"):
        train({"slope": slope}, Line(slope, 8), SETTINGS, tmp_path, {"drift": 0.2}, silent)


def test_how_often_and_in_which_pieces_may_change_between_interruptions(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", fail_when=stop_after(25))
    other = dataclasses.replace(SETTINGS, checkpoint_every=7, micro_batch_size=3)
    torch.testing.assert_close(fit(tmp_path / "cut", other), fit(tmp_path / "whole"))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_one_line(value: float, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=rf"step 1: the loss is {value}; lower learning_rate") as caught:
        fit(tmp_path, scale=value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / STATE).exists()


@dataclass
class Kink(Line):
    """A line whose gradient is no number in the 15th call, though its loss is one: the slope of a root at zero."""

    def loss(self, batch: Points) -> torch.Tensor:
        loss = super().loss(batch)
        return loss + (0 * self.slope).sum().sqrt() if self.calls == 15 else loss


@pytest.mark.parametrize("masters", [False, True])
@pytest.mark.parametrize("checkpoint_every", [1, 10, 15])
def test_weights_that_are_no_numbers_never_take_the_place_of_good_ones(
    checkpoint_every: int, masters: bool, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=20, checkpoint_every=checkpoint_every, masters=masters)
    slope = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(GeneratorError, match=r"step 1[56]: (weights became|the loss is nan)") as caught:
        train({"slope": slope}, Kink(slope, 8), settings, tmp_path, {}, silent)
    assert "\n" not in str(caught.value)
    kept = load_file(tmp_path / STATE) if checkpoint_every < 15 else {}
    assert all(value.isfinite().all() for value in kept.values())
    assert (tmp_path / STATE).exists() == (checkpoint_every < 15)


@pytest.mark.usefixtures("moments_kept")
@pytest.mark.parametrize("micro_batch_size", [0, 1, 3, 8, 100])
def test_any_micro_batch_gives_the_gradient_of_the_mean_over_the_whole_batch(
    micro_batch_size: int, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1, micro_batch_size=micro_batch_size)
    fit(tmp_path, settings, scale=0.01)  # small enough that nothing is clipped
    slope = torch.zeros(3, requires_grad=True)
    batch = Line(slope, 8).draw(step_generator(settings.seed, 0))  # type: ignore[arg-type]
    (0.01 * (batch.weight * (batch.inputs @ (slope - SLOPE)).square()).mean()).backward()
    assert slope.grad is not None
    assert slope.grad.norm() < 1
    torch.testing.assert_close(first_gradient(tmp_path), slope.grad)


@pytest.mark.usefixtures("moments_kept")
def test_a_large_gradient_is_clipped_to_norm_one(tmp_path: Path) -> None:
    fit(tmp_path, dataclasses.replace(SETTINGS, steps=1), scale=100.0)
    assert float(first_gradient(tmp_path).norm()) == pytest.approx(1, abs=1e-4)


def test_a_fit_that_was_killed_goes_on_with_fewer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", fail_when=stop_after(12))
    sizes: list[int] = []

    def noted(call: int, batch: Points) -> None:
        sizes.append(len(batch.inputs))

    monkeypatch.setenv("LDBENCH_IMAGES_AT_ONCE", "3")
    gone_on = fit(tmp_path / "cut", fail_when=noted)
    assert sizes == [3, 3, 2] * 20  # from the checkpoint of step 10
    monkeypatch.delenv("LDBENCH_IMAGES_AT_ONCE")
    torch.testing.assert_close(gone_on, fit(tmp_path / "whole"), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("fits", "halved"), [(7, 4), (4, 4), (3, 2), (1, 1)])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("told to"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")])
def test_memory_that_runs_out_is_answered_by_halving(
    error: RuntimeError, fits: int, halved: int, tmp_path: Path
) -> None:
    def too_much(call: int, batch: Points) -> BaseException | None:
        return error if len(batch.inputs) > fits else None

    small = dataclasses.replace(SETTINGS, micro_batch_size=halved)
    assert torch.equal(fit(tmp_path / "halved", fail_when=too_much), fit(tmp_path / "small", small))


def test_what_was_differentiated_before_memory_ran_out_does_not_count_twice(tmp_path: Path) -> None:
    """In pieces of 4 and 4 the second one fails once; the step is done again in pieces of 2."""

    def second_fails(call: int, batch: Points) -> BaseException | None:
        return torch.OutOfMemoryError("told to") if call == 2 else None

    settings = dataclasses.replace(SETTINGS, micro_batch_size=4)
    small = dataclasses.replace(SETTINGS, micro_batch_size=2)
    assert torch.equal(fit(tmp_path / "halved", settings, fail_when=second_fails), fit(tmp_path / "small", small))


def test_another_error_ends_the_training(tmp_path: Path) -> None:
    calls: list[int] = []

    def fails(call: int, batch: Points) -> BaseException | None:
        calls.append(call)
        return RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        fit(tmp_path, fail_when=fails)
    assert len(calls) == 1


def test_no_memory_for_one_image_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="out of memory with one image at a time; set gradient_check") as caught:
        fit(tmp_path, fail_when=lambda call, batch: torch.OutOfMemoryError("told\nto"))
    assert "\n" not in str(caught.value)


def test_bfloat16_stays_close_and_trains_float32_values(tmp_path: Path) -> None:
    half = fit(tmp_path / "half", dataclasses.replace(SETTINGS, precision="bfloat16"))
    assert half.dtype == torch.float32
    assert not torch.equal(half, fit(tmp_path / "whole"))
    torch.testing.assert_close(half, fit(tmp_path / "whole"), atol=0.03, rtol=0)


def test_float16_keeps_its_scale_in_the_checkpoint_and_resumes(tmp_path: Path) -> None:
    """Gradients beyond 65504 overflow at the first scales: steps are left out and the scale falls, before the stop."""
    settings = dataclasses.replace(SETTINGS, precision="float16", checkpoint_every=5)
    whole = fit(tmp_path / "whole", settings, scale=100.0)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", settings, scale=100.0, fail_when=stop_after(7))
    with safe_open(tmp_path / "cut" / STATE, framework="pt") as file:
        scaler = json.loads(file.metadata()["scaler"])
    assert scaler["scale"] < 65536 / 2
    assert torch.equal(fit(tmp_path / "cut", settings, scale=100.0), whole)
    assert whole.isfinite().all()
    assert bool(whole.any())


def test_the_rate_warms_up_and_decays_to_nothing() -> None:
    rates = [learning_rate_at(step, SETTINGS) for step in range(SETTINGS.steps)]
    assert rates[:5] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[5:]))
    assert 0 < rates[-1] < 0.001


def test_progress_tells_every_step_and_its_loss(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    slope = torch.nn.Parameter(torch.zeros(3))
    train({"slope": slope}, Line(slope, 8), SETTINGS, tmp_path, {}, lambda *line: told.append(line))  # type: ignore[arg-type]
    assert [line[:3] for line in told] == [("fit", step + 1, 30) for step in range(30)]
    first = Line(torch.nn.Parameter(torch.zeros(3)), 8)
    expected = float(first.loss(first.draw(step_generator(3, 0))).detach()) / 8
    assert told[0][3] == f"loss {expected:.4f}"
