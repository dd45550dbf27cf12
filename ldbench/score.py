"""Generated images against a task's real ones: every metric of the card, one `Score` each.

Never needs the model: what it takes lies on disk. Refuses a set of images that is not exactly the task's cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ldbench.api import Progress, silent
from ldbench.card import ClassifierSpec, DistributionSpec, KernelSpec, PerceptualSpec
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError
from ldbench.metrics.score import Score

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

Spec = TypeVar("Spec")

@dataclass(frozen=True)
class ScoringContext:
    """Where scoring runs and what its random draws (subsets, resampling) are seeded with; the classifier's seed is
    the card's."""

    device: torch.device
    seed: int
    cache_folder: Path | None = None
    progress: Progress = silent


def score_images(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> list[Score]:
    """All metrics of the card, in its order. `images` maps every case id to `(3, H, W) float32 in [0, 1]`."""
    ids = {case.id for case in data.cases}
    if set(images) != ids:
        raise MetricError(
            f"{data.task.id}: expected the images of {len(ids)} cases, got {len(images)}, "
            f"{len(ids - set(images))} missing and {len(set(images) - ids)} unknown"
        )
    if data.task.protocol.channels == "grey-as-rgb":
        images = {case_id: grey_as_rgb(image) for case_id, image in images.items()}
    steps: dict[str, Callable[[TaskData, Mapping[str, torch.Tensor], ScoringContext], Score]] = {
        "fid": _fid, "kid": _kid, "ssim": _ssim, "psnr": _psnr, "lpips": _lpips, "auc": _auc,
    }
    return [steps[name](data, images, context) for name in data.task.metrics.names()]


def grey_as_rgb(image: torch.Tensor) -> torch.Tensor:
    """The mean over channels, repeated: `(3, H, W)` to `(3, H, W)`; a grey image comes back as it was."""
    return image.mean(0, keepdim=True).expand(3, -1, -1)


def _fid(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.features import extractor_parameters
    from ldbench.metrics.fid import fid_score

    spec = _present(data.task.metrics.fid)
    real, generated = _features(spec, data, images, context)
    parameters = extractor_parameters(spec.extractor, spec.resize)
    return fid_score(real, generated, extractor=spec.extractor, parameters=parameters)


def _kid(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.features import extractor_parameters
    from ldbench.metrics.kid import kid_score

    spec = _present(data.task.metrics.kid)
    real, generated = _features(spec, data, images, context)
    return kid_score(
        real, generated, extractor=spec.extractor, parameters=extractor_parameters(spec.extractor, spec.resize),
        subset_size=spec.subset_size or None, subsets=spec.subsets, seed=context.seed,
    )


def _features(
    spec: DistributionSpec | KernelSpec, data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from ldbench.features import extract

    pair = [
        extract(
            batch, spec.extractor, resize=spec.resize, device=context.device, cache_folder=context.cache_folder,
            progress=context.progress,
        )
        for batch in (data.distribution_reference(), _stack(images, data.evaluation_ids))
    ]
    return pair[0], pair[1]


def _ssim(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.metrics.ssim import ssim_score

    return ssim_score(*_pairs(data, images))


def _psnr(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.metrics.psnr import psnr_score

    return psnr_score(*_pairs(data, images))


def _lpips(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.metrics.lpips import lpips_score

    spec: PerceptualSpec = _present(data.task.metrics.lpips)
    return lpips_score(*_pairs(data, images), extractor=spec.extractor, device=context.device)


def _auc(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Score:
    from ldbench.metrics.auc import auc_score
    from ldbench.metrics.classifier import Recipe

    spec: ClassifierSpec = _present(data.task.metrics.auc)
    test_images, test_labels = data.test_scans()
    name = data.task.data.class_attribute
    order = sorted(images)
    labels = {case.id: str(case.attributes[name]) for case in data.cases}
    settings = asdict(spec)
    seed, spread_seeds = settings.pop("seed"), settings.pop("spread_seeds")
    return auc_score(
        _stack(images, order), [labels[case_id] for case_id in order], test_images, test_labels,
        classes=data.task.data.classes, recipe=Recipe(**settings), seed=seed, spread_seeds=spread_seeds,
        device=context.device, progress=context.progress,
    )


def _pairs(data: TaskData, images: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(generated, true) images of the evaluation cases, each `(N, 3, H, W)`."""
    if data.truth is None:
        raise MetricError(f"{data.task.id}: a metric of pairs needs true images, which {data.task.kind} has not")
    truths = {case_id: data.truth(case_id) for case_id in data.evaluation_ids}
    return _stack(images, data.evaluation_ids), _stack(truths, data.evaluation_ids)


def _stack(images: Mapping[str, torch.Tensor], order: Sequence[str]) -> torch.Tensor:
    import torch

    return torch.stack([images[case_id] for case_id in order])


def _present(spec: Spec | None) -> Spec:
    if spec is None:
        raise MetricError("expected the metric on the card, got none; this is a defect of the caller")
    return spec
