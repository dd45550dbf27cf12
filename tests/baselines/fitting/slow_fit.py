"""A fit that takes its time, as a program, for a test that kills it: `python -m tests.baselines.fitting.slow_fit`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.fitting.fine_tuner import FineTuner

from tests.baselines.discs import Discs, context, quick


def fitted(backbone: Path, folder: Path, pause: float) -> FineTuner:
    """Twelve steps with a checkpoint every three, `pause` seconds a step."""

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        time.sleep(pause)

    generator = quick(BasicFT, steps=12, checkpoint_every=3)
    generator.fit(Discs(), context(folder, backbone, progress=progress))
    return generator


if __name__ == "__main__":
    fitted(Path(sys.argv[1]), Path(sys.argv[2]), pause=0.5)
