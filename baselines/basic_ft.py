"""Basic fine-tuning: the U-Net is trained on the task's scans and prompts, everything else stays frozen.

The paper's "Basic FT" (Rombach et al. 2022, Table 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .fitting.fine_tuner import FineTuner, Rates


@dataclass
class BasicFT(FineTuner):
    """Basic fine-tuning: the whole U-Net is trained on the task's scans and prompts."""

    name: ClassVar[str] = "basic-ft"
    rates: ClassVar[Rates] = Rates(1e-5, 1e-3)

    steps: int = 800
    batch_size: int = 8
    ema_decay: float = 0.99
