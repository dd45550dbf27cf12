"""The counterfactual metrics of an editing task: its evaluation cases as arrays, and one score a metric of the card.

Says which images each metric compares and with which of the card's parameters; the arithmetic is the metrics'. Refuses
a metric that needs the true images where the task has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ldbench.api import ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.metrics.measured import Measured
from ldbench.task.card import EditSpec, Task
from ldbench.task.metric_specs import AttributeSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.metrics.intervals import Array
    from ldbench.score.metrics.judge import Judge

Spec = TypeVar("Spec")
PASSES: Mapping[str, str] = {"composition": "null", "reversibility": "back"}  # metrics of a further pass, and which


@dataclass(frozen=True)
class Edits:
    """N evaluation cases: `results`, their `sources` and, where known, `truths`, `(N, 3, H, W) float32 in [0, 1]`, and
    the class `targets` that each was to become. `passes` holds, by name, further images and their sources.
    `training_scans` gives the judge its real images and labels; its weights are kept in `judge_folder`.
    """

    task: Task
    results: torch.Tensor
    sources: torch.Tensor
    truths: torch.Tensor | None
    targets: tuple[str, ...]
    training_scans: Callable[[], tuple[torch.Tensor, list[str]]]
    device: torch.device
    judge_folder: Path | None = None
    passes: Mapping[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    progress: Progress = silent

    @property
    def known(self) -> torch.Tensor:
        """The true images, or a `MetricError`."""
        if self.truths is None:
            raise MetricError(
                f"{self.task.id}: expected true images for the metrics of the card, got none; drop those metrics"
            )
        return self.truths

    @property
    def edit(self) -> EditSpec:
        """The card's [edit]."""
        return present(self.task.edit)

    @cached_property
    def region(self) -> torch.Tensor | None:
        """Where truth says that the image must change, `(N, H, W) bool`; None where there is no truth."""
        from ldbench.score.metrics.region import changed_region

        if self.truths is None:
            return None
        return changed_region(self.sources, self.truths, self.edit.region_threshold, self.edit.region_margin)

    @cached_property
    def judge(self) -> Judge:
        """The card's judge, trained on the real training scans or read back."""
        from ldbench.score.metrics.judge import judge_of

        images, labels = self.training_scans()
        return judge_of(
            present(self.task.judge), self.task.data.classes, images, labels, device=self.device,
            folder=self.judge_folder, progress=self.progress,
        )

    @cached_property
    def judged(self) -> Array:
        """The judge's scores of the results, `(N, K)`."""
        return self.judge.scores(self.results)


def score_edit(metric: str, edits: Edits) -> Measured:
    """One counterfactual metric of the card. Raises `MetricError`, `UnknownNameError`."""
    steps: dict[str, Callable[[Edits], Measured]] = {
        "target_auc": _target_auc, "flip_rate": _flip_rate, "age_error": _age_error, "ratio_error": _ratio_error,
        "source_ssim": _source_ssim, "identity_ssim": _identity_ssim, "identity_lpips": _identity_lpips,
        "minimality": _minimality, "composition": _composition, "reversibility": _reversibility,
        "error_inside": _error_inside, "error_outside": _error_outside,
    }
    return steps[metric](edits)


def _target_auc(edits: Edits) -> Measured:
    from ldbench.score.metrics.effectiveness import target_auc_score

    return target_auc_score(edits.judged, edits.targets, edits.task.data.classes, edits.judge.parameters)


def _flip_rate(edits: Edits) -> Measured:
    from ldbench.score.metrics.effectiveness import flip_rate_score

    return flip_rate_score(edits.judged, edits.targets, edits.task.data.classes, edits.judge.parameters)


def _age_error(edits: Edits) -> Measured:
    return _attribute_error("age_error", edits.task.metrics.age_error, edits)


def _ratio_error(edits: Edits) -> Measured:
    return _attribute_error("ratio_error", edits.task.metrics.ratio_error, edits)


def _attribute_error(metric: str, spec: AttributeSpec | None, edits: Edits) -> Measured:
    from ldbench.data.sandbox.estimators import estimator
    from ldbench.score.metrics.attribute_error import attribute_error_score

    name = present(spec).estimator
    chosen = estimator(name)
    return attribute_error_score(metric, edits.results, edits.known, chosen.read, estimator=name, unit=chosen.unit)


def _source_ssim(edits: Edits) -> Measured:
    from ldbench.score.metrics.identity import source_ssim_score

    return source_ssim_score(edits.results, edits.sources)


def _identity_ssim(edits: Edits) -> Measured:
    from ldbench.score.metrics.identity import identity_ssim_score

    return _with_region(identity_ssim_score(edits.results, edits.sources, edits.region), edits)


def _identity_lpips(edits: Edits) -> Measured:
    from ldbench.score.metrics.identity import identity_lpips_score

    extractor = present(edits.task.metrics.identity_lpips).extractor
    score = identity_lpips_score(edits.results, edits.sources, edits.region, extractor=extractor, device=edits.device)
    return _with_region(score, edits)


def _minimality(edits: Edits) -> Measured:
    from ldbench.score.metrics.change import minimality_score

    return minimality_score(edits.results, edits.sources)


def _composition(edits: Edits) -> Measured:
    from ldbench.score.metrics.change import composition_score

    return composition_score(*edits.passes[PASSES["composition"]])


def _reversibility(edits: Edits) -> Measured:
    from ldbench.score.metrics.change import reversibility_score

    return reversibility_score(*edits.passes[PASSES["reversibility"]])


def _error_inside(edits: Edits) -> Measured:
    from ldbench.score.metrics.truth_error import error_inside_score

    return _with_region(error_inside_score(edits.results, edits.known, present(edits.region)), edits)


def _error_outside(edits: Edits) -> Measured:
    from ldbench.score.metrics.truth_error import error_outside_score

    return _with_region(error_outside_score(edits.results, edits.known, present(edits.region)), edits)


def _with_region(score: Measured, edits: Edits) -> Measured:
    """The score, saying by which settings of the card the region was found, where there is one."""
    if edits.region is None:
        return score
    settings: dict[str, ParameterValue] = {
        "region_threshold": edits.edit.region_threshold, "region_margin": edits.edit.region_margin,
    }
    return replace(score, parameters={**score.parameters, **settings})


def present(part: Spec | None) -> Spec:
    """A part of the card that the caller's own question needs; `MetricError` where the card has none."""
    if part is None:
        raise MetricError("expected the metric's table on the card, got none; this is a defect of the caller")
    return part
