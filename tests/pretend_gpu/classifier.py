"""The classifier on the pretended device, in a process of its own.

    python -m tests.pretend_gpu.classifier GUARD SIDE IMAGES SHARE

It is trained for two steps of so many images with plenty of memory, then with a share of what that took. Prints a line
of JSON for each: its peak in bytes, what was logged of the memory, and the settings that it was trained under, and
those after it, that say whether sums have one order.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from tests.pretend_gpu import guard


def main(library: str, side: str, count: str, share: str) -> None:
    """Measure both."""
    guard.load(Path(library))
    from tests.pretend_gpu.device import MEMORY, install

    install()
    plenty = measured(MEMORY, int(side), int(count))
    print(json.dumps(plenty))
    print(json.dumps(measured(int(float(share) * plenty["peak"]), int(side), int(count))))


def measured(memory: int, side: int, count: int) -> dict[str, Any]:
    """What a device of so many bytes was asked."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from ldbench.score.metrics.classifier import train_classifier
    from ldbench.task.metric_specs import ClassifierSpec
    from tests.pretend_gpu.device import DEVICE, Meter

    lines: list[str] = []
    trained_under: list[list[Any]] = []
    hook = register_optimizer_step_post_hook(lambda *_: trained_under.append(settings()))
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("ldbench.memory")
    logger.addHandler(handler)
    images, labels = torch.full((count, 3, side, side), 0.5), torch.arange(count) % 2
    recipe = ClassifierSpec(2, count, 1e-3)
    with Meter(memory) as meter:
        train_classifier(images, labels, classes=2, recipe=recipe, seed=0, device=DEVICE)
    logger.removeHandler(handler)
    hook.remove()
    return {"peak": meter.peak, "lines": lines, "trained_under": trained_under, "afterwards": settings()}


def settings() -> list[Any]:
    """Whether torch's algorithms are deterministic, cuDNN chooses by timing, and new tensors are filled."""
    import torch

    memory: Any = torch.utils.deterministic
    return [
        torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, memory.fill_uninitialized_memory,
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
    from tests.pretend_gpu.device import leave

    leave()
