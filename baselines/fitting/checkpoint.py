"""What a fit keeps on disk: its state, and tensors that are expensive to make. Safetensors, written aside and renamed.

On a CPU, resuming gives bit for bit what not stopping gives; a GPU adds in any order. Of a fit that is done only what
it came to stays, a third or a quarter of what its next step would have needed. Refuses a checkpoint of other settings,
and keeps it. Weights that are not finite never replace good ones.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from ldbench.errors import GeneratorError

from ..backbone.content import CONTENT

STATE = "state.safetensors"
DONE = "done"  # in the metadata of a fit that came to its end
SECONDS_BETWEEN = 600.0  # of a fit on a GPU, where 100 steps take seconds and a checkpoint gigabytes


@dataclass
class CheckpointPace:
    """When a checkpoint is due: after a multiple of `every` steps, and not within `seconds` of the one before."""

    every: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    @classmethod
    def of(cls, every: int, on_gpu: bool) -> CheckpointPace:
        """By steps alone on a CPU; on a GPU about every ten minutes."""
        return cls(every, SECONDS_BETWEEN if on_gpu else 0.0)

    def due(self, steps: int) -> bool:
        """Whether one is due after so many steps; if so it is taken to be written now."""
        if steps % self.every or self.clock() - self._last < self.seconds:
            return False
        self._last = self.clock()
        return True


class Writer:
    """Does the writing: at once, or `in_background`, in a thread of its own, one file after the other.

    What went wrong there is raised by the next file's `write`, or on leaving the `with` block.
    """

    def __init__(self, *, in_background: bool) -> None:
        self._thread = ThreadPoolExecutor(1, "checkpoint") if in_background else None
        self._writing: Future[None] | None = None

    def write(self, tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
        """Write as `save_atomic` does; in the background from a copy on the host, so that training may go on."""
        if self._thread is None:
            save_atomic(tensors, path, metadata)
            return
        self._finish()
        # laid out on the device: safetensors takes no other layout, and a second copy on the host would be needed
        copies = {name: value.detach().contiguous().to("cpu", copy=True) for name, value in tensors.items()}
        self._writing = self._thread.submit(save_atomic, copies, path, metadata)

    def _finish(self) -> None:
        """Wait for the file that is being written."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        if kind is None:
            self._finish()


@dataclass(frozen=True)
class Checkpoint:
    """The state file in `folder`, the settings that it must have been made with, and what writes it."""

    folder: Path
    settings: Mapping[str, object]
    writer: Writer = field(default_factory=lambda: Writer(in_background=False))

    def save(
        self, parameters: Mapping[str, torch.Tensor], averaged: Mapping[str, torch.Tensor],
        optimiser: torch.optim.AdamW, scaler: torch.amp.GradScaler, step: int, *, last: bool = False,
    ) -> None:
        """Write the state after `step` steps; what stood there before stays until the new file is whole.

        After the `last` step the averages suffice, or the values where nothing is averaged. Raises `GeneratorError`
        where a weight is not finite: a gradient may be NaN where the loss is not.
        """
        largest = torch._foreach_norm([value.detach() for value in parameters.values()], math.inf)
        if not bool(torch.stack(list(largest)).isfinite().all()):
            raise GeneratorError(
                f"step {step}: weights became infinite or no numbers; lower learning_rate, or take precision bfloat16 "
                "or float32"
            )
        tensors = {f"averaged.{name}": value for name, value in averaged.items()}
        if not (last and averaged):
            tensors |= {f"trained.{name}": value for name, value in parameters.items()}
        if not last:
            for name, value in parameters.items():
                tensors |= {f"adam.{key}.{name}": part for key, part in optimiser.state[value].items()}
        metadata = {
            "step": str(step), "settings": json.dumps(self.settings, sort_keys=True),
            "scaler": json.dumps(scaler.state_dict()), **({DONE: "yes"} if last else {}),
        }
        self.writer.write(tensors, self.folder / STATE, metadata)

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
        tensors, done = load_file(path), DONE in metadata

        def stored(name: str) -> torch.Tensor:
            if name not in tensors:
                raise GeneratorError(f"{path}: expected {name} in the checkpoint; remove its folder to start anew")
            return tensors[name]

        with torch.no_grad():
            for name, value in parameters.items():
                if name in averaged:
                    averaged[name].copy_(stored(f"averaged.{name}"))
                if not (done and averaged):  # of such a fit the average is all there is
                    value.copy_(stored(f"trained.{name}"))
                if done:
                    continue
                # the fused kernel walks memory, so the moments need the parameter's own layout (channels-last, say)
                optimiser.state[value] = {
                    key: torch.empty_like(value).copy_(stored(f"adam.{key}.{name}"))
                    for key in ("exp_avg", "exp_avg_sq")
                }
                optimiser.state[value]["step"] = stored(f"adam.step.{name}").to(value.device)
        scaler.load_state_dict(json.loads(metadata["scaler"]))
        return int(metadata["step"])


def save_atomic(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write safetensors beside `path` and rename, once they are on the disk: a power cut leaves the old file or the
    new.

    A `GeneratorError` in one line where the disk refuses.
    """
    aside = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous().cpu() for name, value in tensors.items()}, aside, dict(metadata))
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
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
