"""Basic fine-tuning: the U-Net is trained on the task's scans and prompts, everything else stays frozen.

The paper's "Basic FT" (Rombach et al. 2022, Table 1). Latents' moments and text embeddings are computed once;
the posterior is still sampled anew at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F

from ldbench.api import Context, Request, TrainingSet
from ldbench.errors import GeneratorError

from .drift import Drift
from .latent_diffusion import LatentDiffusion, load_backbone
from .stable_diffusion import StableDiffusion
from .training import TrainingSettings
from .training import train as optimise

HIGH_NOISE = 0.7


@dataclass(frozen=True)
class EncodedSet:
    """A training set as the U-Net sees it: posterior moments `(2, N, C, h, w)`, which prompt each image has, the
    prompts' hidden states `(P, tokens, d)` and those of the empty prompt."""

    moments: torch.Tensor
    prompt_of: torch.Tensor
    text: torch.Tensor
    empty: torch.Tensor


@dataclass(frozen=True)
class Draw:
    """What one training step draws: how many images, which share without prompt, and at which times."""

    batch_size: int
    prompt_dropout: float
    high_noise_share: float

    def timesteps(self, count: int, source: torch.Generator) -> torch.Tensor:
        """`(batch_size,) int64` in [0, count): uniform, but for the share drawn from the noisiest 30 %."""
        position = torch.rand(self.batch_size, generator=source)
        high = torch.rand(self.batch_size, generator=source) < self.high_noise_share
        position = torch.where(high, HIGH_NOISE + (1 - HIGH_NOISE) * position, position)
        return (position * count).long().clamp(max=count - 1)


@dataclass
class BasicFT(StableDiffusion):
    """The U-Net fine-tuned on all training scans, without drift.

    `learning_rate` None means 1e-5 for a U-Net of Stable Diffusion's size and 1e-3 for a small one.
    `high_noise_share` of the timesteps come from the noisiest 30 % of the schedule, the rest from all of it: the mean
    colour is decided there, and a uniform draw was slow to learn that the background is black. `delta` is the drift of
    training; `delta_sample` None means the same in sampling.
    """

    steps: int = 1150
    batch_size: int = 16
    learning_rate: float | None = None
    checkpoint_every: int = 100
    prompt_dropout: float = 0.1
    high_noise_share: float = 0.5
    ema_decay: float = 0.99
    delta: float = 0.0
    delta_sample: float | None = None

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Train the U-Net, going on from the checkpoint in `context.folder` if there is one."""
        if len(train) < self.batch_size:
            raise GeneratorError(f"basic-ft: expected at least {self.batch_size} training images, got {len(train)}")
        name = self.backbone or context.backbone
        model = load_backbone(name, context.device)
        rate = self.learning_rate or (1e-5 if model.is_large else 1e-3)
        settings = TrainingSettings(
            self.steps, self.batch_size, rate, context.seed, ema_decay=self.ema_decay,
            checkpoint_every=self.checkpoint_every,
        )
        model.unet.requires_grad_(True)
        draw = Draw(self.batch_size, self.prompt_dropout, self.high_noise_share)
        data = encode_set(model, train, context)
        optimise(
            dict(model.unet.named_parameters()),
            lambda source: denoising_loss(model, data, draw, self._drift(), source),
            settings, context.folder, {"backbone": name, "delta": self.delta, **asdict(draw)}, context.progress,
        )
        model.unet.requires_grad_(False)
        self._model = model

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a prompt, `(N, 3, H, W) float32 in [0, 1]`."""
        if self._model is None:
            raise GeneratorError("basic-ft: expected fit before generate")
        return super().generate(requests, context)

    def _drift(self) -> Drift:
        return Drift(self.delta, self.delta if self.delta_sample is None else self.delta_sample)


@dataclass
class BasicFTDrift(BasicFT):
    """The U-Net fine-tuned and sampled with the paper's drift of 0.1."""

    delta: float = 0.1


def encode_set(model: LatentDiffusion, train: TrainingSet, context: Context, batch_size: int = 50) -> EncodedSet:
    """Encode every image and every distinct prompt once."""
    moments, prompts = [], []
    for start in range(0, len(train), batch_size):
        examples = [train[index] for index in range(start, min(start + batch_size, len(train)))]
        moments.append(model.encode(torch.stack([example.image for example in examples])))
        prompts += [example.prompt for example in examples]
        context.progress("encode", len(prompts), len(train))
    distinct = sorted(set(prompts))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    text = torch.cat([model.embed(distinct[i : i + batch_size]) for i in range(0, len(distinct), batch_size)])
    return EncodedSet(torch.cat(moments, 1), torch.tensor([place[p] for p in prompts]), text, model.embed([""]))


def denoising_loss(
    model: LatentDiffusion, data: EncodedSet, draw: Draw, drift: Drift, source: torch.Generator
) -> torch.Tensor:
    """Mean squared error of the predicted noise eps + delta (or its velocity) on a random batch at random times."""
    device = model.unet.device
    index = torch.randint(data.prompt_of.numel(), (draw.batch_size,), generator=source)
    t = draw.timesteps(model.schedule.config.num_train_timesteps, source).to(device)
    mean, std = data.moments[:, index.to(device)]
    posterior_eps = torch.randn(mean.shape, generator=source).to(device)
    eps = torch.randn(mean.shape, generator=source).to(device)
    dropped = (torch.rand(draw.batch_size, generator=source) < draw.prompt_dropout).to(device)
    z_0, noise = mean + std * posterior_eps, drift.training_noise(eps)
    text = torch.where(dropped[:, None, None], data.empty, data.text[data.prompt_of[index].to(device)])
    predicted = model.unet(model.schedule.add_noise(z_0, noise, t), t, text).sample
    velocity = model.schedule.config.prediction_type == "v_prediction"
    target = model.schedule.get_velocity(z_0, noise, t) if velocity else noise
    return F.mse_loss(predicted, target)
