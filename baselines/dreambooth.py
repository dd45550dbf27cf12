"""DreamBooth: the U-Net learns what a rare word stands for, and keeps what it knew of the class.

Ruiz et al. 2023 (arXiv 2208.12242); the paper's Table 1. The rare word stands before each prompt, in training and in
generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .fitting.fine_tuner import Rates
from .fitting.prior import PreservesPrior


@dataclass
class DreamBooth(PreservesPrior):
    """DreamBooth: the whole U-Net learns what `rare_word` stands for, and keeps its prior."""

    name: ClassVar[str] = "dreambooth"
    rates: ClassVar[Rates] = Rates(5e-6, 1e-3)
    fewest_images: ClassVar[int] = 3

    steps: int = 250
    batch_size: int = 8
    ema_decay: float = 0.99
    rare_word: str = "sks"

    def _prompt(self, prompt: str) -> str:
        return f"{self.rare_word} {prompt}"
