"""Folders of images, without a task: real ones, and generated ones that are measured beside them.

This is what other packages are used for most. The metrics are those of the task cards, a plug-in's included, with their
intervals; a card adds fixed cases, prompts and a ranking. A metric that needs a card says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from ldbench.api import Measured, Metric, Need, ParameterValue
from ldbench.data.volumes.cut import Cut
from ldbench.errors import ImageError, LdbenchError, UsageError
from ldbench.records.seed import check_seed
from ldbench.score.folders.by_class import scores_by_class, scores_by_label
from ldbench.score.folders.classes import Classed, said_by
from ldbench.score.folders.classifiers import JUDGE, options_of
from ldbench.score.folders.form import Channels, check_form
from ldbench.score.folders.inputs import FolderInputs, NoRealImagesError, of_sets
from ldbench.score.folders.label_notes import few_of_a_label, label_shares
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.metrics import (
    Offered,
    by_asked_name,
    check_measured,
    default_metrics,
    lacking,
    named_metrics,
    of_classes,
    of_labels,
    only_named,
    recipes_of,
)
from ldbench.score.folders.notes import (
    few,
    few_of_a_class,
    of_pixels,
    shares,
    thin,
    uneven,
    unlike,
    unlike_recipes,
    unmeasured_beside,
)
from ldbench.score.folders.one_size import Fit
from ldbench.score.folders.per_image import PerImage, check_file, rows_of_images, write_per_image
from ldbench.score.folders.places import Place, check_different
from ldbench.score.folders.scores import FolderParts, FolderScores
from ldbench.score.folders.sets import MeasuredSet, read_sets
from ldbench.score.folders.settings import changed_settings, network_in_use, settings_beside_real
from ldbench.score.folders.subjects import Whose
from ldbench.score.folders.tables import GENERATED, kind_of
from ldbench.score.folders.volume_notes import of_volumes
from ldbench.score.free_memory import give_back
from ldbench.score.reference.metrics import beside as beside_statistics
from ldbench.score.reference.record import Reference
from ldbench.score.scorer import attributed, measured
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.steps import steps
from ldbench.task.card import ViewingConditions
from ldbench.task.metric_specs import JudgeSpec, TrainingSpec

_FEWEST = 3  # images of a set that a distance has an interval for


@dataclass(frozen=True)
class Folders:
    """What is measured, and how.

    `real` and `generated` are folders of 8-bit PNG or JPEG files of one size, with what lies in their subfolders, or
    arrays or tensors `(N, 1 or 3, H, W)` of uint8 or of floats in [0, 1], which are measured as if written to PNG;
    `side` brings square images of any size to that many pixels, `fit` others too. `training` holds what the generator
    learnt from. Instead of images `real` can have statistics of them, whose conditions the others here then share.
    Under `channels` "grey-as-rgb" all images are averaged over their channels, under "rgb" colour counts.
    `subjects` says whose the images are: then the units of intervals are subjects. `images` is how many of the real and
    of the generated images are drawn and measured.
    `paired`: an image of `generated` has its true image under the same name in `real`. `viewing`: the conditions under
    which metrics that have them look. `further` are sets of other generators: each is measured as `generated` is.
    `classes` says which class each image is to show: then metrics that need classes are measured too, and with
    `by_class` all within each class. `labels` says which of several labels it is to show, and `by_label` measures the
    images that have each. `volumes` says how the images were cut from volumes, if they were.
    """

    real: Place | Reference
    generated: Place
    training: Place | None = None
    paired: bool = False
    side: int | None = None
    viewing: ViewingConditions | None = None
    channels: Channels = "rgb"
    subjects: Whose | None = None
    images: int | None = None
    fit: Fit | None = None
    further: tuple[Place, ...] = ()
    classes: Classed | None = None
    by_class: bool = False
    labels: Labelled | None = None
    by_label: bool = False
    volumes: Cut | None = None

    def __post_init__(self) -> None:
        check_different([self.generated, *self.further])
        if self.paired and self.reference is not None:
            raise UsageError(
                f"--paired: expected a folder of real images, got statistics of some ({self.reference.where}); name "
                "the folder, or drop --paired"
            )
        if self.by_class and self.classes is None:
            raise UsageError("--by-class: expected classes of the images, got none; add --classes")
        if self.by_label and self.labels is None:
            raise UsageError("--by-label: expected labels of the images, got none; add --labels")
        if self.classes is not None and self.labels is not None:
            raise UsageError("--labels: expected one class an image or several labels, got --classes too; drop one")
        if self.reference is not None and (self.classes, self.labels) != (None, None):
            said = "labels" if self.classes is None else "classes"
            raise _without(said, f"--{said}", self.reference)
        check_form(self.side, self.fit, self.channels)
        if self.images is not None and self.images < _FEWEST:
            raise UsageError(f"--images: expected {_FEWEST} or more, got {self.images}")

    @property
    def reference(self) -> Reference | None:
        """The statistics of the real images, where these are not at hand."""
        return self.real if isinstance(self.real, Reference) else None

    @property
    def places(self) -> dict[str, Place]:
        """The folders, or arrays, by what they hold."""
        further = {f"{GENERATED} {place}": each for place, each in enumerate(self.further, 2)}
        real = None if isinstance(self.real, Reference) else self.real
        given = {"real": real, GENERATED: self.generated, **further, "training": self.training}
        return {name: place for name, place in given.items() if place is not None}

    @property
    def options(self) -> dict[str, ParameterValue]:
        """What of it an answer tells: how the images are measured."""
        viewing = {} if self.viewing is None else {"blur": self.viewing.blur, "noise": self.viewing.noise}
        said = {} if self.classes is None else {"classes": said_by(self.classes)}
        if self.labels is not None:
            said = {"labels": self.labels.said_by}
        cut = {} if self.volumes is None else self.volumes.options
        return {
            "side": self.side, "fit": self.fit, "channels": self.channels, "images": self.images,
            "paired": self.paired, **viewing, **said, **cut,
        }

    @property
    def offered(self) -> Offered:
        """What metrics need and these folders have."""
        learnt, classes, labels = (each is not None for each in (self.training, self.classes, self.labels))
        has: dict[Need | Literal["classes"], bool] = {
            "training": learnt, "viewing": self.viewing is not None, "truth": self.paired, "classes": classes,
            "labels": labels, "judge": learnt and (classes or labels),
        }
        return frozenset(need for need, given in has.items() if given)


def measure_folders(
    folders: Folders, context: ScoringContext, metrics: Sequence[str] = (), *, network: str | None = None,
    settings: Mapping[str, Mapping[str, str]] | None = None, strict: bool = False, per_image: Path | None = None,
) -> list[FolderScores]:
    """The scores of each generated folder beside the real one; without `metrics` all that the folders allow.

    `network` is the feature network of all metrics that take one (None: the one that ships), `settings` has texts of
    further settings by metric and name. What these folders cannot have is refused before an image is read; then all
    are read once before anything is measured. A metric that these images do not allow, since they are too few say,
    leaves the others alone; if `strict`, its error is raised. `per_image` is where `write_per_image` writes its table.
    Raises `ImageError`, `UsageError`, `UnknownNameError`, `WeightsError`.
    """
    check_file(per_image, folders.subjects, folders.classes, folders.labels)
    found, rows = measure_with_rows(
        folders, context, metrics, network=network, settings=settings, strict=strict, rows=per_image is not None
    )
    if per_image is not None:
        write_per_image(per_image, rows)
    return found


def measure_with_rows(
    folders: Folders, context: ScoringContext, metrics: Sequence[str] = (), *, network: str | None = None,
    settings: Mapping[str, Mapping[str, str]] | None = None, strict: bool = False, rows: bool = False,
) -> tuple[list[FolderScores], list[PerImage]]:
    """What `measure_folders` gives and, if `rows`, the table of each generated folder's single images."""
    check_seed(context.seed)
    asked, refused = named_metrics(metrics), dict[str, str]()
    if not asked:
        asked, refused = default_metrics(folders.offered)
    given = by_asked_name(settings or {}, asked)
    check_measured(given, asked)
    for name, metric in asked.items():
        if folders.reference is not None and name in (*of_classes(), *of_labels()):
            said = "labels" if "labels" in metric.needs else "classes"
            raise _without(said, f"--metric {name}", folders.reference)
        if reason := lacking(metric, folders.offered):
            raise UsageError(f"--metric {name}: {reason}")
    chosen, network = settings_beside_real(folders.reference, asked, network, given, named=bool(metrics))
    recipes_of(asked, given, {})
    every = [(beside, recipes_of(asked, given, beside)) for beside in _each_beside(_sets(folders, context))]
    found, tables, inputs = list[FolderScores](), list[PerImage](), None
    for beside, recipes in every:
        chosen |= {name: each for name, each in recipes.items() if name in chosen}
        inputs = _inputs(beside, folders, context, recipes) if inputs is None else inputs.beside(beside)
        scores, unmeasured = _measured({name: asked[name] for name in chosen}, chosen, inputs, strict, bool(metrics))
        if rows:
            of_network = network_in_use([chosen[name] for name in scores], network)
            tables.append(rows_of_images(beside[GENERATED], inputs, scores, *of_network))
        answer = _answer(folders, inputs, beside, scores, refused | unmeasured, folders.options | options_of(recipes))
        without = [name for name in asked if name not in scores and name not in unmeasured]
        notes = (*answer.notes, *unmeasured_beside(beside["real"], without), *unlike_recipes(every))
        by_class = scores_by_class(inputs, scores, chosen) if folders.by_class else {}
        by_label = scores_by_label(inputs, scores, chosen) if folders.by_label else {}
        found.append(replace(
            answer, notes=notes, only_named=() if metrics else tuple(only_named(folders.offered)),
            by_class=by_class, by_label=by_label, settings=changed_settings(asked, chosen, recipes, beside),
        ))
    return found, tables


def _sets(folders: Folders, context: ScoringContext) -> dict[str, MeasuredSet]:
    """The images, and the statistics that stand for real ones."""
    reference = folders.reference
    sets = read_sets(
        folders.places, side=folders.side, fit=folders.fit, paired=folders.paired, channels=folders.channels,
        whose=folders.subjects, images=folders.images, seed=context.seed, progress=context.progress, like=reference,
        classed=folders.classes, labelled=folders.labels,
    )
    return {**sets} if reference is None else {"real": reference, **sets}


def _without(said: str, asked: str, reference: Reference) -> UsageError:
    names = ", ".join(of_labels() if said == "labels" else of_classes())
    return UsageError(
        f"{asked}: expected a folder of real images, got statistics of some ({reference.where}), which have no "
        f"{said}, so {names} cannot be measured beside them; name the folder, or leave {asked} out"
    )


def _each_beside(sets: Mapping[str, MeasuredSet]) -> Iterator[dict[str, MeasuredSet]]:
    """The sets of each generator with the real and the training images."""
    for generated in (name for name in sets if kind_of(name) == GENERATED):
        yield {kind_of(name): each for name, each in sets.items() if name == generated or kind_of(name) != GENERATED}


def _inputs(
    sets: Mapping[str, MeasuredSet], folders: Folders, context: ScoringContext, recipes: Mapping[str, TrainingSpec]
) -> FolderInputs:
    judge = asking if isinstance(asking := recipes.get(JUDGE), JudgeSpec) else None
    return FolderInputs(
        device=context.device, seed=context.seed, cache_folder=context.cache_folder, progress=context.progress,
        conditions=folders.viewing, pairs=folders.paired, reference=folders.reference, judge=judge, **of_sets(sets),
    )


def _answer(
    folders: Folders, inputs: FolderInputs, sets: Mapping[str, MeasuredSet],
    scores: Mapping[str, tuple[Metric, Measured]], refused: Mapping[str, str], options: Mapping[str, ParameterValue],
) -> FolderScores:
    metrics = [metric for metric, _ in scores.values()]
    few_within = few_of_a_label(metrics, sets) if folders.by_label else ()
    return FolderScores(
        tuple(each.score for _, each in scores.values()), refused,
        {name: each.described for name, each in sets.items()},
        {**options, "seed": inputs.seed, "device": str(inputs.device)},
        (
            *sets[GENERATED].notes, *of_pixels(sets), *of_volumes(sets), *few(metrics, sets),
            *few_of_a_class(metrics, sets, folders.by_class), *few_within, *uneven(metrics, sets),
            *shares(metrics, sets), *label_shares(metrics, sets), *thin(scores.values(), sets, inputs.feature_count),
            *unlike(sets, folders.side, folders.channels),
        ),
        FolderParts(tuple(scores.values()), {"scans": sets["real"].units, "cases": sets[GENERATED].units}),
        {name: each.class_counts for name, each in sets.items() if each.class_counts},
        labels={name: each.label_counts for name, each in sets.items() if each.label_counts},
    )


def _measured(
    asked: Mapping[str, Metric], chosen: Mapping[str, Any], inputs: FolderInputs, strict: bool, named: bool
) -> tuple[dict[str, tuple[Metric, Measured]], dict[str, str]]:
    """Each metric with its score, and why others have none; but for those that nobody `named` and that ask for real
    images where there are none."""
    found, refused = dict[str, tuple[Metric, Measured]](), dict[str, str]()
    for name, metric in steps(list(asked.items()), inputs.progress, "score", itemgetter(0)):
        computed = metric if inputs.reference is None else beside_statistics(inputs.reference, metric)
        try:
            score = measured(computed, inputs.for_metrics, chosen[name])
            found[name] = metric, attributed(name, score)
        except ImageError:  # a file that changed meanwhile spoils what was measured, too
            raise
        except LdbenchError as error:
            if strict:
                raise
            if isinstance(error, NoRealImagesError) and not named:
                continue
            refused[name] = str(error).removeprefix(f"{name}: ")
        give_back()
    return found, refused
