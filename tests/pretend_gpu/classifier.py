"""The classifier on the pretended device, in a process of its own: `python -m tests.pretend_gpu.classifier GUARD`.

It is trained with plenty of memory, then with seven tenths of what that took. Prints a line of JSON for each:
its peak in bytes, and what was logged of the memory.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from tests.pretend_gpu import guard

SIDE, COUNT = 256, 16
SHARE = 0.7


def main(library: str) -> None:
    """Measure both."""
    guard.load(Path(library))
    from tests.pretend_gpu.device import MEMORY, install

    install()
    plenty = measured(MEMORY)
    print(json.dumps(plenty))
    print(json.dumps(measured(int(SHARE * plenty["peak"]))))


def measured(memory: int) -> dict[str, Any]:
    """What a device of so many bytes was asked."""
    import torch

    from ldbench.score.metrics.classifier import train_classifier
    from ldbench.task.metric_specs import ClassifierSpec
    from tests.pretend_gpu.device import DEVICE, Meter

    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("ldbench.memory")
    logger.addHandler(handler)
    images, labels = torch.full((COUNT, 3, SIDE, SIDE), 0.5), torch.arange(COUNT) % 2
    recipe = ClassifierSpec(2, COUNT, 1e-3)
    with Meter(memory) as meter:
        train_classifier(images, labels, classes=2, recipe=recipe, seed=0, device=DEVICE)
    logger.removeHandler(handler)
    return {"peak": meter.peak, "lines": lines}


if __name__ == "__main__":
    main(*sys.argv[1:])
