"""One generator under one setting, followed through its reverse process: numbers of every step, some moments.

Pictures and histograms are kept of some steps, numbers of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ldbench.api import HasTrajectory, Moment, Request
from ldbench.errors import GeneratorError
from ldbench.run.generate import blamed
from ldbench.studies.parameters.workbench import Workbench

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SHOWN_STEPS = 6


@dataclass(frozen=True)
class Trajectory:
    """One setting: how it is called, statistics of every step, and the moments to show."""

    label: str
    steps: tuple[dict[str, object], ...]
    pictured: tuple[Moment, ...]


def follow(bench: Workbench, label: str, extra: dict[str, str], requests: list[Request]) -> Trajectory:
    """One batch followed under a setting; GeneratorError for a step that breaks `ldbench.api.Moment`."""
    generator, context = bench.fitted(extra)
    assert isinstance(generator, HasTrajectory)
    name = type(generator).__name__
    steps: list[dict[str, object]] = []
    pictured: list[Moment] = []
    with blamed(f"{name}: trajectory", generator):
        for moment in generator.trajectory(requests, context):
            checked = _checked(moment, name, len(requests), context.image_shape)
            steps.append(_statistics(checked))
            if len(steps) - 1 in _shown(checked.steps):
                pictured.append(checked)
            bench.settings.progress(f"trajectory {label}", len(steps), max(checked.steps, len(steps)))
    if not pictured:
        raise GeneratorError(f"{name}: expected a moment a step from trajectory, got none")
    return Trajectory(label, tuple(steps), tuple(pictured))


def _checked(moment: Moment, name: str, count: int, image_shape: tuple[int, int, int]) -> Moment:
    """The moment on the CPU in float32, or a GeneratorError."""
    latents, images = moment.latents.detach().cpu().float(), moment.images.detach().cpu().float()
    if tuple(images.shape) != (count, *image_shape) or latents.ndim != 4 or len(latents) != count:
        raise GeneratorError(
            f"{name}: trajectory step {moment.step}: expected images {(count, *image_shape)} and latents (N, C, h, w), "
            f"got {tuple(images.shape)} and {tuple(latents.shape)}"
        )
    if not torch.isfinite(latents).all() or not torch.isfinite(images).all():
        raise GeneratorError(f"{name}: trajectory step {moment.step}: expected finite numbers, got NaN or infinity")
    return Moment(moment.step, moment.steps, moment.timestep, latents, images.clamp(0, 1))


def _shown(steps: int) -> set[int]:
    """Indices of the steps to show, evenly spread, the first and the last among them."""
    return set(np.linspace(0, max(steps - 1, 0), min(SHOWN_STEPS, max(steps, 1))).round().astype(int).tolist())


def _statistics(moment: Moment) -> dict[str, object]:
    return {
        "step": moment.step, "timestep": moment.timestep,
        "image_channels": _channels(moment.images), "latent_channels": _channels(moment.latents),
    }


def _channels(values_nchw: torch.Tensor) -> list[dict[str, object]]:
    """Mean, standard deviation and quantiles of each channel over images and places."""
    rows: list[dict[str, object]] = []
    for channel in values_nchw.transpose(0, 1).flatten(1).double().numpy():
        quantiles = np.quantile(channel, QUANTILES)
        rows.append({
            "mean": round(float(channel.mean()), 6), "sd": round(float(channel.std()), 6),
            "quantiles": {f"{q:g}": round(float(value), 6) for q, value in zip(QUANTILES, quantiles, strict=True)},
        })
    return rows
