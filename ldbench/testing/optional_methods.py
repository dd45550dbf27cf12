"""What a generator offers besides images: needs, latents and a trajectory, where it has them.

A generator that lacks one passes: nothing asks for them but analyses and dry runs. Refuses to compare their numbers.
"""

from __future__ import annotations

import math

import torch

from ldbench.api import HasLatents, HasNeeds, HasTrajectory, Moment, Needs
from ldbench.testing import contract
from ldbench.testing.finding import ClauseError, Finding, judge
from ldbench.testing.trial import Fitted, Trial

NONE = "not offered"
_NUMBERS = ("fit_flops", "image_flops", "disk_bytes", "device_bytes")


def look(trial: Trial, fitted: Fitted) -> list[Finding]:
    """The findings on each optional protocol."""
    return [
        judge(contract.NEEDS, lambda: _needs(trial)), judge(contract.LATENTS, lambda: _latents(trial, fitted)),
        judge(contract.TRAJECTORY, lambda: _trajectory(trial, fitted)),
    ]


def _needs(trial: Trial) -> str:
    asked = trial.fresh("needs")
    if not isinstance(asked.generator, HasNeeds):
        return NONE
    needs = asked.generator.needs(asked.context)
    if not isinstance(needs, Needs):
        raise ClauseError(f"{type(needs).__name__}")
    wrong = [name for name in _NUMBERS if not (math.isfinite(getattr(needs, name)) and getattr(needs, name) >= 0)]
    if wrong:
        raise ClauseError(", ".join(f"{name} {getattr(needs, name)}" for name in wrong))
    written = sorted(path.name for path in asked.context.folder.iterdir())
    if written:
        raise ClauseError(f"{', '.join(written[:5])} written")
    missing = f"missing: {'; '.join(needs.missing)}" if needs.missing else "nothing missing"
    return f"{missing}; {needs.image_flops:.2g} operations an image, {needs.device_bytes / 2**20:.0f} MiB on the device"


def _latents(trial: Trial, fitted: Fitted) -> str:
    if not isinstance(fitted.generator, HasLatents):
        return NONE
    images = torch.stack([trial.task.train[index].image for index in range(2)]).to(trial.device)
    latents = fitted.generator.encode(images, fitted.context)
    if latents.dtype != torch.float32 or latents.ndim != 4 or len(latents) != len(images):
        raise ClauseError(f"{latents.dtype} of shape {tuple(latents.shape)} of {len(images)} images")
    if not torch.isfinite(latents).all():
        raise ClauseError("NaN or infinity")
    return f"{tuple(latents.shape)} of {len(images)} images"


def _trajectory(trial: Trial, fitted: Fitted) -> str:
    if not isinstance(fitted.generator, HasTrajectory):
        return NONE
    requests = trial.requests()[:2]
    moments = list(fitted.generator.trajectory(requests, fitted.context))
    if not moments:
        raise ClauseError("no moments")
    for moment in moments:
        _check_moment(moment, (len(requests), *fitted.context.image_shape))
    steps = [moment.step for moment in moments]
    if steps != sorted(set(steps)) or steps[-1] != moments[-1].steps - 1:
        raise ClauseError(f"steps {steps} of {moments[-1].steps}")
    return f"{len(moments)} moments of {moments[-1].steps} steps"


def _check_moment(moment: Moment, shape: tuple[int, ...]) -> None:
    images = moment.images
    if tuple(images.shape) != shape or images.dtype != torch.float32:
        raise ClauseError(f"step {moment.step}: images of shape {tuple(images.shape)}, {images.dtype}, not {shape}")
    if not torch.isfinite(images).all() or float(images.min()) < 0 or float(images.max()) > 1:
        raise ClauseError(f"step {moment.step}: images outside [0, 1]")
