"""DDIM inversion: from an image's latent to the noise that deterministic sampling would make it from.

A DDIM step from z_t to z_s, s the next timestep (Song et al. 2021, arXiv 2010.02502, Eq. 12 with sigma 0), is

    z_s = a_s (z_t - b_t eps) / a_t + b_s eps,    eps = eps(z_t, t, text)

Solved for z_t it is the same line with s and t exchanged, but for eps, which needs the z_t that is looked for:
inversion takes eps(z_s, t) for it (Parmar et al. 2023, arXiv 2302.03027, Sec. 3.1), so the way back misses the image by
what eps changes over a step.

So found, the noise is not white, which makes editing worse; `Whitening` pushes each predicted eps towards N(0, I).

Drift: a network that was trained with noise N(delta, I) is inverted to noise N(delta, I) without anything being added,
so under kind `noise` only delta_sample - delta_train is (`drifted`), and a signal leak is not, as inverted latents
hold their own signal. Under kind `step` sampling adds a shift after each step, so inversion takes it off before each:
with a Gaussian of unit variance, 50 steps and 0.1 a step the way back is then off by 0.024 in the mean, by 0.027 when
it is taken off after each, and by 9.8 when it is added, as sampling does.

Refuses stochastic paths, which have no inverse. Shapes: B images, C latent channels, h and w latent pixels, S levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F

from ldbench.api import Request
from ldbench.errors import UsageError

from ..diffusion.sampling import Predict
from ..diffusion.schedulers import ReversePath
from ..drift import Drift, shifted

Regularise = Callable[[torch.Tensor], torch.Tensor]
_COARSEST = 8
_ROLL_DRAWS = 0x2E6D5A71C


def invert(
    predict: Predict, z_0: torch.Tensor, path: ReversePath, drift: Drift, regularise: Regularise | None = None
) -> torch.Tensor:
    """z_T `(B, C, h, w)` from which the deterministic `path` leads back to about z_0, the drift's steps included.

    `regularise` is applied to each step's eps without the shift that it was trained with.
    """
    if path.eta or path.exploding or any(len(calls) != 1 for calls in path.calls):
        raise UsageError("inversion: expected the deterministic sampler ddim")
    z, trained = z_0, drift.train
    for step in reversed(range(len(path.calls))):
        abar_t, abar_s = path.abar[step], path.abar[step + 1]
        z = shifted(z, drift.step_shift(abar_s, path.variance(step)), -1.0)
        eps = noise_of(predict(z, path.calls[step][0]), z, path.prediction_type, abar_t, abar_s)
        if regularise is not None:
            eps = shifted(regularise(shifted(eps, trained, -1.0)), trained)
        z = math.sqrt(abar_t / abar_s) * (z - math.sqrt(1 - abar_s) * eps) + math.sqrt(1 - abar_t) * eps
    return z


def drifted(z_T: torch.Tensor, drift: Drift) -> torch.Tensor:
    """Inverted latents where sampling with the drift starts: delta_sample - delta_train on, for kind `noise`."""
    if drift.kind == "step" or drift.sample == drift.train:
        return z_T
    return shifted(shifted(z_T, drift.sample), drift.train, -1.0)


def noise_of(
    prediction: torch.Tensor, z_s: torch.Tensor, prediction_type: str, abar_t: float, abar_s: float
) -> torch.Tensor:
    """The eps that a prediction at z_s and t amounts to.

    For a velocity v = a_t eps - b_t z_0 a DDIM step is a turn by the angle d between the two noise levels,
    z_s = cos(d) z_t - sin(d) v (Salimans and Ho 2022, App. D), so z_t = (z_s + sin(d) v) / cos(d) and
    eps = a_t v + b_t z_t.
    """
    if prediction_type == "epsilon":
        return prediction
    a_t, b_t, a_s, b_s = math.sqrt(abar_t), math.sqrt(1 - abar_t), math.sqrt(abar_s), math.sqrt(1 - abar_s)
    sine, cosine = b_t * a_s - a_t * b_s, a_t * a_s + b_t * b_s
    return a_t * prediction + b_t * (z_s + sine * prediction) / cosine


@dataclass(frozen=True)
class Whitening:
    """Gradient steps that make noise whiter (Parmar et al. 2023, Sec. 3.1, and their code for what it leaves open).

    `steps` times: `rolls` steps of weight / rolls down L_pair, each for other random offsets, and one step of `weight`
    down L_KL. Each image's offsets come from its own source, in `sources`, so it doesn't matter who is beside it.
    """

    weight: float
    steps: int
    rolls: int
    sources: Sequence[torch.Generator]

    def __call__(self, eps_BChw: torch.Tensor) -> torch.Tensor:
        """The whiter noise, `(B, C, h, w)`."""
        eps, offsets = eps_BChw, iter(self._offsets(eps_BChw))
        for _ in range(self.steps):
            for _ in range(self.rolls):
                eps = _down(partial(pair_loss, offsets=next(offsets)), eps, self.weight / self.rolls)
            eps = _down(kl_loss, eps, self.weight)
        return eps

    def _offsets(self, eps: torch.Tensor) -> torch.Tensor:
        """Offsets `(steps * rolls, S, B, C) int64` of every roll and level, from 1 to half the level's size: beyond,
        circular offsets repeat. In one tensor, because a device is waited for once for each that is sent to it.

        The authors' code draws 0 too, which is no correlation of two places and pushes the variance towards 0.
        """
        sizes, channels = level_sizes(eps), eps.shape[1:2]
        of_images = [
            torch.stack([
                torch.stack([torch.randint(1, size // 2 + 1, channels, generator=source) for size in sizes])
                for _ in range(self.steps * self.rolls)
            ])
            for source in self.sources
        ]
        return torch.stack(of_images, 2).to(eps.device)


def whitening(weight: float, steps: int, rolls: int, requests: Sequence[Request]) -> Whitening | None:
    """What whitens the noise of a batch of requests; None where that does nothing."""
    if not weight or not steps:
        return None
    sources = [torch.Generator("cpu").manual_seed(request.seed ^ _ROLL_DRAWS) for request in requests]
    return Whitening(weight, steps, rolls, sources)


def pair_loss(eps_BChw: torch.Tensor, offsets: Iterable[torch.Tensor]) -> torch.Tensor:
    """L_pair `(B,)`: squared circular autocorrelations at one offset down and one across, over channels and levels.

    sum_p sum_c mean_xy(eta^p eta^p shifted)^2, eta^0 the noise, eta^(p+1) the 2 x 2 means of eta^p times 2, which keeps
    the variance (their code leaves the 2 out), down to 8 x 8, with the offsets sampled: `(B, C)` each, one a level.
    """
    total, eta = eps_BChw.new_zeros(len(eps_BChw)), eps_BChw
    for level, offset in enumerate(offsets):
        if level:
            eta = 2 * F.avg_pool2d(eta, 2)
        for dimension in (2, 3):
            correlation = (eta * _rolled(eta, offset, dimension)).mean((2, 3))
            total = total + (correlation**2).sum(1)
    return total


def kl_loss(eps_BChw: torch.Tensor) -> torch.Tensor:
    """L_KL `(B,)`: twice the divergence of N(mean, var) of an image's noise from N(0, 1)."""
    values = eps_BChw.flatten(1)
    variance = values.var(1)
    return variance + values.mean(1) ** 2 - 1 - torch.log(variance + 1e-7)


def level_sizes(eps_BChw: torch.Tensor) -> list[int]:
    """The smaller side of the pyramid's levels: the noise's own, halved down to 8; at least 2."""
    size = min(eps_BChw.shape[2:])
    if size < 2:
        raise UsageError(f"regularisation_weight: expected latents of 2 x 2 or more, got {size}; set it to 0")
    sizes = [size]
    while sizes[-1] > _COARSEST:
        sizes.append(sizes[-1] // 2)
    return sizes


def _down(loss: Callable[[torch.Tensor], torch.Tensor], eps: torch.Tensor, rate: float) -> torch.Tensor:
    """One gradient step; the images' losses are summed, so each moves as if it were alone."""
    with torch.enable_grad():
        variable = eps.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(variable).sum(), variable)
    return eps.detach() - rate * gradient


def _rolled(x_BChw: torch.Tensor, offset_BC: torch.Tensor, dimension: int) -> torch.Tensor:
    """Each channel of each image rolled by its own offset along a dimension."""
    size = x_BChw.shape[dimension]
    origin = (torch.arange(size, device=x_BChw.device) - offset_BC[..., None]) % size
    index = origin[..., :, None] if dimension == 2 else origin[..., None, :]
    return x_BChw.gather(dimension, index.expand_as(x_BChw))
