"""The objective of all fine-tuners: predict the noise that was mixed into a latent.

One batch is drawn whole from the step's own source of randomness; how prompts become hidden states is the method's
(`Condition`).

Shapes: B images, C latent channels, h and w latent pixels, L tokens, d width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F

from ..backbone.precision import first_parameter
from ..diffusion.latent_diffusion import LatentDiffusion
from ..diffusion.sampling import Predict
from ..drift import Drift
from .encoded import EncodedSet
from .loop import Batch
from .transfer import sent

HIGH_NOISE = 0.7
Condition = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Draw:
    """How a batch is drawn: how many images, which share without prompt, at which times.

    `high_noise_share` of the timesteps come from the noisiest 30 %, the rest from all. `prior` more images a batch come
    from those that preserve the prior, with a loss weighted by `prior_weight`.
    """

    batch_size: int
    prompt_dropout: float
    high_noise_share: float
    prior: int = 0
    prior_weight: float = 1.0

    def timesteps(self, count: int, source: torch.Generator) -> torch.Tensor:
        """`(batch_size + prior,) int64` in [0, count)."""
        total = self.batch_size + self.prior
        position = torch.rand(total, generator=source)
        high = torch.rand(total, generator=source) < self.high_noise_share
        position = torch.where(high, HIGH_NOISE + (1 - HIGH_NOISE) * position, position)
        return (position * count).long().clamp(max=count - 1)

    def weights(self) -> torch.Tensor:
        """`(batch_size + prior,)`: so that their mean loss is the instances' mean plus `prior_weight` times the
        prior's (Ruiz et al. 2023, Eq. 2)."""
        total = self.batch_size + self.prior
        instance = torch.full((self.batch_size,), total / self.batch_size)
        if not self.prior:
            return instance
        return torch.cat([instance, torch.full((self.prior,), self.prior_weight * total / self.prior)])


@dataclass(frozen=True)
class Denoising:
    """Mean squared error of the predicted noise eps + delta (or its velocity) at random times.

    The first `instances` images of `data` are the task's, the others the prior's. `condition` gives the hidden states
    `(B, L, d)` of images `index` with prompts left out where `dropped`. `offset_noise` adds to the noise one random
    number an image and channel with this standard deviation (Guttenberg, CrossLabs, 2023).
    """

    model: LatentDiffusion
    data: EncodedSet
    instances: int
    settings: Draw
    drift: Drift
    condition: Condition
    offset_noise: float = 0.0

    def draw(self, source: torch.Generator) -> Batch:
        """One batch, the instances first."""
        settings, shape = self.settings, self.data.moments.shape[2:]
        index = torch.randint(self.instances, (settings.batch_size,), generator=source)
        if settings.prior:
            prior = torch.randint(self.instances, len(self.data), (settings.prior,), generator=source)
            index = torch.cat([index, prior])
        t = settings.timesteps(self.model.schedule.config["num_train_timesteps"], source)
        posterior_eps = torch.randn((len(index), *shape), generator=source)
        eps = torch.randn((len(index), *shape), generator=source)
        dropped = torch.rand(len(index), generator=source) < settings.prompt_dropout
        if self.offset_noise:
            eps = eps + self.offset_noise * torch.randn((len(index), shape[0], 1, 1), generator=source)
        return Batch(index, t, posterior_eps, eps, dropped, settings.weights())

    def loss(self, batch: Batch) -> torch.Tensor:
        """Weighted mean squared errors, summed over the images of a part of a batch."""
        text = self.condition(batch.index, batch.dropped)
        return self.errors_of(lambda z_t, t: self.predicted(z_t, t, text), batch)

    def predicted(self, z_t: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """What the network says of noisy latents `(B, ., h, w)` beside hidden states, asked in its own precision."""
        dtype = first_parameter(self.model.unet).dtype
        return cast(torch.Tensor, self.model.unet(z_t.to(dtype), t, text.to(dtype)).sample)

    def errors_of(self, predict: Predict, batch: Batch) -> torch.Tensor:
        """The loss of what `predict(z_t, t)` says of the batch's noisy latents."""
        device, schedule = first_parameter(self.model.unet).device, self.model.schedule
        t = cast(torch.IntTensor, sent(batch.timestep, device))  # as diffusers annotates it; int64 serves
        z_0 = self.data.z_0(batch.index, batch.posterior_eps, device)
        noise = sent(self.drift.training_noise(batch.eps), device)
        predicted = predict(schedule.add_noise(z_0, noise, t), t)
        velocity = schedule.config["prediction_type"] == "v_prediction"
        target = schedule.get_velocity(z_0, noise, t) if velocity else noise
        errors = F.mse_loss(predicted.float(), target, reduction="none").mean((1, 2, 3))
        return (errors * sent(batch.weight, device)).sum()


def frozen_text(model: LatentDiffusion, data: EncodedSet, batch_size: int = 50) -> Condition:
    """The condition of methods that leave the text encoder alone: every distinct prompt is embedded once."""
    chunks = [data.prompts[start : start + batch_size] for start in range(0, len(data.prompts), batch_size)]
    text, empty = torch.cat([model.embed(chunk) for chunk in chunks]), model.embed([""])

    def condition(index: torch.Tensor, dropped: torch.Tensor) -> torch.Tensor:
        prompts = sent(data.prompt_of[index], text.device)
        return torch.where(sent(dropped, text.device)[:, None, None], empty, text[prompts])

    return condition
