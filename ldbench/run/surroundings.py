"""The process that a run is done in, where it is the caller's own: a training script's, or a notebook's.

A run finds torch's settings as a new process has them, but for the number of threads, and leaves the caller's as they
were, whatever its generator does to them. What a generator leaves in files and variables of its own is not looked at.
"""
# ruff: noqa: NPY002 - the legacy global state is the very thing that is put back here

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldbench.run.process_settings import settings_kept
from ldbench.score.arithmetic import arithmetic_of_torch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class _Setting:
    """One of torch's settings: how it is read and set, and what a new process has."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    own: object


@contextmanager
def caller_kept(device: torch.device) -> Iterator[None]:
    """Put random states, flags of torch and what `settings_kept` keeps back as they were, whatever happens inside.

    Inside, all but random states and threads is as in a new process: gradients are recorded, nothing is autocast, new
    tensors are float32 and on the CPU, and kernels and TF32 are torch's own choice.
    """
    import torch

    with (
        settings_kept(), states_kept(device), _flags_kept(), arithmetic_of_torch(), _on_cpu_by_default(),
        torch.inference_mode(False), torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False),
    ):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        yield


@contextmanager
def _flags_kept() -> Iterator[None]:
    """The flags are as in a new process, until the block sets them otherwise, and as they were after it."""
    settings = _flags()
    before = [setting.read() for setting in settings]
    try:
        for setting in settings:
            setting.write(setting.own)
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.write(value)


def _flags() -> list[_Setting]:
    """What decides which kernels run, and what a training checks."""
    import torch

    backends: Any = torch.backends
    flags = [
        (backends.cudnn, "enabled", True), (backends.cudnn, "benchmark", False),
        (backends.cudnn, "deterministic", False), (backends.mkldnn, "enabled", True),
    ]
    return [
        _Setting(_determinism, _determine, (False, False)),
        _Setting(_checks, lambda asked: torch.autograd.set_detect_anomaly(*asked), (False, True)),
        *(_flag(*flag) for flag in flags),
    ]


def _flag(holder: Any, name: str, own: bool) -> _Setting:
    return _Setting(lambda: getattr(holder, name), lambda value: setattr(holder, name, value), own)


def _determinism() -> tuple[bool, bool]:
    import torch

    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _determine(asked: tuple[bool, bool]) -> None:
    import torch

    if asked != _determinism():  # setting it imports torch's compiler, for a second
        torch.use_deterministic_algorithms(asked[0], warn_only=asked[1])


def _checks() -> tuple[bool, bool]:
    """Whether a backward pass looks for its faults, and for NaN."""
    import torch

    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


@contextmanager
def _on_cpu_by_default() -> Iterator[None]:
    """New tensors are on the CPU, until the block sets another default; after it the default of before holds.

    Torch says which default holds, not whether it was set or is that of a `with torch.device(...)` block. A default
    that was set around such a block is not known, and is the CPU after it.
    """
    import torch

    cpu, before = torch.device("cpu"), torch.get_default_device()
    torch.set_default_device(None)
    of_block = torch.get_default_device() != cpu
    if of_block:  # set, not entered: torch forgets the outer of two blocks when a default is set in the inner one
        torch.set_default_device(cpu)
    try:
        yield
    finally:
        torch.set_default_device(None if of_block or before == cpu else before)


@contextmanager
def states_kept(device: torch.device) -> Iterator[None]:
    """Put the global random states of Python, numpy and torch back as they were: on the CPU, and on all CUDA devices if
    this device is one of them or CUDA is in use, since `torch.manual_seed` seeds all."""
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    in_use = device.type == "cuda" or torch.cuda.is_initialized()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if in_use else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
