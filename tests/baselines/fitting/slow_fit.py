"""A fit that takes its time, for a test that kills the process which does it."""

from __future__ import annotations

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

