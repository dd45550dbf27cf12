"""The loop that fine-tuners share: seeded draws, AdamW, checkpoints, resumption with the same result.

Each step's randomness comes from (seed, step) alone, so a run resumed from a checkpoint draws what the
uninterrupted one would have drawn. State is safetensors and JSON, written aside and renamed. Refuses a checkpoint
of other settings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ldbench.api import Progress
from ldbench.errors import GeneratorError

STATE = "state.safetensors"


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast: `steps` optimiser steps of `batch_size` images, linear warm-up, cosine decay to zero."""

    steps: int
    batch_size: int
    learning_rate: float
    seed: int
    warmup_steps: int = 20
    weight_decay: float = 1e-2
    ema_decay: float = 0.0
    checkpoint_every: int = 100


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of all randomness of one training step, on the CPU so that every device draws the same."""
    return torch.Generator("cpu").manual_seed((seed * 1_000_003 + step) % 2**63)


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def train(
    parameters: Mapping[str, torch.nn.Parameter],
    loss_of_step: Callable[[torch.Generator], torch.Tensor],
    settings: TrainingSettings,
    folder: Path,
    fingerprint: Mapping[str, object],
    progress: Progress,
) -> None:
    """Optimise `parameters` in place; afterwards they hold the trained (or averaged, with EMA) values.

    `loss_of_step` draws its batch, timesteps and noise from the generator it is given. `fingerprint` is what a
    checkpoint must have been made with to be continued.
    """
    averaged = {name: value.detach().clone() for name, value in parameters.items()}
    optimiser = torch.optim.AdamW(
        parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )  # fused: 5 ms a step less on two CPU threads and 4.8 M parameters
    expected = {**asdict(settings), **fingerprint}
    first = _resume(parameters, averaged, optimiser, folder, expected)
    for step in range(first, settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(step, settings)
        loss = loss_of_step(step_generator(settings.seed, step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        _average(averaged, parameters, settings, step)
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            _save(parameters, averaged, optimiser, folder, step + 1, expected)
        progress("fit", step + 1, settings.steps, f"loss {loss.item():.4f}")
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(averaged[name])


@torch.no_grad()
def _average(
    averaged: Mapping[str, torch.Tensor], parameters: Mapping[str, torch.Tensor], settings: TrainingSettings, step: int
) -> None:
    """Exponential moving average with the start-up correction min(decay, (1 + step) / (10 + step))."""
    decay = min(settings.ema_decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(averaged.values()), list(parameters.values()), 1 - decay)


def _save(
    parameters: Mapping[str, torch.Tensor], averaged: Mapping[str, torch.Tensor], optimiser: torch.optim.AdamW,
    folder: Path, step: int, expected: Mapping[str, object],
) -> None:
    tensors = {f"averaged.{name}": value for name, value in averaged.items()}
    for name, value in parameters.items():
        tensors[f"trained.{name}"] = value.detach()
        tensors |= {f"adam.{key}.{name}": part for key, part in optimiser.state[value].items()}
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{STATE}"
    metadata = {"step": str(step), "settings": json.dumps(expected, sort_keys=True)}
    try:
        save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, aside, metadata)
        aside.replace(folder / STATE)
    except OSError as error:
        aside.unlink(missing_ok=True)
        reason = error.strerror or error
        raise GeneratorError(f"can't write the checkpoint {folder / STATE}: {reason}; free space") from error


def _resume(
    parameters: Mapping[str, torch.nn.Parameter], averaged: dict[str, torch.Tensor], optimiser: torch.optim.AdamW,
    folder: Path, expected: Mapping[str, object],
) -> int:
    """Load the checkpoint, if there is one, and say which step comes next."""
    path = folder / STATE
    if not path.exists():
        return 0
    metadata = _metadata(path)
    if json.loads(metadata["settings"]) != json.loads(json.dumps(expected)):
        raise GeneratorError(f"{path}: the checkpoint was made with other settings; remove its folder to start anew")
    tensors = load_file(path)
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(tensors[f"trained.{name}"])
            averaged[name].copy_(tensors[f"averaged.{name}"])
            # the fused kernel walks memory, so the moments need the parameter's own layout (channels-last, say)
            optimiser.state[value] = {
                key: torch.empty_like(value).copy_(tensors[f"adam.{key}.{name}"]) for key in ("exp_avg", "exp_avg_sq")
            }
            optimiser.state[value]["step"] = tensors[f"adam.step.{name}"].to(value.device)
    return int(metadata["step"])


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        found: dict[str, str] = file.metadata() or {}
    return found
