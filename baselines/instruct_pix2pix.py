"""InstructPix2Pix: the U-Net learns to turn a source image into its target as an instruction says.

Brooks et al. 2023 (arXiv 2211.09800); the paper's Table 2, from three starts: the backbone as it is, after Custom
Diffusion, and after basic fine-tuning, each tuned on the task's single scans first (shared_fit.py). Trained on the
task's pairs; where it has none, on pairs that the basic-fine-tuned backbone generates (edit_pairs.py), the same ones
for every start: no other has seen a scan under its caption.

Refuses training sets that have neither pairs nor captions of an edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch

from ldbench.api import Context, Moment, Request, TrainingSet
from ldbench.errors import GeneratorError, UsageError

from .backbone.precision import arithmetic
from .basic_ft import BasicFT
from .custom_diffusion import CustomDiffusion
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.sampling import Predict, Sampling, integrate, reverse, step_generators
from .drift import Delta
from .editing.denoising import EditDenoising, edit_predictor, image_condition, widen
from .editing.pairs import EncodedPairs, encoded_pairs, generated_pairs, has_pairs
from .editing.tuned_editor import source_latents
from .fitting.denoising import Denoising
from .fitting.encoded import EncodedSet
from .fitting.fine_tuner import FineTuner, Rates, Trainable, whole_unet
from .fitting.shared_fit import shared_start


@dataclass
class InstructPix2Pix(FineTuner):
    """InstructPix2Pix from the backbone as it is, without drift.

    `prompt_dropout` of the instructions are left out in training, half of them together with the source image, and as
    many source images alone. `guidance_scale` follows the instruction, `image_guidance_scale` the source. Where the
    task has no pairs, `pairs` are generated (none: one for each training image whose edit the task asks for), their
    targets' captions followed `pair_guidance_scale` times as far as they differ from the sources'.

    The defaults were chosen on 60 held-out training pairs of the sandbox's ageing task. After basic fine-tuning and 400
    steps, a grey veil stayed on the black background without guidance: SSIM to the true scan 0.70, 0.84 with both
    scales 1.5, 0.89 with both 2; equal scales save a third of the network calls. 800 steps gave 24.1 dB where 400 gave
    21.6, and the autoencoder alone gives 27.2. From the backbone as it is, a learning rate of 3e-3 was 2.9 dB worse.
    In generated CN and AD pairs the share of dark pixels around the ventricles differed by 0.07 with a
    `pair_guidance_scale` of 15 and by 0.035 with 7.5; between real CN and AD scans by 0.09.
    """

    name: ClassVar[str] = "instruct-pix2pix"
    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "Edits a source image, which a prompt alone doesn't bring."
    rates: ClassVar[Rates] = Rates(5e-5, 1e-3)
    sampling_parameters: ClassVar[frozenset[str]] = FineTuner.sampling_parameters | {"image_guidance_scale"}

    steps: int = 800
    ema_decay: float = 0.99
    guidance_scale: float = 2.0
    image_guidance_scale: float = 2.0
    pairs: int | None = None
    pair_guidance_scale: float = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.prompt_dropout <= 2 / 3:
            raise UsageError(f"prompt_dropout: expected 0 to 2/3, got {self.prompt_dropout}")
        if self.pairs is not None and self.pairs < 1:
            raise UsageError(f"pairs: expected 1 or more, got {self.pairs}")

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Train on pairs, going on from the checkpoint in `context.folder` if there is one."""
        chosen = self._chosen(train)
        pairs = None if has_pairs(chosen) else self._generated(chosen, context)
        start = self._start()
        model = self._scheduled(shared_start(start, chosen, context) if start else self._load(context))
        if pairs is None:
            pairs = encoded_pairs(model, chosen, context, flip=self.flip)
        self._mean_latent = pairs.targets.mean_latent()
        targets = replace(pairs.targets, prompts=tuple(self._prompt(prompt) for prompt in pairs.targets.prompts))
        widen(model)
        trainable = self._prepare(model, targets, context)
        denoising = Denoising(
            model, targets, len(targets), self._draw(), self._drift(model), trainable.condition, self.offset_noise
        )
        objective = EditDenoising(denoising, image_condition(model, pairs.sources), self.prompt_dropout / 2)
        self._optimise(model, objective, trainable, context)

    def _training_calls(self) -> int:
        start = self._start()
        return super()._training_calls() + (start._training_calls() if start else 0)

    def _image_calls(self) -> float:
        weights = (1 - self.image_guidance_scale, self.image_guidance_scale - self.guidance_scale, self.guidance_scale)
        return self.sampling_steps * sum(weight != 0 for weight in weights)

    def _start(self) -> FineTuner | None:
        """What tunes the backbone before; None where nothing does."""
        return None

    def _prepare(self, model: LatentDiffusion, data: EncodedSet, context: Context) -> Trainable:
        return whole_unet(model, data)

    def _generated(self, train: TrainingSet, context: Context) -> EncodedPairs:
        if self.flip:
            raise GeneratorError("flip: expected false where pairs are generated, got true; latents can't be mirrored")
        return generated_pairs(self._tuner(BasicFT), train, context, self.pairs, self.pair_guidance_scale)

    def _tuner(self, method: type[FineTuner]) -> FineTuner:
        """A method with its own defaults and this one's drift, on this one's backbone."""
        return method(
            backbone=self.backbone, download=self.download, precision=self.precision,
            micro_batch_size=self.micro_batch_size, gradient_checkpointing=self.gradient_checkpointing,
            delta=0.0 if self.drift_where == "sample" else self.delta,
        )

    def _fingerprint(self, context: Context) -> dict[str, object]:
        start = self._start()
        return super()._fingerprint(context) | {"start": start._fingerprint(context) if start else None}

    @torch.no_grad()
    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each request's source as its instruction says, `(N, 3, H, W) float32 in [0, 1]`."""
        model = self._fitted()
        with arithmetic(context.device, self._precision(context)):
            return model.decode(integrate(*self._edit(model, requests, context)))

    @torch.no_grad()
    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        """The reverse process of one batch, step by step."""
        model = self._fitted()
        with arithmetic(context.device, self._precision(context)):
            for each in reverse(*self._edit(model, requests, context)):
                images = model.decode(each.clean_latents())
                yield Moment(each.step, self.sampling_steps, each.timestep, each.latents, images)

    def _edit(
        self, model: LatentDiffusion, requests: Sequence[Request], context: Context
    ) -> tuple[Predict, torch.Tensor, Mapping[str, Any], Sampling, list[torch.Generator]]:
        """What the reverse process starts from."""
        image = image_condition(model, source_latents(model, requests, context.image_shape))
        instructions = [each.case.prompt for each in self._asked(requests)]
        text = model.embed(instructions, [each.case.id for each in requests])
        predict = edit_predictor(model, text, image, self.guidance_scale, self.image_guidance_scale)
        noise = torch.stack([request.noise(tuple(image.shape[1:])) for request in requests])
        how = self._sampling(model)
        return predict, noise.to(image.device), model.schedule.config, how, step_generators(requests)


@dataclass
class InstructPix2PixDrift(InstructPix2Pix):
    """InstructPix2Pix from the backbone as it is, trained and sampled with the paper's drift of 0.1."""

    delta: Delta = 0.1


@dataclass
class InstructPix2PixCD(InstructPix2Pix):
    """InstructPix2Pix after Custom Diffusion, whose modifier word stands before each instruction, without drift."""

    name: ClassVar[str] = "instruct-pix2pix-cd"

    def _start(self) -> FineTuner:
        return self._tuner(CustomDiffusion)

    def _prompt(self, prompt: str) -> str:
        return self._start()._prompt(prompt)


@dataclass
class InstructPix2PixCDDrift(InstructPix2PixCD):
    """InstructPix2Pix after Custom Diffusion, both trained with the paper's drift of 0.1, and sampled with it."""

    delta: Delta = 0.1


@dataclass
class InstructPix2PixFT(InstructPix2Pix):
    """InstructPix2Pix after basic fine-tuning, without drift."""

    name: ClassVar[str] = "instruct-pix2pix-ft"

    def _start(self) -> FineTuner:
        return self._tuner(BasicFT)


@dataclass
class InstructPix2PixFTDrift(InstructPix2PixFT):
    """InstructPix2Pix after basic fine-tuning, both trained with the paper's drift of 0.1, and sampled with it."""

    delta: Delta = 0.1
