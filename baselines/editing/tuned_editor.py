"""Editing by a text-to-image backbone that was tuned on the task's single scans: what Pix2Pix-Zero and SDEdit share.

Neither is trained to edit. Both start from the backbone as basic fine-tuning leaves it, which all runs with the same
--out share, or from the backbone as it comes. Refuses cases without a source image or without both captions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ldbench.api import Context, Moment, Request, TrainingSet
from ldbench.errors import GeneratorError, UsageError

from ..backbone.precision import arithmetic
from ..basic_ft import BasicFT
from ..diffusion.generator import StableDiffusion
from ..diffusion.latent_diffusion import LatentDiffusion
from ..diffusion.sampling import ReverseStep
from ..drift import Delta, Drift
from ..fitting.shared_fit import shared_start


@dataclass
class TunedEditor(StableDiffusion):
    """Source images and captions to edited images, batched.

    `start` basic-ft is the backbone after `start_steps` of basic fine-tuning with the drift `delta`, sd the backbone as
    it comes. `delta_sample` none is the same drift in sampling; `drift` and `delta_total` are as everywhere.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "Edits a source image, which a prompt alone doesn't bring."

    start: Literal["basic-ft", "sd"] = "basic-ft"
    start_steps: int = 1150
    delta: Delta = 0.0

    def __post_init__(self) -> None:
        if self.start_steps < 1:
            raise UsageError(f"start_steps: expected 1 or more, got {self.start_steps}")

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Load the backbone, tuned on the single scans of `train` unless `start` is sd."""
        self._train, self._mean_latent = train, None
        self._model = self._load(context) if self.start == "sd" else shared_start(self._tuner(), train, context)

    @torch.no_grad()
    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each request's source after its edit, `(N, 3, H, W) float32 in [0, 1]`."""
        model = self._fitted()
        with arithmetic(context.device, self._precision(context)):
            z = source_latents(model, requests, context.image_shape)
            for each in self._edit(model, requests, z):
                z = each.next_latents
            return model.decode(z)

    @torch.no_grad()
    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        """The steps of the edit of one batch, from noise to images."""
        model = self._fitted()
        with arithmetic(context.device, self._precision(context)):
            z = source_latents(model, requests, context.image_shape)
            for each in self._edit(model, requests, z):
                images = model.decode(each.clean_latents())
                yield Moment(each.step, self._edit_steps(), each.timestep, each.latents, images)

    def _edit(self, model: LatentDiffusion, requests: Sequence[Request], z_0: torch.Tensor) -> Iterator[ReverseStep]:
        """The reverse steps that lead from the sources' latents `(B, C, h, w)` to the edited ones."""
        raise NotImplementedError

    def _edit_steps(self) -> int:
        """How many reverse steps an edit takes."""
        return self.sampling_steps

    def _training_calls(self) -> int:
        return self._tuner()._training_calls() if self.start == "basic-ft" else 0

    def _tuner(self) -> BasicFT:
        return BasicFT(
            backbone=self.backbone, download=self.download, precision=self.precision, steps=self.start_steps,
            delta=self.delta,
        )

    def _drift(self, model: LatentDiffusion) -> Drift:
        return self._resolved(model, self.delta, "both" if self.start == "basic-ft" else "sample")


def source_latents(
    model: LatentDiffusion, requests: Sequence[Request], image_shape: tuple[int, int, int]
) -> torch.Tensor:
    """The scaled latents `(B, C, h, w) float32` of the requests' sources: the posterior's means.

    `GeneratorError` for a case without source or captions and for a source of another size than the task's.
    """
    sources: list[torch.Tensor] = []
    for case in (request.case for request in requests):
        if case.source is None or case.source_prompt is None or case.target_prompt is None:
            lacking = "source" if case.source is None else "source_prompt and target_prompt"
            raise GeneratorError(
                f"case {case.id}: expected a source image and captions of it and of its target, got no {lacking}; take "
                "an editing task"
            )
        if tuple(case.source.shape) != image_shape:
            raise GeneratorError(
                f"case {case.id}: expected a source of {image_shape}, the task's size, got {tuple(case.source.shape)}; "
                "resize it"
            )
        sources.append(case.source)
    return model.encode(torch.stack(sources))[0]
