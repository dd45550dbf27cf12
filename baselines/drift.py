"""Latent Drifting (Yeganeh et al., CVPR 2025), kind `noise`: the noise of the diffusion is N(delta, I).

Sign convention: delta is added, in training to the noise and so to the target, in sampling to z_T. With
a_t = sqrt(abar_t) and b_t = sqrt(1 - abar_t) the forward process is z_t = a_t z_0 + b_t (eps + delta), which is the
reading of "LD is added to the target z_T of the forward process as well as the reverse processes" (Sec. 3.3)
under which training and sampling agree. Eq. 4 to the letter adds delta at every reverse step, N times; that
is another method (kind `step`) and not here.

Shapes: B images, C latent channels, h and w latent pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Drift:
    """A shift of the noise's mean; `train` is learnt with, `sample` is generated with.

    Zero is no drift. A network that is trained and sampled with the same shift can learn it away, so the two
    are separate: zero-shot rows drift in sampling alone.
    """

    train: float = 0.0
    sample: float = 0.0

    def training_noise(self, eps_BChw: torch.Tensor) -> torch.Tensor:
        """The noise that is mixed in and predicted: eps + delta. Both uses matter: with eps alone as the target
        the sampled mean of a Gaussian toy was 0.693 where the truth was 0.500."""
        return eps_BChw + self.train

    def start(self, eps_BChw: torch.Tensor) -> torch.Tensor:
        """z_T ~ N(delta, I) from standard normal noise; all that a deterministic sampler needs."""
        return eps_BChw + self.sample

    def ancestral_shift(self, abar_next: float, variance: float) -> float:
        """What one ancestral step (DDPM, DDIM with eta > 0) must add to keep its mean on the drifted forward path.

        The step keeps the share sqrt(b_s^2 - var) of the noise in z_t, whose mean is delta, and draws the rest anew
        with mean 0, where s is the next timestep: so delta (b_s - sqrt(b_s^2 - var)) is missing.
        """
        b_squared = 1.0 - abar_next
        kept = math.sqrt(max(b_squared - variance, 0.0))
        return self.sample * (math.sqrt(b_squared) - kept)
