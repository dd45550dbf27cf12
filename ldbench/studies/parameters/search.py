"""The search for a parameter's value, delta above all: the one whose images lie nearest to the training images.

Latent Drifting, Sec. 3.3: the discrepancy of the generated from the target distribution is an L1 distance, estimated
by Monte Carlo. Every value gets the same training prompts and the same noise. delta = 0 is no drift (lambda = 0 in
the paper), so a grid should hold it.

For edits the same search minimises the objective of a counterfactual (Eq. 5) on validation scans: there, training
scans are what generator and judge have learnt by heart.

The test split is never looked at: prompts and reference are of the training split, sources of edits of the validation
split.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ldbench.api import Case, Context, Generator, HasLatents
from ldbench.errors import GeneratorError, UsageError
from ldbench.records.files import write_json
from ldbench.records.search import Best, Search, SearchedTask
from ldbench.run.generate import blamed
from ldbench.run.settings import Settings
from ldbench.studies.parameters.curve import RESAMPLES, Curve, curve, distance_of_new_images
from ldbench.studies.parameters.distance import (
    Array,
    Distance,
    Measure,
    needs_latents,
    on_latents,
    on_pixels,
    parse_distance,
)
from ldbench.studies.parameters.edit_objective import MEASURE, ZERO, edit_objective
from ldbench.studies.parameters.plots import draw_search
from ldbench.studies.parameters.values import Grid
from ldbench.studies.parameters.workbench import Workbench, workbench

_BATCH = 32
Representation = Callable[[torch.Tensor], Array]


@dataclass(frozen=True)
class SearchAnswer:
    """The answer: the grid, its curve, the distance of as many new real images, and where the files lie.

    `real` is how far from all training images new real images are expected to be, as many as were generated
    (`distance_of_new_images`); None where edits are judged, which have no such bound.
    """

    grid: Grid
    curve: Curve
    distance: Distance
    images: int
    real: float | None
    record: Path
    plot: Path

    @property
    def setting(self) -> str:
        """The best value as `--set` takes it."""
        return f"{self.grid.parameter}={self.grid.texts[self.curve.best]}"


def search(
    task_name: str, model_name: str, parameter: str, values: str, settings: Settings, *,
    distance: str = "channels", images: int = 100, outcome_weight: float = 1.0,
) -> SearchAnswer:
    """Try the values of a parameter on `images` cases; writes search.json and search.png.

    The cases are training prompts, or of an editing task edits of validation scans. `outcome_weight` is the lambda of
    Eq. 5, for distance counterfactual alone.

    A search given again finds its images and, where it has more values or images, makes only those. Raises
    UsageError for values, distances and numbers of images that can't be, and what the generator raises.
    """
    name = parse_distance(distance)
    if images < 2:
        raise UsageError(f"--images: expected 2 or more, for an interval, got {images}")
    with workbench(task_name, model_name, settings) as bench:
        grid = bench.grid(parameter, values, least=2)
        if needs_latents(name) and not issubclass(bench.generator_class, HasLatents):
            raise UsageError(
                f"--distance {name}: {model_name} shows no latents (it has no `encode`); take channels or mean-image"
            )
        cases = bench.search_cases(images)
        if name == "counterfactual":
            objective = edit_objective(bench, cases, outcome_weight)
            features = [objective.of(images) for images in bench.images_of(grid, cases, "search")]
            compared = _Compared(MEASURE, features, ZERO, None)
            return _answer(bench, grid, name, compared, {"outcome_weight": outcome_weight})
        return _answer(bench, grid, name, _compared(bench, grid, name, cases), {})


@dataclass(frozen=True)
class _Compared:
    """What a curve is made of: a measure, the features of each value's images, and those of what they are compared
    with; the distance of new real images, where there is one."""

    measure: Measure
    features: list[Array]
    reference_k: Array
    real: float | None


def _compared(bench: Workbench, grid: Grid, name: Distance, cases: list[Case]) -> _Compared:
    """The images of every value beside the training images."""
    generated = bench.images_of(grid, cases, "search")
    represent = _representation(bench, name, {grid.parameter: grid.texts[0]})
    measure, reference_k, prompted_nk = _reference(bench, name, represent, {case.id for case in cases})
    features = [_features(measure, represent, images) for images in generated]
    real, random = None, np.random.default_rng(bench.settings.seed)
    if bench.data.editing is None:
        real = distance_of_new_images(measure, prompted_nk, len(bench.data.train), random)
    return _Compared(measure, features, reference_k, real)


def _answer(
    bench: Workbench, grid: Grid, name: Distance, compared: _Compared, asked: dict[str, float]
) -> SearchAnswer:
    random = np.random.default_rng(bench.settings.seed)
    distances = curve(grid, compared.measure, compared.features, compared.reference_k, random)
    count = len(compared.features[0])
    question = {"parameter": grid.parameter, "values": grid.texts, "distance": name, "images": count, **asked}
    files = bench.answer("search", f"-{grid.parameter}-{name}", question)
    answer = SearchAnswer(grid, distances, name, count, compared.real, *files)
    draw_search(answer.plot, distances, grid, answer.real, _titles(bench, answer))
    write_json(answer.record, bench.record("search") | _record(bench, answer) | asked)
    return answer


def _representation(bench: Workbench, name: Distance, setting: dict[str, str]) -> Representation:
    """Pixels as they are, or latents, all of them by the encoder of one fit: distances need one space."""
    if not needs_latents(name):
        return lambda images_nchw: images_nchw.numpy()
    generator, context = bench.fitted(setting)
    return functools.partial(_latents, generator, context)


def _latents(generator: Generator, context: Context, images_nchw: torch.Tensor) -> Array:
    assert isinstance(generator, HasLatents)
    name = type(generator).__name__
    with blamed(f"{name}: encode", generator):
        latents = generator.encode(images_nchw, context)
    if latents.ndim != 4 or len(latents) != len(images_nchw) or not torch.isfinite(latents).all():
        raise GeneratorError(f"{name}: expected finite latents (N, C, h, w), got shape {tuple(latents.shape)}")
    return latents.detach().cpu().float().numpy()


def _reference(
    bench: Workbench, name: Distance, represent: Representation, prompted: set[str]
) -> tuple[Measure, Array, Array]:
    """The measure, the mean features of all training images, and the features of those whose prompts were used, none
    of which an editing task has."""
    batches: Iterable[tuple[list[str], Array]] = ((ids, represent(images)) for ids, images in _training_batches(bench))
    if name == "latents" or name == "latent-mean":
        batches = list(batches)  # latents are small, and all are wanted at once and again below
        measure = on_latents(name, np.concatenate([latents for _, latents in batches]))
    elif name == "counterfactual":
        raise UsageError("--distance counterfactual compares with no training image")
    else:
        measure = on_pixels(name)
    total, kept = 0.0, []
    for ids, represented in batches:
        features_nk = measure.features(represented)
        total = total + features_nk.sum(axis=0, dtype=np.float64)
        kept.append(features_nk[[case_id in prompted for case_id in ids]])
    return measure, np.asarray(total / len(bench.data.train), dtype=np.float32), np.concatenate(kept)


def _training_batches(bench: Workbench) -> Iterator[tuple[list[str], torch.Tensor]]:
    """Training images a few at a time: all of them at 512 pixels would not fit in memory."""
    train = bench.data.train
    for start in range(0, len(train), _BATCH):
        examples = [train[index] for index in range(start, min(start + _BATCH, len(train)))]
        yield [example.id for example in examples], torch.stack([example.image for example in examples])


def _features(measure: Measure, represent: Representation, images_nchw: torch.Tensor) -> Array:
    return np.concatenate([measure.features(represent(batch)) for batch in images_nchw.split(_BATCH)])


def _titles(bench: Workbench, answer: SearchAnswer) -> tuple[str, str]:
    title = f"{bench.model.name} on {bench.data.task.id}: {answer.images} images a value, seed {bench.settings.seed}"
    if answer.distance == "counterfactual":
        return title, "outcome and change (Eq. 5)"
    return title, f"L1 to the training images ({answer.distance})"


def _record(bench: Workbench, answer: SearchAnswer) -> dict[str, object]:
    distances, task = answer.curve, bench.data.task
    prompts = "training prompts" if bench.data.editing is None else "edits of validation scans"
    with_what = "judge and sources" if answer.distance == "counterfactual" else "all training images"
    best = Best(
        answer.setting, answer.grid.values[distances.best], distances.best_low, distances.best_high, distances.at_edge
    )
    record = Search(
        SearchedTask(task.id, task.version, task.hash), bench.model, answer.grid.parameter, answer.distance,
        answer.images, bench.settings.seed, distances.points, best,
        f"generated images for {prompts} with {with_what}; no test image was read", answer.real,
    )
    return asdict(record) | {"training_images": len(bench.data.train), "resamples": RESAMPLES}
