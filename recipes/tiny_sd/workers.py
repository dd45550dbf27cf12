"""Two processes of one thread each that train one network: they average gradients after every step.

Two such processes do nearly twice the work of one, where two threads inside the small convolutions do not.
Refuses networks between machines: the processes meet through a file and talk over the loopback device.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.multiprocessing
from torch import distributed, nn

Task = Callable[[int, int], None]


def run_workers(task: Task, count: int, folder: Path) -> None:
    """Call `task(rank, count)` in `count` processes (in this one when `count` is 1) and wait for all."""
    if count == 1:
        task(0, 1)
        return
    meeting = folder / "meeting"
    meeting.unlink(missing_ok=True)
    torch.multiprocessing.spawn(_join, args=(task, count, str(meeting)), nprocs=count)
    meeting.unlink(missing_ok=True)


def average_gradients(parameters: Iterable[nn.Parameter], count: int) -> None:
    """Replace every gradient by its mean over the processes."""
    if count == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= count
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def _join(rank: int, task: Task, count: int, meeting: str) -> None:
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    task(rank, count)
    distributed.destroy_process_group()
