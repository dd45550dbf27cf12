"""What the two training stages share: the learning-rate curve, the running average of weights, checkpoints.

Each stage has its own loop, and hands over its modules to be saved as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn


def cosine_share(step: int, steps: int, warmup: int = 200, floor: float = 0.01) -> float:
    """Share of the peak rate at `step`: a linear warm-up, then half a cosine from 1 to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def trapezoid_share(step: int, steps: int, decay_steps: int, warmup: int = 200) -> float:
    """Share of the peak rate at `step`: a linear warm-up, constant, then a line to 0 over the last `decay_steps`."""
    return min((step + 1) / warmup, 1.0, (steps - step) / (decay_steps + 1))


def set_rates(optimizers: Iterable[torch.optim.Optimizer], share: float) -> None:
    """Give every parameter group `share` of its peak rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = share * group["peak"]


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
