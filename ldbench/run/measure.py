"""Measure folders of generated images beside real ones, from Python as by `ldbench measure`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias, cast

from ldbench.api import ParameterValue, Progress, silent
from ldbench.data.volumes.cut import Cut
from ldbench.errors import UsageError
from ldbench.records.argument_names import Words, argument_names
from ldbench.records.argument_types import Expected
from ldbench.records.caches import FEATURES
from ldbench.records.files import user_cache_folder
from ldbench.records.from_table import TypedError
from ldbench.records.handed_over import name_list, setting_texts
from ldbench.run.environment import on_device, pick_device
from ldbench.run.surroundings import caller_kept
from ldbench.score.folders.classes import FOLDERS, Classed
from ldbench.score.folders.cuts import cut_of
from ldbench.score.folders.form import Channels, Conditions
from ldbench.score.folders.labels import Columns, Labelled
from ldbench.score.folders.measure import Folders, measure_folders
from ldbench.score.folders.one_size import Fit
from ldbench.score.folders.places import Place
from ldbench.score.folders.planes import measure_planes
from ldbench.score.folders.scores import FolderScores
from ldbench.score.folders.subjects import Whose, pattern_of
from ldbench.score.reference.file import SUFFIX, read_reference
from ldbench.score.reference.record import Reference
from ldbench.score.set_inputs import ScoringContext
from ldbench.task.card import ViewingConditions

Classes: TypeAlias = Path | str | Mapping[str, str | Sequence[str | int]]
Labels = Annotated[
    Path | str | Mapping[str, Path | str | Mapping[str, Sequence[float | bool | None]]],
    Expected(
        "a CSV table, or by set a table or the labels of its images, such as {'real': {'edema': [1, 0, None]}}",
        "of a DataFrame give df.to_dict('list')",
    ),
]
MetricSettings = Annotated[
    Mapping[str, Mapping[str, ParameterValue]],
    Expected("settings by the name of a metric, a dict each, such as {'coverage': {'k': 3}}"),
]


@argument_names(metric="metrics", set="settings", label="label_names")
def measure(
    real: Place | str, generated: Place | str, *, training: Place | str | None = None,
    metrics: Sequence[str] | None = None, network: str | None = None, paired: bool = False, side: int | None = None,
    channels: Channels | None = None, blur: float = 0.0, noise: float = 0.0, settings: MetricSettings | None = None,
    subjects: Path | str | Mapping[str, Sequence[str | int]] | None = None, subject_pattern: str | None = None,
    images: int | None = None, per_image: Path | str | None = None, seed: int = 0, device: str = "auto",
    progress: Progress = silent, strict: bool | None = None, fit: Fit | None = None, classes: Classes | None = None,
    by_class: bool = False, labels: Labels | None = None, label_names: Sequence[str] | None = None,
    by_label: bool = False, volumes: Sequence[str] | None = None, slices: int | str | None = None,
    window: str | None = None,
) -> FolderScores:
    """The scores of the images in `generated` beside those in `real`, each with a 95 % interval.

    The folders hold 8-bit PNG or JPEG files of one size, or square ones that are brought to `side` pixels; `fit` makes
    others square: "pad" adds black at both sides, "crop" keeps the middle, "stretch" resizes them as they are. Instead
    of a folder there may be an array or tensor `(N, 1 or 3, H, W)`, of uint8 or of floats in [0, 1]: it is measured as
    if it had been written to `000000.png`, `000001.png` and so on. Torch's settings (default device, TF32) change no
    value. They, random states and threads stay as they are.

    `real` may be a file that `ldbench.run.reference.save_reference` wrote: then those metrics are measured that its
    statistics are enough for, and those that look at no real image. Its network, form, viewing conditions and settings
    hold; others are a `UsageError`. It takes twenty generated images or subjects.

    `training` holds what the generator learnt from: then copies are looked for. `metrics` are names of `ldbench list
    metrics`, or `path/to/file.py:NAME`; None are all that the folders allow. `network` is the feature network of all
    metrics that take one, without it the one that ships. `paired`: each generated image has its true one under the same
    name in `real`. `channels` "grey-as-rgb" averages all images over their channels, None is "rgb". `blur` and `noise`
    are viewing conditions, standard deviations in pixels and in grey levels from 0 to 1. `settings` has further
    settings by metric, `{"coverage": {"k": 3}}`, of which texts are read as `--set` reads them.

    `subjects` says whose images are, for intervals: a CSV table with columns image and subject, or by set ("real",
    "generated") the subject of each image in the order of their names; `subject_pattern` finds it in a name.

    `classes` says which class each image is to show, as `classed_by` takes it. Then `intra_fid` is measured too, and
    those that train a classifier where `metrics` name them: `auc`, and with `training` `judge_accuracy`, `judge_auc`
    and `judge_calibration`. `settings` has its recipe by the metric's name, that of the judge by "judge". With
    `by_class` the answer also has the scores within each class.

    `labels`, instead, says which of several labels each image has, as `labelled_by` takes it. Then `labels_auc` can be
    named and, with `training`, `judge_labels_auc`. `by_label` adds the scores of the images with each label.

    With `volumes` the folders hold NIfTI volumes, cut as `cut_by` says: `by_plane` has each plane, `scores` the means.

    `images` is how many of the real and of the generated images are drawn, by their pixels and `seed`, the seed of all
    draws. To `per_image` a CSV table is written with a line a generated image: its value of each metric that is a mean
    over images, and the nearest real image and training image in the features of the network in use.

    The answer has the `scores`, in `refused` why others have none, in `images` and `options` what was measured and how,
    and in `notes` what makes values mean less than they seem to. Raises `ImageError`, `UsageError`, `DataError`,
    `UnknownNameError`, `WeightsError`; if `strict`, as by default where `metrics` are named, `MetricError` of a metric.

    >>> measure("real/", "generated/", metrics=["fid"]).values["fid"]  # doctest: +SKIP
    """
    return measure_each(
        real, [generated], training=training, metrics=metrics, network=network, paired=paired, side=side,
        channels=channels, blur=blur, noise=noise, settings=settings, subjects=subjects,
        subject_pattern=subject_pattern, images=images, per_image=per_image, seed=seed, device=device,
        progress=progress, strict=strict, fit=fit, classes=classes, by_class=by_class, labels=labels,
        label_names=label_names, by_label=by_label, volumes=volumes, slices=slices, window=window,
    )[0]


def _in_words(found: list[FolderScores], words: Words) -> list[FolderScores]:
    return [each.in_words(words) for each in found]


@argument_names(_in_words, metric="metrics", set="settings", label="label_names")
def measure_each(
    real: Place | str, generated: Sequence[Place | str], *, training: Place | str | None = None,
    metrics: Sequence[str] | None = None, network: str | None = None, paired: bool = False, side: int | None = None,
    channels: Channels | None = None, blur: float = 0.0, noise: float = 0.0,
    settings: MetricSettings | None = None,
    subjects: Path | str | Mapping[str, Sequence[str | int]] | None = None, subject_pattern: str | None = None,
    images: int | None = None, per_image: Path | str | None = None, seed: int = 0, device: str = "auto",
    progress: Progress = silent, strict: bool | None = None, fit: Fit | None = None, classes: Classes | None = None,
    by_class: bool = False, labels: Labels | None = None, label_names: Sequence[str] | None = None,
    by_label: bool = False, volumes: Sequence[str] | None = None, slices: int | str | None = None,
    window: str | None = None,
) -> list[FolderScores]:
    """The scores of each of several sets of generated images beside the same real ones, as `measure` has them.

    The real images are read, and their features computed, once. `ldbench.board.folder_differences.differences` says
    which of the sets are better than the first one. With `images`, sets of the same names are drawn by the same names,
    and so are pairs. The table of `per_image` has a column `folder` where there are several. Raises as `measure` does,
    and `UsageError` for a folder that is given twice or for none.

    >>> found = measure_each("real/", ["generated-a/", "generated-b/"])  # doctest: +SKIP
    >>> differences(found).found[0].verdict  # doctest: +SKIP
    """
    if not isinstance(generated, list | tuple) or not generated:
        raise UsageError(
            f"generated: expected a list of one or more sets of images, got {type(generated).__name__}; give "
            "folders or arrays in a list"
        )
    context = ScoringContext(pick_device(device), seed, user_cache_folder() / FEATURES, progress)
    with caller_kept(context.device), on_device(context.device):
        first, *further = map(place_of, generated)
        whose = whose_of(subjects, subject_pattern)
        beside, asked = _real(real), Conditions(side, fit, channels, viewing_of(blur, noise))
        cut, agreed = cut_by(volumes, slices, window), asked
        if isinstance(beside, Reference):
            cut, agreed = beside.cut(cut), beside.conditions(asked)
        folders = Folders(
            beside, first, None if training is None else place_of(training), paired, agreed.side, agreed.viewing,
            agreed.channels or "rgb", whose, images, agreed.fit, tuple(further), classed_by(classes),
            by_class, labelled_by(labels, label_names), by_label, cut,
        )
        named = name_list(metrics, "--metric")
        return (measure_folders if cut is None else measure_planes)(
            folders, context, named, network=network, settings=setting_texts(settings),
            strict=bool(named) if strict is None else strict,
            per_image=None if per_image is None else Path(per_image),
        )


def _real(given: Place | str) -> Place | Reference:
    """The real images, or the statistics of some in a file."""
    place = place_of(given)
    named_so = isinstance(place, Path) and place.suffix == SUFFIX and not place.exists()
    return read_reference(place) if isinstance(place, Path) and (named_so or place.is_file()) else place


def place_of(given: Place | str) -> Place:
    """A folder's path, whether given as a text, or images in an array."""
    return Path(given) if isinstance(given, str | os.PathLike) else given


def whose_of(subjects: Path | str | Mapping[str, Sequence[str | int]] | None, pattern: str | None) -> Whose | None:
    """What says the subjects, if anything does."""
    if subjects is not None and pattern is not None:
        raise UsageError("--subject-pattern: expected one way to know subjects, got --subjects too; drop one of them")
    if pattern is not None:
        return pattern_of(pattern)
    return Path(subjects) if isinstance(subjects, str) else subjects


def classed_by(classes: Classes | None) -> Classed | None:
    """What says the classes, if anything does, of training images too.

    "folders" takes the first subfolder on an image's path, and a CSV table has columns image and class. A mapping holds
    by set ("real", "generated", "training") either "folders" or the class of each image in the order of their names.
    """
    if isinstance(classes, str) and classes != FOLDERS:
        return Path(classes)
    return cast("Classed | None", classes)


def labelled_by(labels: Labels | None, names: Sequence[str] | None) -> Labelled | None:
    """What says the labels, if anything does.

    A CSV table has a column image and one a label, whose cells are 1, 0, -1 (uncertain) or empty. A mapping holds by
    set ("real", "generated", "training") such a table, or by label 1, 0 or None for each image in the order of their
    names. `names` are the labels that are taken, None all. Other columns that options read are no labels: set, subject
    and class.
    """
    if labels is None:
        if names is not None:
            raise UsageError("--label: expected tables that have these labels, got none; add --labels")
        return None
    chosen = tuple(name_list(names, "--label"))
    if not isinstance(labels, Mapping):
        return Labelled(Path(labels), chosen)
    given = {name: Path(each) if isinstance(each, str | os.PathLike) else each for name, each in labels.items()}
    return Labelled(cast("Mapping[str, Path | Columns]", given), chosen)


def cut_by(volumes: Sequence[str] | None, slices: int | str | None, window: str | None) -> Cut | None:
    """How volumes are cut into slices, if there are any. Each volume is a subject, if nothing else says whose they are.

    `volumes` are planes: ["axial", "coronal", "sagittal"], say. `slices` is how many of each, and between which % of
    the volume's extent: "16:20-80" where it is None. `window` is "LOW,HIGH", the values that become black and white;
    None are percentiles 0.5 and 99.5 of all voxels of a volume. Of several planes `scores` are means over these, and
    `by_plane` has the scores of each.
    """
    return cut_of(name_list(volumes, "--volumes"), slices, window)


def viewing_of(blur: float, noise: float) -> ViewingConditions | None:
    """The viewing conditions, which blur and noise of 0 are none of."""
    try:
        return ViewingConditions(blur, noise) if (blur, noise) != (0, 0) else None
    except TypedError as wrong:
        raise UsageError(f"--{wrong}") from wrong
