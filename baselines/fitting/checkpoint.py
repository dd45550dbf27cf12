"""What a fit keeps on disk: its state, and tensors that are dear to make. Safetensors, written aside and renamed.

Resuming gives bit for bit what not stopping gives. Refuses a checkpoint of other settings, and keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from ldbench.errors import GeneratorError

from ..backbone.content import CONTENT

STATE = "state.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The state file in `folder`, and the settings that it must have been made with."""

    folder: Path
    settings: Mapping[str, object]

    def save(
        self, parameters: Mapping[str, torch.Tensor], averaged: Mapping[str, torch.Tensor],
        optimiser: torch.optim.AdamW, scaler: torch.amp.GradScaler, step: int,
    ) -> None:
        """Write the state after `step` steps; what stood there before stays until the new file is whole."""
        tensors = {f"averaged.{name}": value for name, value in averaged.items()}
        for name, value in parameters.items():
            tensors[f"trained.{name}"] = value
            tensors |= {f"adam.{key}.{name}": part for key, part in optimiser.state[value].items()}
        metadata = {
            "step": str(step), "settings": json.dumps(self.settings, sort_keys=True),
            "scaler": json.dumps(scaler.state_dict()),
        }
        save_atomic(tensors, self.folder / STATE, metadata)

    def resume(
        self, parameters: Mapping[str, torch.nn.Parameter], averaged: Mapping[str, torch.Tensor],
        optimiser: torch.optim.AdamW, scaler: torch.amp.GradScaler,
    ) -> int:
        """Load the state into what is given, if there is one, and say which step comes next."""
        path = self.folder / STATE
        if not path.exists():
            return 0
        metadata = read_metadata(path)
        if not {"step", "settings", "scaler"} <= metadata.keys():
            raise GeneratorError(f"{path}: expected a training checkpoint, got other tensors; remove it to start anew")
        made_with, now = json.loads(metadata["settings"]), json.loads(json.dumps(self.settings))
        for key in sorted(made_with.keys() | now.keys()):
            if key == CONTENT and key not in made_with:  # of a version that noted the backbone's name alone
                continue
            if made_with.get(key) != now.get(key):
                raise GeneratorError(
                    f"{path}: the checkpoint was made with other settings ({key}: {made_with.get(key)!r}, now "
                    f"{now.get(key)!r}); remove its folder to start anew"
                )
        tensors = load_file(path)
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(tensors[f"trained.{name}"])
                if name in averaged:
                    averaged[name].copy_(tensors[f"averaged.{name}"])
                # the fused kernel walks memory, so the moments need the parameter's own layout (channels-last, say)
                optimiser.state[value] = {
                    key: torch.empty_like(value).copy_(tensors[f"adam.{key}.{name}"])
                    for key in ("exp_avg", "exp_avg_sq")
                }
                optimiser.state[value]["step"] = tensors[f"adam.step.{name}"].to(value.device)
        scaler.load_state_dict(json.loads(metadata["scaler"]))
        return int(metadata["step"])


def save_atomic(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write safetensors beside `path` and rename; a `GeneratorError` in one line where the disk refuses."""
    aside = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous().cpu() for name, value in tensors.items()}, aside, dict(metadata))
        aside.replace(path)
    except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
        with suppress(OSError):
            aside.unlink()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise GeneratorError(f"can't write {path}: {reason}; free space or choose another folder") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The header's texts; a `GeneratorError` for a file that is no safetensors."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise GeneratorError(f"{path}: expected safetensors, got {error}; remove its folder to start anew") from error


def kept(path: Path, made_of: str, name: str, make: Callable[[], torch.Tensor], *, write: bool) -> torch.Tensor:
    """The tensor `name` that an earlier call left at `path` from the same `made_of`; else `make()`, left there where
    this process is the one to `write`."""
    if path.exists() and read_metadata(path).get("made_of") == made_of:
        return load_file(path)[name]
    tensor = make()
    if write:
        save_atomic({name: tensor}, path, {"made_of": made_of})
    return tensor
