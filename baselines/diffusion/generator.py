"""What every generator on a backbone shares: which backbone, in which precision, sampled how.

A method changes what the network is asked (`_predictor`), or where the reverse process starts and which steps it takes
(`_reverse`). Parameters outside their bounds are refused, and before anything is trained what could not be sampled
after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from ldbench.api import Context, Generator, Moment, Needs, Request, TrainingSet
from ldbench.errors import GeneratorError, LdbenchError, UsageError

from ..backbone.content import backbone_files
from ..backbone.folder import BackboneFolder
from ..backbone.parts import load_schedule
from ..backbone.precision import Precision, automatic_precision, check_precision, has_masters
from ..backbone.source import PACKAGED, find_backbone
from ..bounds import GUIDANCE, SHIFT, Bounds, check_bounds
from ..drift import NONE, Delta, Drift, DriftKind, Shift, Where, make_drift, signal_leak
from .latent_diffusion import LatentDiffusion, load_backbone
from .network_cost import TRAINING_PASSES, NetworkCost, Trained, network_cost
from .recomputation import free_bytes
from .sampling import Predict, ReverseStep, Sampling, predictor, reverse, start_noise, step_generators
from .schedulers import CLASSES, Sampler, reverse_path, start_abar

logger = logging.getLogger("ldbench.baselines")


@dataclass
class StableDiffusion(Generator):
    """Stable Diffusion as it comes: the pretrained backbone, and nothing is trained.

    `backbone` overrides what the card recommends; `download` allows it to be fetched from the hub. `delta_sample` is
    the mean of the noise that sampling starts from (`drift=noise`), or is added at every reverse step (`drift=step`,
    where `delta_total` gives the sum over the steps instead): a number, one a latent channel, or `signal-leak`.
    `precision` auto is bfloat16 on a GPU of compute capability 8 and up, float16 on an older one, float32 elsewhere.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "Prompts alone can't carry a source image."
    sampling_parameters: ClassVar[frozenset[str]] = frozenset(
        {"sampler", "sampling_steps", "guidance_scale", "drift", "delta_sample", "delta_total"}
    )
    fits_together: ClassVar[bool] = True
    float32_parts: ClassVar[frozenset[str]] = frozenset()  # of the backbone: those that hold what is trained
    bounds: ClassVar[Mapping[str, Bounds]] = {  # of every parameter that is a number
        "sampling_steps": Bounds(1), "guidance_scale": GUIDANCE, "delta_sample": SHIFT, "delta_total": SHIFT,
    }

    backbone: str | None = None
    download: bool = False
    precision: Literal["auto"] | Precision = "auto"
    sampler: Sampler = "ddpm"
    sampling_steps: int = 10
    guidance_scale: float = 4.0
    drift: DriftKind = "noise"
    delta_sample: Delta | None = None
    delta_total: float | None = None

    _model: LatentDiffusion | None = field(default=None, init=False, repr=False, compare=False)
    _train: TrainingSet | None = field(default=None, init=False, repr=False, compare=False)
    _mean_latent: torch.Tensor | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_bounds(self, self.bounds)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Load the backbone; the training set is kept for `signal-leak`, which alone looks at it."""
        self._check(context, self.download)
        self._model, self._train, self._mean_latent = self._load(context), train, None

    @torch.no_grad()
    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a request, `(N, 3, H, W) float32 in [0, 1]`."""
        model = self._fitted()
        z, steps = self._reverse(model, requests, context)
        for step in steps:
            z = step.next_latents
        return model.decode(z)

    def encode(self, images: torch.Tensor, context: Context) -> torch.Tensor:
        """Scaled latents `(N, C, h, w) float32` of images `(N, 3, H, W) float32 in [0, 1]`: the posterior's means."""
        return self._fitted().encode(images)[0].float()

    @torch.no_grad()
    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        """The reverse process of one batch, step by step."""
        model = self._fitted()
        for step in self._reverse(model, requests, context)[1]:
            images = model.decode(step.clean_latents())
            yield Moment(step.step, self._step_count(), step.timestep, step.latents, images)

    def needs(self, context: Context) -> Needs:
        """What is missing of the backbone, or what fitting and generating on it take."""
        name = self.backbone or context.backbone or ""
        try:
            cost = network_cost(name, self._precision(context), context.image_shape)
        except LdbenchError as error:
            return Needs(() if self.download else (str(error),))  # what may be fetched is not missing, and not known
        try:
            backbone = self._check(context, download=False)
        except UsageError as error:
            return Needs((str(error),))
        if backbone is not None and name not in PACKAGED:
            self._tell_sampler(name, backbone)
        masters = has_masters(context.device, self._precision(context))
        fits = [replace(fit, masters=masters) for fit in self._trained(cost, context)]
        free = free_bytes(context.device)
        latents, latents_each = self._kept_latents()
        return Needs(
            (), TRAINING_PASSES * cost.flops * self._training_calls(), cost.flops * self._image_calls(),
            # a fit's old checkpoint lies there until the new one is whole; of those before it the results
            max((2 * fit.checkpoint_bytes + sum(one.result_bytes for one in fits[:place])
                 for place, fit in enumerate(fits)), default=0)
            + latents * cost.latent_bytes,
            max([cost.fit_bytes(fit, free) for fit in fits], default=cost.weight_bytes),
            latents_each * cost.latent_bytes,
        )

    def files(self, context: Context) -> Mapping[str, Mapping[str, Path]]:
        """The backbone's files, whether a parameter or the card names it, by folder or hub id."""
        return backbone_files(self.backbone or context.backbone, self._stored(context))

    def resolved(self, context: Context) -> Mapping[str, str]:
        """The precision that `auto` comes to on this device."""
        return {"precision": self._precision(context)}

    def _check(self, context: Context, download: bool) -> BackboneFolder | None:
        """The backbone; raises, before anything is trained or encoded, what sampling would raise only after it."""
        check_precision(self._precision(context), context.device)
        name = self.backbone or context.backbone
        if name is None:  # loading says so
            return None
        backbone = find_backbone(name, self._stored(context), download)
        self._check_on(backbone)
        return backbone

    def _check_on(self, backbone: BackboneFolder) -> None:
        """UsageError for settings that nothing can be sampled with on this backbone."""
        for schedule in self._schedules(load_schedule(backbone)):
            reverse_path(self.sampler, self.sampling_steps, schedule.config)
        self._drift_on(backbone.configs["unet"].get("out_channels", 4), lambda: NONE)

    def _tell_sampler(self, name: str, backbone: BackboneFolder) -> None:
        """Log by what is sampled, where a folder of the user's own was saved with a scheduler of another class."""
        saved = backbone.configs["scheduler"].get("_class_name")
        if saved is not None and saved != CLASSES[self.sampler].__name__:
            _log_sampler(name, saved, self.sampler, self.sampling_steps, self.guidance_scale)

    def _schedules(self, schedule: DDPMScheduler) -> list[DDPMScheduler]:
        """The schedules that are sampled on, where `schedule` is the backbone's own."""
        return [schedule]

    def _trained(self, cost: NetworkCost, context: Context) -> list[Trained]:
        """What each fit trains, in order."""
        return []

    def _kept_latents(self) -> tuple[int, int]:
        """How many latents fitting leaves on disk, whatever the training set, and for each training example."""
        return 0, 0

    def _training_calls(self) -> int:
        """Images that go through the U-Net in training, in all."""
        return 0

    def _image_calls(self) -> float:
        """Times that the U-Net is asked for one image."""
        return self.sampling_steps * (1 if self.guidance_scale == 1 else 2)

    def _load(self, context: Context) -> LatentDiffusion:
        return load_backbone(
            self.backbone or context.backbone, context.device, download=self.download,
            precision=self._precision(context), float32_parts=self.float32_parts,
        )

    def _fitted(self) -> LatentDiffusion:
        if self._model is None:
            raise GeneratorError(f"{type(self).__name__}: expected fit before generate")
        return self._model

    def _precision(self, context: Context) -> Precision:
        if self.precision != "auto":
            return self.precision
        return automatic_precision(context.device)

    def _stored(self, context: Context) -> Precision:
        """The precision whose weight files are read: those of float32 where something in them is trained."""
        return "float32" if self.float32_parts else self._precision(context)

    def _reverse(
        self, model: LatentDiffusion, requests: Sequence[Request], context: Context
    ) -> tuple[torch.Tensor, Iterator[ReverseStep]]:
        """The latents `(B, C, h, w)` that a batch starts from, and the steps from there to its images."""
        noise, predict = start_noise(model, requests, context.image_shape), self._predictor(model, requests, context)
        how, generators = self._sampling(model), step_generators(requests)
        return noise, reverse(predict, noise, model.schedule.config, how, generators)

    def _predictor(self, model: LatentDiffusion, requests: Sequence[Request], context: Context) -> Predict:
        """What the network says of noisy latents of these requests, guided."""
        return predictor(model, self._text(model, requests), self.guidance_scale, rescale=self._guidance_rescale())

    def _guidance_rescale(self) -> float:
        """How far guided predictions are brought back to the deviation of those that are not."""
        return 0.0

    def _text(self, model: LatentDiffusion, requests: Sequence[Request]) -> torch.Tensor:
        """Hidden states `(B, L, d)` of the prompts as this method wants them."""
        prompts = [self._prompt(request.case.prompt) for request in requests]
        return model.embed(prompts, [request.case.id for request in requests])

    def _prompt(self, prompt: str) -> str:
        return prompt

    def _step_count(self) -> int:
        """How many reverse steps a generation takes."""
        return self.sampling_steps

    def _sampling(self, model: LatentDiffusion) -> Sampling:
        return Sampling(self.sampler, self.sampling_steps, self.guidance_scale, self._drift(model))

    def _drift(self, model: LatentDiffusion) -> Drift:
        return self._drift_on(model.unet.config["out_channels"], lambda: self._signal_leak(model))

    def _drift_on(self, channels: int, leak: Callable[[], Shift]) -> Drift:
        """The drift that the parameters ask for on latents of so many channels."""
        delta, where = self._asked()
        return make_drift(
            delta=delta, delta_sample=self.delta_sample, delta_total=self.delta_total, kind=self.drift, where=where,
            channels=channels, steps=self.sampling_steps, leak=leak,
        )

    def _asked(self) -> tuple[Delta, Where]:
        """The drift of training, and whether it is trained with, sampled with, or both."""
        return 0.0, "sample"

    def _signal_leak(self, model: LatentDiffusion) -> Shift:
        if self._mean_latent is None:
            if self._train is None:
                raise GeneratorError("delta signal-leak: expected fit before generate")
            images = (self._train[index].image[None] for index in range(len(self._train)))
            self._mean_latent = torch.stack([model.encode(image)[0].mean((0, 2, 3)).cpu() for image in images]).mean(0)
        return signal_leak(self._mean_latent, start_abar(self.sampler, self.sampling_steps, model.schedule.config))


@cache
def _log_sampler(name: str, saved: str, sampler: Sampler, steps: int, guidance_scale: float) -> None:
    """Once a process: a command of several rows looks at what each needs twice."""
    logger.warning(
        "backbone %r: sampled with sampler=%s, sampling_steps=%d and guidance_scale=%g, not with the %s saved in it; "
        "--set any of the three otherwise", name, sampler, steps, guidance_scale, saved,
    )
