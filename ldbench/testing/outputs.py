"""What comes out of a generator: images as the contract has them, and what it offers besides.

Images are looked at as `generate` returned them: type, shape and range, each for itself, where a run stops at the first
fault. Needs, latents and a trajectory are looked at where a generator has them: nothing but analyses and dry runs asks
for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ldbench.api import HasFiles, HasLatents, HasNeeds, HasResolved, HasTrajectory, Moment, Needs, Request
from ldbench.data.pixel_range import range_fault
from ldbench.run.generate import what_to_return
from ldbench.testing import contract
from ldbench.testing.finding import ClauseError, Finding, judge
from ldbench.testing.trial import Fitted, Trial

NONE = "not offered"
_NUMBERS = ("fit_flops", "image_flops", "disk_bytes", "device_bytes", "example_bytes")


def look_at_images(returned: object, requests: Sequence[Request], image_shape: tuple[int, int, int]) -> list[Finding]:
    """The findings on dtype, shape and range; range only of a tensor."""
    findings = [
        judge(contract.DTYPE, lambda: _dtype(returned)),
        judge(contract.SHAPE, lambda: _shape(returned, (len(requests), *image_shape))),
    ]
    if isinstance(returned, torch.Tensor):
        findings.append(judge(contract.RANGE, lambda: _range(returned)))
    return findings


def _dtype(returned: object) -> str:
    if not isinstance(returned, torch.Tensor):
        raise ClauseError(*what_to_return(returned))
    if returned.dtype != torch.float32:
        raise ClauseError(f"{returned.dtype}")
    return f"{returned.dtype} on {returned.device.type}"


def _shape(returned: object, expected: tuple[int, ...]) -> str:
    shape = tuple(getattr(returned, "shape", ()))
    if shape != expected:
        raise ClauseError(f"{shape} where {expected} was asked for")
    return f"{shape}"


def _range(returned: torch.Tensor) -> str:
    if not returned.numel():
        raise ClauseError("no pixels")
    values = returned.detach().cpu()
    if fault := range_fault(torch.atleast_1d(values), lambda index: f"at index {index}"):
        raise ClauseError(*fault)
    return f"{float(values.min()):.4g} to {float(values.max()):.4g}"


def look_at_optional(trial: Trial, fitted: Fitted) -> list[Finding]:
    """The findings on each optional protocol."""
    return [
        judge(contract.NEEDS, lambda: _needs(trial)), judge(contract.LATENTS, lambda: _latents(trial, fitted)),
        judge(contract.TRAJECTORY, lambda: _trajectory(trial, fitted)), judge(contract.READS, lambda: _reads(trial)),
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
    _nothing_written(asked)
    missing = f"missing: {'; '.join(needs.missing)}" if needs.missing else "nothing missing"
    return f"{missing}; {needs.image_flops:.2g} operations an image, {needs.device_bytes / 2**20:.0f} MiB on the device"


def _reads(trial: Trial) -> str:
    asked = trial.fresh("files")
    if not isinstance(asked.generator, HasFiles | HasResolved):
        return NONE
    read = asked.generator.files(asked.context) if isinstance(asked.generator, HasFiles) else {}
    files = {what: dict(by_name) for what, by_name in read.items()}
    absent = [f"{what}: {name}" for what, paths in files.items() for name, path in paths.items() if not path.is_file()]
    if absent:
        raise ClauseError(f"no file {', '.join(absent[:5])}")
    settled = asked.generator.resolved(asked.context) if isinstance(asked.generator, HasResolved) else {}
    if odd := [name for name, value in settled.items() if not isinstance(value, str)]:
        raise ClauseError(f"resolved {', '.join(odd)}: no text")
    _nothing_written(asked)
    seen = [f"{what}: {len(by_name)} files" for what, by_name in files.items()]
    return "; ".join([*seen, *(f"{name} comes to {value}" for name, value in settled.items())]) or "none"


def _nothing_written(asked: Fitted) -> None:
    written = sorted(path.name for path in asked.context.folder.iterdir())
    if written:
        raise ClauseError(f"{', '.join(written[:5])} written")


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
