"""The process that a run is done in, where it is the caller's own: a training script's, or a notebook's.

A run finds torch as a new process would, and leaves the caller's settings as they were, whatever its generator does to
them. What a generator leaves in files and variables of its own is not looked at.
"""
# ruff: noqa: NPY002 - the legacy global state is the very thing that is put back here

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ldbench.score.arithmetic import arithmetic_kept

if TYPE_CHECKING:
    import torch


@contextmanager
def caller_kept(device: torch.device) -> Iterator[None]:
    """Put random states, threads and flags of torch back as they were, whatever happens inside the block.

    Inside, gradients are recorded, nothing is autocast and new tensors are float32, whatever mode the caller is in.
    """
    import torch

    dtype, threads, benchmark = torch.get_default_dtype(), torch.get_num_threads(), torch.backends.cudnn.benchmark
    strict = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    graph, cudnn = torch.is_grad_enabled(), torch.backends.cudnn.deterministic
    try:
        torch.set_default_dtype(torch.float32)
        with (
            states_kept(device), arithmetic_kept(), torch.inference_mode(False), torch.enable_grad(),
            torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(graph)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict[0], warn_only=strict[1])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = benchmark, cudnn


@contextmanager
def states_kept(device: torch.device) -> Iterator[None]:
    """Put the global random states of Python, numpy and torch, on the CPU and on this device, back as they were."""
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
