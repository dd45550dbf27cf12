"""Other answers to what drift answers, as rows of their own: basic fine-tuning with each of them and no drift.

The common cause is that Stable Diffusion's last step still holds a_T = 0.068 of the signal, so z_T ~ N(0, I) is not
what the network was trained on (Lin et al. 2023, arXiv 2305.08891).
"""

from __future__ import annotations

from dataclasses import dataclass

from .basic_ft import BasicFT
from .drift import Delta


@dataclass
class OffsetNoise(BasicFT):
    """Trained with noise of a random mean an image and channel (Guttenberg, CrossLabs 2023, with its 0.1)."""

    offset_noise: float = 0.1


@dataclass
class ZeroTerminalSNR(BasicFT):
    """Trained and sampled on the schedule without signal at its end, predicting the velocity (Lin et al. 2023)."""

    zero_terminal_snr: bool = True


@dataclass
class SignalLeak(BasicFT):
    """Trained as ever, sampled from the mean that the training images' z_T has (Everaert et al., WACV 2024)."""

    delta_sample: Delta | None = "signal-leak"
