"""InstructPix2Pix: the U-Net learns to turn a source image into its target as an instruction says.

Brooks et al. 2023 (arXiv 2211.09800); the paper's Table 2, from three starts: the backbone as it is, after Custom
Diffusion, and after basic fine-tuning, each tuned on the task's single scans first (fitting/shared_fit.py). Trained on
the task's pairs; where it has none, on pairs that the basic-fine-tuned backbone generates (editing/pairs.py), the same
ones for every start: no other has seen a scan under its caption.

A training set that has neither pairs nor captions of an edit is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from ldbench.api import Context, Request, TrainingSet
from ldbench.errors import GeneratorError

from .backbone.precision import first_parameter
from .basic_ft import BasicFT
from .bounds import GUIDANCE, Bounds
from .custom_diffusion import CustomDiffusion
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.network_cost import NetworkCost, Trained
from .diffusion.sampling import Predict
from .editing.denoising import EditDenoising, edit_predictor, widen
from .editing.pairs import EncodedPairs, encoded_pairs, generated_pairs, has_pairs
from .editing.tuned_editor import source_latents
from .fitting.fine_tuner import FineTuner, Rates
from .fitting.shared_fit import shared_start
from .fitting.transfer import resident


@dataclass
class InstructPix2Pix(FineTuner):
    """InstructPix2Pix: the U-Net learns to edit a source image as an instruction says.

    `prompt_dropout` of the instructions are left out in training, half of them together with the source image, and as
    many source images alone. `guidance_scale` follows the instruction, `image_guidance_scale` the source. Where the
    task has no pairs, `pairs` are generated (none: one for each training image whose edit the task asks for), their
    targets' captions followed `pair_guidance_scale` times as far as they differ from the sources'.
    """

    name: ClassVar[str] = "instruct-pix2pix"
    tuning: ClassVar[type[FineTuner] | None] = None  # the method that tunes the backbone before
    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "Edits a source image, which a prompt alone doesn't bring."
    rates: ClassVar[Rates] = Rates(5e-5, 1e-3)
    sampling_parameters: ClassVar[frozenset[str]] = FineTuner.sampling_parameters | {"image_guidance_scale"}
    bounds: ClassVar[Mapping[str, Bounds]] = {
        **FineTuner.bounds, "prompt_dropout": Bounds(0, Fraction(2, 3)), "image_guidance_scale": GUIDANCE,
        "pairs": Bounds(1), "pair_guidance_scale": GUIDANCE,
    }

    # Chosen on new subjects of the sandbox's ageing task: a grey veil stays without guidance, and less of it with both
    # scales 3 and 25 steps than with 2 and 10; equal scales save a third of the calls (docs/measurements/settings.md).
    # A pair_guidance_scale of 15 moves a pair's ventricles by 0.07, 7.5 by 0.035; real scans of two classes: 0.09.
    steps: int = 800
    ema_decay: float = 0.99
    sampling_steps: int = 25
    guidance_scale: float = 3.0
    image_guidance_scale: float = 3.0
    pairs: int | None = None
    pair_guidance_scale: float = 15.0

    def tuned(self, train: TrainingSet, context: Context) -> LatentDiffusion:
        """The widened backbone after training on pairs, which goes on from a checkpoint in `context.folder`."""
        chosen = self._chosen(train)
        pairs = None if has_pairs(chosen) else self._generated(chosen, context)
        start = self._start()
        model = self._scheduled(shared_start(start, chosen, context) if start else self._load(context))
        if pairs is None:
            pairs = encoded_pairs(model, chosen, context, flip=self.flip)
        self._mean_latent = pairs.targets.mean_latent()
        targets = self._prompted(pairs.targets)
        widen(model)
        trainable = self._prepare(model, targets, context)
        denoising = self._denoising(model, targets, len(targets), trainable)
        conditions = resident(model.unscaled(pairs.sources), first_parameter(model.unet).device)
        objective = EditDenoising(denoising, conditions, self.prompt_dropout / 2)
        return self._optimise(model, objective, trainable, context)

    def _training_calls(self) -> int:
        start = self._start()
        return super()._training_calls() + (start._training_calls() if start else 0)

    def _trained(self, cost: NetworkCost, context: Context) -> list[Trained]:
        start = self._start()
        return [*(start._trained(cost, context) if start else []), *super()._trained(cost, context)]

    def _kept_latents(self) -> tuple[int, int]:
        """Those of sources and targets: where pairs are generated, of the images that they are learnt from and of the
        pairs, two latents each, come to as many."""
        start = self._start()
        latents, latents_each = (2 * count for count in super()._kept_latents())
        more, more_each = start._kept_latents() if start else (0, 0)
        return latents + more + 2 * (self.pairs or 0), latents_each + more_each

    def _image_calls(self) -> float:
        weights = (1 - self.image_guidance_scale, self.image_guidance_scale - self.guidance_scale, self.guidance_scale)
        return self.sampling_steps * sum(weight != 0 for weight in weights)

    def _start(self) -> FineTuner | None:
        """What tunes the backbone before; None where nothing does."""
        return None if self.tuning is None else self._tuner(self.tuning)

    def _prompt(self, prompt: str) -> str:
        start = self._start()
        return start._prompt(prompt) if start else prompt

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

    def _predictor(self, model: LatentDiffusion, requests: Sequence[Request], context: Context) -> Predict:
        image = model.unscaled(source_latents(model, requests, context.image_shape))
        text = self._text(model, requests)
        return edit_predictor(model, text, image, self.guidance_scale, self.image_guidance_scale)


@dataclass
class InstructPix2PixCD(InstructPix2Pix):
    """InstructPix2Pix after Custom Diffusion, whose word stands before each instruction."""

    name: ClassVar[str] = "instruct-pix2pix-cd"
    tuning: ClassVar[type[FineTuner] | None] = CustomDiffusion


@dataclass
class InstructPix2PixFT(InstructPix2Pix):
    """InstructPix2Pix after basic fine-tuning."""

    name: ClassVar[str] = "instruct-pix2pix-ft"
    tuning: ClassVar[type[FineTuner] | None] = BasicFT
