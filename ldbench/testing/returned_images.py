"""Whether what `generate` returned are images as the contract has them: type, shape and range, each for itself.

Looks at the raw return value, where a run stops at the first fault. Refuses to clip or reshape anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ldbench.api import Request
from ldbench.run.generate import ROUNDING_DUST
from ldbench.testing import contract
from ldbench.testing.finding import ClauseError, Finding, judge


def look(made: object, requests: Sequence[Request], image_shape: tuple[int, int, int]) -> list[Finding]:
    """The findings on dtype, shape and range; range only of a tensor."""
    findings = [
        judge(contract.DTYPE, lambda: _dtype(made)),
        judge(contract.SHAPE, lambda: _shape(made, (len(requests), *image_shape))),
    ]
    if isinstance(made, torch.Tensor):
        findings.append(judge(contract.RANGE, lambda: _range(made)))
    return findings


def _dtype(made: object) -> str:
    if not isinstance(made, torch.Tensor):
        raise ClauseError(type(made).__name__, "return a torch.Tensor")
    if made.dtype != torch.float32:
        raise ClauseError(f"{made.dtype}")
    return f"{made.dtype} on {made.device.type}"


def _shape(made: object, expected: tuple[int, ...]) -> str:
    shape = tuple(getattr(made, "shape", ()))
    if shape != expected:
        raise ClauseError(f"{shape} where {expected} was asked for")
    return f"{shape}"


def _range(made: torch.Tensor) -> str:
    if not made.numel():
        raise ClauseError("no pixels")
    values = made.detach().cpu()
    if not torch.isfinite(values).all():
        raise ClauseError("NaN or infinity", "look for a division by zero or an overflow")
    low, high = float(values.min()), float(values.max())
    if low < -ROUNDING_DUST or high > 1 + ROUNDING_DUST:
        raise ClauseError(f"{low:.4g} to {high:.4g}")
    return f"{low:.4g} to {high:.4g}"
