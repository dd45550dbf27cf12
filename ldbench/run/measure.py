"""Measure a folder of generated images beside real ones, from Python as by `ldbench measure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.api import Progress, silent
from ldbench.errors import UsageError
from ldbench.records.files import user_cache_folder
from ldbench.records.from_table import TypedError
from ldbench.run.environment import pick_device
from ldbench.score.folders import Folders, FolderScores, measure_folders
from ldbench.score.set_inputs import ScoringContext
from ldbench.task.card import ViewingConditions


def measure(
    real: Path | str, generated: Path | str, *, training: Path | str | None = None, metrics: Sequence[str] = (),
    network: str | None = None, paired: bool = False, side: int | None = None, blur: float = 0.0, noise: float = 0.0,
    settings: Mapping[str, Mapping[str, str]] | None = None, seed: int = 0, device: str = "auto",
    progress: Progress = silent, strict: bool | None = None,
) -> FolderScores:
    """The scores of the images in `generated` beside those in `real`, each with a 95 % interval.

    The folders hold 8-bit PNG or JPEG files of one size, or square ones that are brought to `side` pixels. `training`
    holds what the generator learnt from: then copies are looked for. `metrics` are names of `ldbench list metrics`, or
    `path/to/file.py:NAME`; without any, all that the folders allow. `network` is the feature network of all metrics
    that take one, without it the one that ships. `paired`: each generated image has its true one under the same name in
    `real`. `blur` and `noise` are viewing conditions, standard deviations in pixels and in grey levels from 0 to 1.
    `settings` has texts of further settings, `{"coverage": {"k": "3"}}`. `seed` is that of the metrics' own draws.

    The answer has the `scores`, in `refused` why others of all metrics have none, in `images` and `options` what was
    measured and how. Raises `ImageError`, `UsageError`, `UnknownNameError`, `WeightsError`; if `strict`, `MetricError`
    for a metric that these images do not allow, without that where `metrics` are named.

    >>> found = measure("real/", "generated/", metrics=["fid"])  # doctest: +SKIP
    >>> found.scores[0].value, found.scores[0].ci_low  # doctest: +SKIP
    """
    folders = Folders(
        Path(real), Path(generated), None if training is None else Path(training), paired, side, _viewing(blur, noise)
    )
    names = [metrics] if isinstance(metrics, str) else metrics
    context = ScoringContext(pick_device(device), seed, user_cache_folder() / "features", progress)
    raising = bool(names) if strict is None else strict
    return measure_folders(folders, context, names, network=network, settings=settings, strict=raising)


def _viewing(blur: float, noise: float) -> ViewingConditions | None:
    """The viewing conditions, which blur and noise of 0 are none of."""
    try:
        return ViewingConditions(blur, noise) if (blur, noise) != (0, 0) else None
    except TypedError as wrong:
        raise UsageError(f"--{wrong}") from wrong
