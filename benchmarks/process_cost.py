"""What one run of a program costs: seconds of its training steps, of the whole process, and its peak memory.

Each run is a process of its own under `step_clock.py`. Refuses to go on when one fails: the end of what it printed is
the message. Linux only, because the peak is read from /proc.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

CLOCK = Path(__file__).with_name("step_clock.py")
SHOWN_LINES = 15


@dataclass(frozen=True)
class Cost:
    """Seconds a step (on the wall, or a GPU's own, and of processor time), seconds of the whole process, and peak
    bytes: resident, and allocated by torch on the GPU, in all and in the steps that are timed."""

    step: float
    processor: float
    whole: float
    memory: float
    gpu_memory: float
    gpu_step_memory: float


@dataclass(frozen=True)
class Machine:
    """Where the processes run: device, CPU threads, and a folder for what they write."""

    device: str
    threads: int
    scratch: Path

    def environment(self) -> dict[str, str]:
        """The environment of every process: offline, its caches in the scratch folder, the same threads."""
        threads = str(self.threads)
        chosen = {
            "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1", "HF_HOME": str(self.scratch / "hub"),
        }
        if self.device == "cpu":
            chosen |= {"ACCELERATE_USE_CPU": "1", "CUDA_VISIBLE_DEVICES": ""}
        return {**os.environ, **chosen}

    def __str__(self) -> str:
        cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
        name = cpu.partition(":")[2].strip() or platform.machine()
        load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
        return f"{name}, {os.cpu_count()} cores, {self.threads} threads a process, device {self.device}, load {load}"


def cost(machine: Machine, steps: int, warm_up: int, command: Sequence[str], folder: Path) -> Cost:
    """Run `command` under the clock; SystemExit with what it printed last if it fails."""
    folder.mkdir(parents=True)
    record, log = folder / "record.json", folder / "log.txt"
    start = time.perf_counter()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, str(CLOCK), str(record), str(steps), str(warm_up), *command],
            env=machine.environment(), cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=False,
        )
    whole = time.perf_counter() - start
    if done.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-SHOWN_LINES:])
        raise SystemExit(f"{' '.join(command[:3])} ended with code {done.returncode}; it said last:\n{tail}")
    found = json.loads(record.read_text(encoding="utf-8"))
    count = max(found["steps"], 1)
    return Cost(
        found["seconds"] / count, found["processor_seconds"] / count, whole, found["memory"], found["gpu_memory"],
        found["gpu_step_memory"],
    )


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(*(statistics.median(column) for column in zip(*map(astuple, costs), strict=True)))
