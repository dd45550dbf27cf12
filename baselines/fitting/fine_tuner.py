"""What all fine-tuners share: parameters, the order of things in `fit`, and where the drift comes in.

A method may say which parameters are trained and how prompts are conditioned on (`_prepare`), change prompts
(`_prompt`) and add images that preserve the prior.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from ldbench.api import Context, TrainingSet
from ldbench.errors import GeneratorError

from ..backbone.content import backbone_content
from ..backbone.precision import first_parameter, has_masters
from ..bounds import SHARE, SHIFT, Bounds
from ..diffusion.generator import StableDiffusion
from ..diffusion.latent_diffusion import LatentDiffusion
from ..diffusion.network_cost import NetworkCost, Trained
from ..diffusion.recomputation import Recomputed, free_bytes, kept, recompute
from ..drift import Delta, Where
from .denoising import Condition, Denoising, Draw, frozen_text
from .encoded import MOMENTS, EncodedSet, View, encode_set
from .learned_tokens import EMBEDDINGS, LearnedTokens
from .loop import AnyBatch, Objective, Share, TrainingSettings
from .loop import train as optimise
from .masters import in_half

ZERO_SNR_RESCALE = 0.7  # Lin et al. 2023, Sec. 3.4
VALUE_BYTES = 14  # on the device for each value that is trained, beside its weight: gradient, master and moments


@dataclass(frozen=True)
class Rates:
    """A method's default learning rates: for a U-Net of Stable Diffusion's size, and for a small one."""

    large: float
    small: float


@dataclass(frozen=True)
class Trainable:
    """What a method trains, by name, how it conditions on prompts, and the new words among what is trained."""

    parameters: dict[str, torch.nn.Parameter]
    condition: Condition
    tokens: LearnedTokens | None = None


def whole_unet(model: LatentDiffusion, data: EncodedSet) -> Trainable:
    """The U-Net, which is in float32 whatever the arithmetic is, unfrozen, on prompts as the text encoder has them."""
    model.unet.requires_grad_(True)
    return Trainable(dict(model.unet.named_parameters()), frozen_text(model, data))


@dataclass
class FineTuner(StableDiffusion):
    """A backbone of which something is trained on the task's scans and prompts; here the whole U-Net.

    `images` takes so many training scans, chosen by a hash of their ids (none: all). `learning_rate` none is the
    method's own for the size of the U-Net. `micro_batch_size` cuts a batch for memory, 0 does not. `high_noise_share`
    of the timesteps come from the noisiest 30 % of the schedule: the mean colour is decided there, and a uniform draw
    was slow to learn that the background is black. `delta` is the drift of training, `delta_sample` none the same in
    sampling, and `drift_where` says which of the two is on. `offset_noise` and `zero_terminal_snr` are other answers to
    the same question, for comparison (Guttenberg 2023; Lin et al. 2023, arXiv 2305.08891; from text, the latter with
    the authors' rescaled guidance).
    """

    name: ClassVar[str] = "fine-tuner"
    rates: ClassVar[Rates] = Rates(1e-5, 1e-3)
    float32_parts: ClassVar[frozenset[str]] = frozenset({"unet"})
    fewest_images: ClassVar[int] = 16
    bounds: ClassVar[Mapping[str, Bounds]] = {
        **StableDiffusion.bounds, "steps": Bounds(1), "batch_size": Bounds(1), "micro_batch_size": Bounds(0),
        "learning_rate": Bounds(0, 1, more=True), "images": Bounds(1), "checkpoint_every": Bounds(1),
        "prompt_dropout": SHARE, "high_noise_share": SHARE, "ema_decay": Bounds(0, 1, less=True), "delta": SHIFT,
        "offset_noise": Bounds(0, SHIFT.most),
    }

    steps: int = 1000
    batch_size: int = 16
    micro_batch_size: int = 0
    learning_rate: float | None = None
    images: int | None = None
    flip: bool = False
    checkpoint_every: int = 100
    gradient_checkpointing: bool = False
    compile: bool = False
    prompt_dropout: float = 0.1
    high_noise_share: float = 0.5
    ema_decay: float = 0.0
    delta: Delta = 0.0
    delta_sample: Delta | None = None
    drift_where: Where = "both"
    offset_noise: float = 0.0
    zero_terminal_snr: bool = False

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Train, going on from the checkpoint in `context.folder` if there is one; sample in the run's precision."""
        self._check(context, self.download)
        self._model = self.tuned(train, context).cast(self._precision(context))

    def tuned(self, train: TrainingSet, context: Context) -> LatentDiffusion:
        """The backbone after training. What was trained is float32: another method may go on from it."""
        chosen = self._chosen(train)
        backbone = self._load(context)
        model = self._scheduled(backbone)
        data = encode_set(model, chosen, context, flip=self.flip)
        self._mean_latent = data.mean_latent()
        extended = self._extended(self._prompted(data), backbone, context)
        trainable = self._prepare(model, extended, context)
        objective = self._denoising(model, extended, len(data), trainable)
        return self._optimise(model, objective, trainable, context)

    def _denoising(self, model: LatentDiffusion, data: EncodedSet, instances: int, trainable: Trainable) -> Denoising:
        """The objective on `data`, of which the first `instances` are the task's own."""
        resident = data.resident(first_parameter(model.unet).device)
        return Denoising(
            model, resident, instances, self._draw(), self._drift(model), trainable.condition, self.offset_noise
        )

    def _optimise(
        self, model: LatentDiffusion, objective: Objective[AnyBatch], trainable: Trainable, context: Context
    ) -> LatentDiffusion:
        """The model after its last step: what is trained is trained, and frozen again."""
        settings = self._settings(model, context)
        recompute(model.unet, self._recomputed(model, trainable, settings, context))
        if self.compile:
            model.unet.compile()
        with in_half(model, trainable.parameters.values()) if settings.masters else nullcontext():
            optimise(
                trainable.parameters, objective, settings, context.folder,
                self._fingerprint(context) | self._content(context), context.progress, _share(context),
            )
        recompute(model.unet, "nothing")
        if self.compile:
            model.unet._compiled_call_impl = None  # sampling has other shapes, and torch no way to undo compile()
        self._finish(model, trainable, context)
        return model

    def _recomputed(
        self, model: LatentDiffusion, trainable: Trainable, settings: TrainingSettings, context: Context
    ) -> Recomputed:
        """Which blocks compute again, backward, what they would have kept: all where it is set; else as memory asks."""
        free = free_bytes(context.device)
        if self.gradient_checkpointing or free is None:
            return "all" if self.gradient_checkpointing else "nothing"
        size = model.latent_shape(context.image_shape)[1:]
        dtype = torch.bfloat16 if settings.masters else torch.float32
        step = kept(model.unet, (size[0], size[1]), model.prompt_length, dtype)
        values = sum(value.numel() for value in trainable.parameters.values())
        return step.choice(self._images_at_once(context), free - VALUE_BYTES * values)

    def _images_at_once(self, context: Context) -> int:
        """How many images go through this process's network in one piece of a step."""
        return _share(context).at_once(self.batch_size + self._draw().prior, self.micro_batch_size)

    def _prompted(self, data: EncodedSet) -> EncodedSet:
        """The data under the prompts that this method wants."""
        return replace(data, prompts=tuple(self._prompt(prompt) for prompt in data.prompts))

    def _prepare(self, model: LatentDiffusion, data: EncodedSet, context: Context) -> Trainable:
        """Unfreeze what is trained: here the whole U-Net."""
        return whole_unet(model, data)

    def _extended(self, data: EncodedSet, backbone: LatentDiffusion, context: Context) -> EncodedSet:
        """The training images and, after them, others that the method adds; `backbone` is on its own schedule."""
        return data

    def _finish(self, model: LatentDiffusion, trainable: Trainable, context: Context) -> None:
        """Freeze what was trained; new words go into the text encoder's table and into a file."""
        model.unet.requires_grad_(False)
        if trainable.tokens is not None:
            trainable.tokens.settle()
            if context.process == 0:
                trainable.tokens.save(context.folder / EMBEDDINGS)

    def _trained(self, cost: NetworkCost, context: Context) -> list[Trained]:
        inside, beside = self._trained_values(cost)
        return [Trained(
            inside, beside, "unet" in self.float32_parts, self.ema_decay > 0, self._images_at_once(context),
            self.gradient_checkpointing,
        )]

    def _trained_values(self, cost: NetworkCost) -> tuple[int, int]:
        """How many weights of the U-Net are trained, and how many values beside it: here all, and none."""
        return sum(value.numel() for value in cost.unet.parameters()), 0

    def _kept_latents(self) -> tuple[int, int]:
        of_image = MOMENTS * (2 if self.flip else 1)
        return (0, of_image) if self.images is None else (of_image * self.images, 0)

    def _training_calls(self) -> int:
        return self.steps * (self.batch_size + self._draw().prior)

    def _guidance_rescale(self) -> float:
        return ZERO_SNR_RESCALE if self.zero_terminal_snr else 0.0

    def _draw(self) -> Draw:
        return Draw(self.batch_size, self.prompt_dropout, self.high_noise_share)

    def _asked(self) -> tuple[Delta, Where]:
        return self.delta, self.drift_where

    def _chosen(self, train: TrainingSet) -> TrainingSet:
        """The training scans that are used; `GeneratorError` where they are too few."""
        count = self.images if self.images is not None else len(train)
        if not self.fewest_images <= count <= len(train):
            raise GeneratorError(
                f"{self.name}: expected at least {self.fewest_images} training images and at most all, got {count} of "
                f"{len(train)}; choose a larger training set, another method, or another --set images=N"
            )
        if count == len(train):
            return train
        order = sorted(range(len(train)), key=lambda index: hash_order("training subset", train[index].id))
        return View(train, sorted(order[:count]))

    def _scheduled(self, model: LatentDiffusion) -> LatentDiffusion:
        """The backbone on the noise schedule that is trained."""
        return replace(model, schedule=self._trained_schedule(model.schedule)) if self.zero_terminal_snr else model

    def _schedules(self, schedule: DDPMScheduler) -> list[DDPMScheduler]:
        return [self._trained_schedule(schedule)]

    def _trained_schedule(self, schedule: DDPMScheduler) -> DDPMScheduler:
        """The backbone's own noise schedule, or that schedule brought to zero signal at its end."""
        if not self.zero_terminal_snr:
            return schedule
        # where nothing is left of the image the noise says nothing about it: Lin et al. predict the velocity. As
        # arguments, because diffusers drops what a config says of a key that it once noted as left to its default
        zero_snr: DDPMScheduler = DDPMScheduler.from_config(
            schedule.config, rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing",
        )
        return zero_snr

    def _settings(self, model: LatentDiffusion, context: Context) -> TrainingSettings:
        default = self.rates.large if model.is_large else self.rates.small
        rate = self.learning_rate if self.learning_rate is not None else default
        return TrainingSettings(
            self.steps, self.batch_size, rate, context.seed, ema_decay=self.ema_decay,
            checkpoint_every=self.checkpoint_every, micro_batch_size=self.micro_batch_size,
            precision=self._precision(context), masters=has_masters(context.device, self._precision(context)),
        )

    def _fingerprint(self, context: Context) -> dict[str, object]:
        """What a checkpoint must have been made with: every parameter that fitting reads."""
        free = self.sampling_parameters | {"micro_batch_size", "checkpoint_every", "download", "backbone", "precision"}
        names = [field.name for field in fields(self) if field.init and field.name not in free]
        parameters = {name: getattr(self, name) for name in names}
        return parameters | {"method": self.name, "backbone": self.backbone or context.backbone}

    def _content(self, context: Context) -> dict[str, str]:
        """What a fit must have been made from, beside its name: the backbone's files."""
        return backbone_content(self.backbone or context.backbone, self._stored(context), self.download)


def _share(context: Context) -> Share:
    return Share(context.process, context.processes)


def hash_order(purpose: str, image_id: str) -> str:
    """What images are sorted by where an order must depend on their ids alone; another one for each purpose."""
    return hashlib.sha256(f"{purpose}\0{image_id}".encode()).hexdigest()
