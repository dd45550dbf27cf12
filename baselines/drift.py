"""Latent Drifting (Yeganeh et al., CVPR 2025): a shift delta of the noise (kind `noise`) or of every reverse step.

Sign convention: delta is added, in training to the noise and so to the target, in sampling to z_T or to z_s.

`noise`, the reading of "LD is added to the target z_T of the forward process as well as the reverse processes"
(Sec. 3.3) under which training and sampling agree: with a_t = sqrt(abar_t) and b_t = sqrt(1 - abar_t) the forward
process is z_t = a_t z_0 + b_t (eps + delta), the network predicts eps + delta, and z_T ~ N(delta, I).

`step`, Eq. 4 to the letter: delta is added to the mean of every reverse step and z_T ~ N(0, I). What it does grows
with the number of steps (about N delta on the mean of unit-variance data), so 0.1 a step at 50 steps destroys the
image and useful values lie near 0.1 / N; `delta_total` is divided by the steps. Eq. 4 is about the reverse process
alone and the training text names the target, so the kind changes nothing in training: that always shifts the noise.

`signal-leak` is no drift of training but the start that training implies (Everaert et al., WACV 2024,
arXiv 2309.15842): z_T still holds a_T of the signal, whose mean N(0, I) lacks.

Nothing here knows a network or a scheduler; baselines/diffusion/sampling.py does the adding.
Shapes: B images, C latent channels, h and w latent pixels. A `Shift` is one number, or one a channel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from ldbench.errors import UsageError

DriftKind = Literal["noise", "step"]
Where = Literal["train", "sample", "both"]
Delta = float | str
Shift = tuple[float, ...]

SIGNAL_LEAK: Literal["signal-leak"] = "signal-leak"
NONE: Shift = (0.0,)


@dataclass(frozen=True)
class Drift:
    """A shift of the noise's mean; `train` is learnt with, `sample` is generated with, `leak` is added to z_T alone.

    Zero is no drift, to the bit. A network that is trained and sampled with the same shift can learn it away, so the
    two are separate: zero-shot rows drift in sampling alone. A plain number stands for the same on every channel.
    """

    train: Shift
    sample: Shift
    kind: DriftKind
    leak: Shift

    def __init__(
        self, train: Shift | float = NONE, sample: Shift | float = NONE, kind: DriftKind = "noise",
        leak: Shift | float = NONE,
    ) -> None:
        object.__setattr__(self, "kind", kind)
        for name, shift in (("train", train), ("sample", sample), ("leak", leak)):
            object.__setattr__(self, name, shift if isinstance(shift, tuple) else (float(shift),))
        if kind == "step" and any(self.leak):
            raise UsageError("drift: signal-leak is a start of z_T, and kind 'step' has none; take kind 'noise'")

    def training_noise(self, eps_BChw: torch.Tensor) -> torch.Tensor:
        """The noise that is mixed in and predicted: eps + delta. Both uses matter: with eps alone as the target
        the sampled mean of a Gaussian was 0.68 where the truth was 0.50 (DDIM, 50 steps, delta 0.1)."""
        return shifted(eps_BChw, self.train)

    def start_shift(self) -> Shift:
        """The mean of z_T at unit scale: delta + leak, or 0 for kind `step`."""
        return self.leak if self.kind == "step" else _sum(self.sample, self.leak)

    def step_shift(self, abar_next: float, variance: float) -> Shift:
        """What is added to z_s after one reverse step that ends at abar_s = `abar_next` and injected `variance`."""
        return self.sample if self.kind == "step" else self.ancestral_shift(abar_next, variance)

    def ancestral_shift(self, abar_next: float, variance: float) -> Shift:
        """What one ancestral step (DDPM, DDIM with eta > 0) must add to keep its mean on the drifted forward path.

        The step keeps the share sqrt(b_s^2 - var) of the noise in z_t, whose mean is delta, and draws the rest anew
        with mean 0, where s is the next timestep: so delta (b_s - sqrt(b_s^2 - var)) is missing. Zero for a step
        that injects nothing. The signal leak has no part in it: it is signal, which the step carries over itself.
        """
        b_squared = 1.0 - abar_next
        missing = math.sqrt(b_squared) - math.sqrt(max(b_squared - variance, 0.0))
        return tuple(delta * missing for delta in self.sample)


def shifted(z_BChw: torch.Tensor, shift: Shift, scale: float = 1.0) -> torch.Tensor:
    """`z + scale * shift`, channel by channel; `z` itself where the shift is zero."""
    if not any(shift):
        return z_BChw
    return z_BChw + z_BChw.new_tensor([scale * delta for delta in shift]).view(1, -1, 1, 1)


def signal_leak(mean_latent_C: torch.Tensor, abar_T: float) -> Shift:
    """The mean `a_T * mean(z)` that the signal gives z_T, per channel, from the mean `(C,)` of the training latents.

    `abar_T` is the schedule's alphas_cumprod where *sampling* starts (`schedulers.start_abar`), which is not the
    last training timestep for every sampler. Everaert et al., WACV 2024, arXiv 2309.15842.
    """
    return tuple(math.sqrt(abar_T) * float(mean) for mean in mean_latent_C)


def parse_delta(value: Delta, channels: int, name: str) -> Shift | Literal["signal-leak"]:
    """A delta as the user writes it: 0.1, "0.1", one a latent channel ("0.1,0,-0.1,0.2"), or "signal-leak".

    UsageError, with `name` in front, for another number of values and for what is not a finite number.
    """
    if value == SIGNAL_LEAK:
        return SIGNAL_LEAK
    parts = value.split(",") if isinstance(value, str) else [value]
    try:
        numbers = tuple(float(part) for part in parts)
    except (ValueError, TypeError):
        numbers = ()
    if not numbers or isinstance(value, bool) or not all(map(math.isfinite, numbers)):
        raise UsageError(
            f"{name}: expected a finite number, {channels} of them with commas between, or {SIGNAL_LEAK}, got {value!r}"
        )
    if len(numbers) not in (1, channels):
        got = f"{len(numbers)}: {value!r}"
        raise UsageError(f"{name}: expected one number or {channels}, one a latent channel, got {got}")
    return numbers


def make_drift(
    *, delta: Delta, delta_sample: Delta | None, delta_total: float | None, kind: DriftKind, where: Where,
    channels: int, steps: int, leak: Callable[[], Shift],
) -> Drift:
    """The drift that a generator's parameters describe, checked.

    `delta` is trained with and, unless `delta_sample` says otherwise, sampled with; `where` zeroes the other side.
    `delta_total`, for kind `step` alone, is divided by the `steps` of sampling and replaces `delta_sample`. Asked
    for "signal-leak", sampling starts from the mean that the trained z_T has: `leak()`, which is called then only,
    beside the shift that was trained; in training "signal-leak" is no shift, as a network learns a shift of its
    noise away and the leak would stay.
    """
    _check_total(delta_total, delta_sample, kind)
    _check_side(delta_total, delta_sample, where)
    trained = parse_delta(delta, channels, "delta")
    sampled = trained if delta_sample is None else parse_delta(delta_sample, channels, "delta_sample")
    if trained == SIGNAL_LEAK and where == "train":
        raise UsageError("delta: signal-leak is where sampling starts; expected drift_where sample or both, got train")
    train = NONE if where == "sample" or trained == SIGNAL_LEAK else trained
    if where == "train":
        return Drift(train, NONE, kind)
    if delta_total is not None:
        return Drift(train, (delta_total / steps,), kind)
    if sampled == SIGNAL_LEAK:
        if kind == "step":
            raise UsageError("delta: signal-leak is a start of z_T, and drift 'step' has none; take drift 'noise'")
        return Drift(train, train, kind, leak())
    return Drift(train, sampled, kind)


def _check_total(delta_total: float | None, delta_sample: Delta | None, kind: DriftKind) -> None:
    if delta_total is None:
        return
    if kind != "step":
        raise UsageError(f"delta_total: a total is shared out over the steps; expected drift 'step', got {kind!r}")
    if delta_sample is not None:
        raise UsageError("delta_total: expected it or delta_sample, got both; leave one out")
    if isinstance(delta_total, bool) or not math.isfinite(delta_total):
        raise UsageError(f"delta_total: expected a finite number, got {delta_total!r}")


def _check_side(delta_total: float | None, delta_sample: Delta | None, where: Where) -> None:
    """A drift of sampling beside `where` train would be left out without a word."""
    for name, value in (("delta_total", delta_total), ("delta_sample", delta_sample)):
        if where == "train" and value is not None:
            raise UsageError(f"{name}: expected none beside drift_where train, got {value!r}; take drift_where both")


def _sum(left: Shift, right: Shift) -> Shift:
    width = max(len(left), len(right))
    broadcast = (shift * width if len(shift) == 1 else shift for shift in (left, right))
    return tuple(x + y for x, y in zip(*broadcast, strict=True))
