"""What the two training stages share: the learning-rate curve, the running average of weights, checkpoints.

Refuses to own a loop: each stage has its own, and hands over its modules to be saved as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn


def cosine_rate(step: int, steps: int, peak: float, warmup: int = 200, floor: float = 0.01) -> float:
    """Learning rate at `step`: a linear warm-up, then half a cosine from `peak` to `floor * peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return peak * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def average_into(average: nn.Module, module: nn.Module, step: int, decay: float) -> None:
    """Exponential moving average of weights; early on the decay is smaller, (1 + step) / (10 + step)."""
    weight = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    kept, fresh = list(average.parameters()), [p.detach() for p in module.parameters()]
    torch._foreach_lerp_(kept, fresh, weight)


def save_checkpoint(path: Path, step: int, parts: Mapping[str, Any]) -> None:
    """Save `step` and the state of each part, atomically."""
    aside = path.with_suffix(".new")
    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, aside)
    aside.replace(path)


def load_checkpoint(path: Path, parts: Mapping[str, Any]) -> int:
    """Load each part's state and return the step to go on from; 0 when there is no checkpoint."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def steps_done(path: Path) -> int:
    """The step that a checkpoint would go on from; 0 when there is none."""
    return load_checkpoint(path, {})
