"""Generated images against a task's real ones: every metric of the card, one score each.

Never needs the model: what it takes lies on disk. Refuses a set of images that is not exactly the task's cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Progress, silent
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError, unknown_name
from ldbench.score.edits import PASSES, Edits, present, score_edit
from ldbench.score.metrics.measured import Measured
from ldbench.task.metric_specs import ClassifierSpec, DistributionSpec, KernelSpec, PerceptualSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoringContext:
    """Where scoring runs and what its random draws (subsets, resampling) are seeded with; the classifier's seed is
    the card's."""

    device: torch.device
    seed: int
    cache_folder: Path | None = None
    progress: Progress = silent

    @property
    def judge_folder(self) -> Path | None:
        """Where the judges of editing tasks are kept, beside the features."""
        return None if self.cache_folder is None else self.cache_folder.parent / "judges"


def score_images(
    data: TaskData,
    images: Mapping[str, torch.Tensor],
    context: ScoringContext,
    passes: Mapping[str, Mapping[str, torch.Tensor]] | None = None,
) -> list[Measured]:
    """All metrics of the card, in its order. `images` maps every case id to `(3, H, W) float32 in [0, 1]`.

    `passes` holds, for editing tasks, the images of the further passes "null" and "back" by the id of the case that
    they come from; a metric whose pass is absent is left out.
    """
    given = passes or {}
    _check_ids(f"{data.task.id}", images, {case.id for case in data.cases})
    for name, of_pass in given.items():
        _check_ids(f"{data.task.id}, pass {name}", of_pass, _pass_ids(data, name, images))
    if data.task.protocol.channels == "grey-as-rgb":
        images = _grey(images)
        given = {name: _grey(of_pass) for name, of_pass in given.items()}
    steps: dict[str, Callable[[TaskData, Mapping[str, torch.Tensor], ScoringContext], Measured]] = {
        "fid": _fid, "kid": _kid, "ssim": _ssim, "psnr": _psnr, "lpips": _lpips, "auc": _auc,
    }
    wanted = [name for name in data.task.metrics.names() if name not in PASSES or PASSES[name] in given]
    edits = None if steps.keys() >= set(wanted) else _edits(data, images, given, context)
    return [
        score_edit(name, edits) if edits and name not in steps else steps[name](data, images, context)
        for name in wanted
    ]


def _check_ids(where: str, images: Mapping[str, torch.Tensor], ids: set[str]) -> None:
    if set(images) != ids:
        raise MetricError(
            f"{where}: expected the images of {len(ids)} cases, got {len(images)}, "
            f"{len(ids - set(images))} missing and {len(set(images) - ids)} unknown"
        )


def _pass_ids(data: TaskData, name: str, images: Mapping[str, torch.Tensor]) -> set[str]:
    """The cases that a further pass is made of, by their own ids."""
    known = set(PASSES.values())
    if name not in known:
        raise unknown_name("pass", name, known, "give the images of an editing task's further passes")
    made = data.null_cases() if name == "null" else data.back_cases(images)
    return {case.id.removesuffix(f".{name}") for case in made}


def _grey(images: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {case_id: grey_as_rgb(image) for case_id, image in images.items()}


def grey_as_rgb(image: torch.Tensor) -> torch.Tensor:
    """The mean over channels, repeated: `(3, H, W)` to `(3, H, W)`; a grey image comes back as it was."""
    return image.mean(0, keepdim=True).expand(3, -1, -1)


def _fid(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.fid import fid_score
    from ldbench.score.networks.features import extractor_parameters

    spec = present(data.task.metrics.fid)
    real, generated = _features(spec, data, images, context)
    parameters = extractor_parameters(spec.extractor, spec.resize)
    return fid_score(real, generated, extractor=spec.extractor, parameters=parameters)


def _kid(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.kid import kid_score
    from ldbench.score.networks.features import extractor_parameters

    spec = present(data.task.metrics.kid)
    real, generated = _features(spec, data, images, context)
    return kid_score(
        real, generated, extractor=spec.extractor, parameters=extractor_parameters(spec.extractor, spec.resize),
        subset_size=spec.subset_size or None, subsets=spec.subsets, seed=context.seed,
    )


def _features(
    spec: DistributionSpec | KernelSpec, data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from ldbench.score.networks.features import extract

    pair = [
        extract(
            batch, spec.extractor, resize=spec.resize, device=context.device, cache_folder=context.cache_folder,
            progress=context.progress,
        )
        for batch in (data.distribution_reference(), _stack(images, data.evaluation_ids))
    ]
    return pair[0], pair[1]


def _ssim(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.ssim import ssim_score

    return ssim_score(*_pairs(data, images))


def _psnr(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.psnr import psnr_score

    return psnr_score(*_pairs(data, images))


def _lpips(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.lpips import lpips_score

    spec: PerceptualSpec = present(data.task.metrics.lpips)
    return lpips_score(*_pairs(data, images), extractor=spec.extractor, device=context.device)


def _auc(data: TaskData, images: Mapping[str, torch.Tensor], context: ScoringContext) -> Measured:
    from ldbench.score.metrics.auc import auc_score
    from ldbench.score.metrics.classifier import Recipe

    spec: ClassifierSpec = present(data.task.metrics.auc)
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


def _edits(
    data: TaskData,
    images: Mapping[str, torch.Tensor],
    passes: Mapping[str, Mapping[str, torch.Tensor]],
    context: ScoringContext,
) -> Edits:
    """The evaluation cases of an editing task; under grey-as-rgb sources and truths are averaged as results are, or
    round-off would tell a copy from its source."""
    ids, name = data.evaluation_ids, data.task.data.class_attribute
    cases = {case.id: case for case in data.cases}
    sources = {case.id: case.source for case in data.cases if case.source is not None}
    if len(sources) < len(cases):
        raise MetricError(f"{data.task.id}: counterfactual metrics need sources, which {data.task.kind} has not")
    truths = None if data.truth is None else {case_id: data.truth(case_id) for case_id in ids}
    if data.task.protocol.channels == "grey-as-rgb":
        sources, truths = _grey(sources), None if truths is None else _grey(truths)
    return Edits(
        data.task, _stack(images, ids), _stack(sources, ids), None if truths is None else _stack(truths, ids),
        tuple(str(cases[case_id].attributes[name]) for case_id in ids), data.training_scans, context.device,
        context.judge_folder,
        {key: (_stack(found, sorted(found)), _stack(sources, sorted(found))) for key, found in passes.items() if found},
        context.progress,
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
