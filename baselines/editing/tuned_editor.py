"""Editing by a text-to-image backbone that was tuned on the task's single scans: what Pix2Pix-Zero and SDEdit share.

Neither is trained to edit. Both start from the backbone as basic fine-tuning leaves it, which all runs with the same
--out share, or from the backbone as it comes. The start `signal-leak`, which neither has, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ldbench.api import Context, Request, TrainingSet
from ldbench.errors import GeneratorError, UsageError

from ..bounds import SHIFT, Bounds
from ..diffusion.generator import StableDiffusion
from ..diffusion.latent_diffusion import ImageShape, LatentDiffusion
from ..diffusion.network_cost import NetworkCost, Trained
from ..diffusion.sampling import ReverseStep
from ..drift import SIGNAL_LEAK, Delta, Where
from ..fitting.fine_tuner import FineTuner
from ..fitting.shared_fit import shared_start


@dataclass
class TunedEditor(StableDiffusion):
    """Source images and captions to edited images, batched.

    `start` basic-ft is the backbone after `start_steps` of basic fine-tuning with the drift `delta`, sd the backbone as
    it comes. `delta_sample` none is the same drift in sampling; `drift` and `delta_total` are as everywhere.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "Edits a source image, which a prompt alone doesn't bring."
    bounds: ClassVar[Mapping[str, Bounds]] = {**StableDiffusion.bounds, "start_steps": Bounds(1), "delta": SHIFT}
    tuning: ClassVar[type[FineTuner]]  # the method that `start` basic-ft names

    start: Literal["basic-ft", "sd"] = "basic-ft"
    start_steps: int = 800
    delta: Delta = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, delta in (("delta", self.delta), ("delta_sample", self.delta_sample)):
            if delta == SIGNAL_LEAK:
                raise UsageError(
                    f"{name}: expected numbers, got {SIGNAL_LEAK}: it stands for the signal in z_T, which an edit "
                    "takes from its source"
                )

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Load the backbone, tuned on the single scans of `train` unless `start` is sd."""
        self._check(context, self.download)
        self._train, self._mean_latent = train, None
        model = self._load(context) if self.start == "sd" else shared_start(self._tuner(), train, context)
        self._model = model.cast(self._precision(context))

    def _reverse(
        self, model: LatentDiffusion, requests: Sequence[Request], context: Context
    ) -> tuple[torch.Tensor, Iterator[ReverseStep]]:
        z_0 = source_latents(model, requests, context.image_shape)
        return z_0, self._edit(model, requests, z_0)

    def _edit(self, model: LatentDiffusion, requests: Sequence[Request], z_0: torch.Tensor) -> Iterator[ReverseStep]:
        """The reverse steps that lead from the sources' latents `(B, C, h, w)` to the edited ones."""
        raise NotImplementedError

    def _training_calls(self) -> int:
        return self._tuner()._training_calls() if self.start == "basic-ft" else 0

    def _trained(self, cost: NetworkCost, context: Context) -> list[Trained]:
        return self._tuner()._trained(cost, context) if self.start == "basic-ft" else []

    def _kept_latents(self) -> tuple[int, int]:
        return self._tuner()._kept_latents() if self.start == "basic-ft" else (0, 0)

    def _tuner(self) -> FineTuner:
        return self.tuning(
            backbone=self.backbone, download=self.download, precision=self.precision, steps=self.start_steps,
            delta=self.delta,
        )

    def _asked(self) -> tuple[Delta, Where]:
        return self.delta, "both" if self.start == "basic-ft" else "sample"


def source_latents(model: LatentDiffusion, requests: Sequence[Request], image_shape: ImageShape) -> torch.Tensor:
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
