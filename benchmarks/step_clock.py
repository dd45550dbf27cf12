"""Run one side of a speed benchmark in this process; note when its optimiser steps ended and how much memory it took.

    python benchmarks/step_clock.py RECORD STEPS WARM_UP script PATH [ARGUMENT...]
    python benchmarks/step_clock.py RECORD STEPS WARM_UP fit TASK MODEL SIDE DEVICE BACKBONE FOLDER [KEY=VALUE...]
    python benchmarks/step_clock.py RECORD 0 0 imports

The instrument is torch's hook after every optimiser step, so both sides are measured by the same means and neither's
code is touched. Writes one JSON object to RECORD: seconds of the steps after the warm-up, on the wall and of processor
time, how many they were, the peak resident memory of the process (Linux's VmHWM) and, with CUDA, the peak of what
torch allocated, in all and in the steps after the warm-up. With CUDA the seconds are the device's own: an event is
recorded after every step, and nobody waits for it before the end.

Refuses a run that took another number of optimiser steps than it was asked for.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldbench._torchvision import declare_missing_ops

declare_missing_ops()

import torch  # noqa: E402 (what the peer script imports must find torchvision in order)
from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402


@dataclass
class StepClock:
    """When the optimiser steps of this process ended: seconds on the wall, and of the process on all its threads."""

    steps: int
    warm_up: int
    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    events: list[torch.cuda.Event] = field(default_factory=list)
    peak_before: int = 0  # allocated on the GPU before the steps that are timed
    step_peak: int = 0

    def __call__(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Note that a step has ended; the hook's signature is torch's."""
        if torch.cuda.is_available():
            self.events.append(torch.cuda.Event(enable_timing=True))
            self.events[-1].record()
            if len(self.events) == self.warm_up:
                self.peak_before = torch.cuda.max_memory_allocated()
                torch.cuda.reset_peak_memory_stats()
            if len(self.events) == self.steps:
                self.step_peak = torch.cuda.max_memory_allocated()
        self.times.append(time.perf_counter())
        self.processor.append(time.process_time())

    def record(self) -> dict[str, float]:
        """What the run took; SystemExit if it made another number of steps."""
        if len(self.times) != self.steps:
            raise SystemExit(f"expected {self.steps} optimiser steps, counted {len(self.times)}; count them otherwise")
        first, last = (self.warm_up - 1, self.steps - 1) if self.steps else (0, 0)
        on_gpu, seconds = torch.cuda.is_available(), self.times[last] - self.times[first] if self.steps else 0.0
        if self.events:
            torch.cuda.synchronize()
            seconds = self.events[first].elapsed_time(self.events[last]) / 1000
        return {
            "steps": last - first,
            "seconds": seconds,
            "processor_seconds": self.processor[last] - self.processor[first] if self.steps else 0.0,
            "memory": resident("VmHWM"),
            "gpu_memory": float(max(torch.cuda.max_memory_allocated(), self.peak_before)) if on_gpu else 0.0,
            "gpu_step_memory": float(self.step_peak),
        }


def resident(key: str) -> float:
    """Bytes of this process's memory by its name in /proc: VmHWM, the most it ever had, or VmRSS, what it has now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(float(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(key))


def run_script(path: str, *arguments: str) -> None:
    """Run a program as if it had been called by its name, with torchvision made importable beforehand."""
    sys.argv = [path, *arguments]
    sys.path.insert(0, str(Path(path).parent))
    runpy.run_path(path, run_name="__main__")


def run_fit(task: str, model: str, side: str, device: str, backbone: str, folder: str, *overrides: str) -> None:
    """Fit one of our generators on a task's training split, resized to `side` pixels, as `ldbench run` would."""
    from resized_set import ResizedSet

    from ldbench.api import Context
    from ldbench.data.task_data import task_data
    from ldbench.plugins.generators import load_generator
    from ldbench.plugins.parameters import build
    from ldbench.task import card

    size = int(side)
    train = ResizedSet(task_data(card.load(task), 0).train, size)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    context = Context(torch.device(device), 0, place, (3, size, size), backbone)
    build(load_generator(model), dict(pair.split("=", 1) for pair in overrides)).fit(train, context)


def run_imports() -> None:
    """Import what any program on Stable Diffusion imports, so that its memory can be told from the work's."""
    import diffusers
    import transformers

    for name in ("StableDiffusionPipeline", "DDPMScheduler"):
        getattr(diffusers, name)  # both packages import a class when it is asked for
    for name in ("CLIPTextModel", "CLIPTokenizer"):
        getattr(transformers, name)


def main(record: str, steps: str, warm_up: str, kind: str, *arguments: str) -> None:
    """Run the side and write its record."""
    kinds: dict[str, Callable[..., None]] = {"script": run_script, "fit": run_fit, "imports": run_imports}
    clock = StepClock(int(steps), int(warm_up))
    hook = register_optimizer_step_post_hook(clock)
    try:
        kinds[kind](*arguments)
    finally:
        hook.remove()
    Path(record).write_text(json.dumps(clock.record()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
