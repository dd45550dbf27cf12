"""Folders of volumes: each plane's slices are measured as a folder of images is, and the planes are averaged.

That mean is what the field calls 2.5-D FID, as MONAI computes it for MAISI (Guo et al. 2024, arXiv:2409.11169;
`generation/maisi/scripts/compute_fid_2-5d_ct.py` of its tutorials): the features of slices along three planes, a FID of
each plane, and their mean. Here that is done with every metric, and with intervals whose units are volumes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ldbench.api import Measured, Metric
from ldbench.data.volumes.cut import Plane
from ldbench.data.volumes.folder import VolumeFolder
from ldbench.errors import UsageError
from ldbench.score.folders.measure import Folders, measure_with_rows
from ldbench.score.folders.one_size import OneSize
from ldbench.score.folders.per_image import PerImage, check_file, write_per_image
from ldbench.score.folders.places import check_files, opened
from ldbench.score.folders.plane_means import mean_of_planes
from ldbench.score.folders.scores import FolderParts, FolderScores
from ldbench.score.folders.tables import GENERATED, kind_of
from ldbench.score.set_inputs import ScoringContext


def measure_planes(
    folders: Folders, context: ScoringContext, metrics: Sequence[str] = (), *, per_image: Path | None = None,
    **asked: Any,
) -> list[FolderScores]:
    """The scores of the slices of volumes, as `measure_folders` has them of images; of several planes their mean, and
    `by_plane` the scores of each.

    `folders` names folders of volumes, and in `volumes` how these are cut. Each volume is read once. Raises what
    `measure_folders` raises, and `UsageError` for what volumes cannot have.
    """
    cut = folders.volumes
    assert cut is not None
    _check(folders)
    check_file(per_image, folders.subjects, folders.classes, folders.labels)
    places = {name: opened(name, place, cut, context.cache_folder) for name, place in folders.places.items()}
    for plane in cut.planes[1:]:  # before the first one is measured, whose own are checked then
        of_plane = {name: each.plane(plane) for name, each in places.items()}
        check_files(of_plane, OneSize(folders.side, folders.fit), context.progress)
    found, rows = dict[str, list[FolderScores]](), list[PerImage]()
    for plane in cut.planes:
        view = _view(folders, places, plane)
        said = partial(_of_plane, context, plane) if len(cut.planes) > 1 else context.progress
        answers, tables = measure_with_rows(
            view, replace(context, progress=said), metrics, rows=per_image is not None, **asked
        )
        found[plane] = answers
        rows += tables
    if per_image is not None:
        write_per_image(per_image, rows)
    if len(found) == 1:
        return found[cut.planes[0]]
    return [_together(dict(zip(found, each, strict=True)), folders) for each in zip(*found.values(), strict=True)]


def _check(folders: Folders) -> None:
    """`UsageError` for what only images can have."""
    assert folders.volumes is not None
    planes = ",".join(folders.volumes.planes)
    if folders.images is not None:
        raise UsageError(
            f"--images {folders.images}: expected images to draw of, got volumes; leave it out, and name folders of as "
            "many volumes (links to them will do)"
        )
    for option, given in (("--by-class", folders.by_class), ("--by-label", folders.by_label)):
        if given and len(folders.volumes.planes) > 1:
            raise UsageError(f"{option}: expected one plane, got {planes}; name one with --volumes")


def _view(folders: Folders, places: Mapping[str, VolumeFolder], plane: Plane) -> Folders:
    """The folders with the slices along a plane in the place of their volumes."""
    cut = folders.volumes
    assert cut is not None
    slices = {name: each.plane(plane) for name, each in places.items()}
    first, *further = (each for name, each in slices.items() if kind_of(name) == GENERATED)
    return replace(
        folders, real=folders.reference or slices["real"], generated=first, further=tuple(further),
        training=slices.get("training"), volumes=replace(cut, planes=(plane,)),
    )


def _of_plane(context: ScoringContext, plane: Plane, stage: str, done: int, total: int, note: str = "") -> None:
    context.progress(f"{plane}: {stage}", done, total, note)


def _together(planes: Mapping[str, FolderScores], folders: Folders) -> FolderScores:
    """The scores of one generated folder over all planes."""
    first = next(iter(planes.values()))
    assert folders.volumes is not None
    by_metric = {metric.name: metric for each in planes.values() for metric, _ in each.parts.measured}
    units = {plane: each.parts.units for plane, each in planes.items()}
    means, refused = list[tuple[Metric, Measured]](), dict[str, str]()
    for plane, each in planes.items():
        refused |= {name: f"{plane}: {reason}" for name, reason in each.refused.items() if name not in refused}
    for name, metric in by_metric.items():
        scores = {
            plane: score for plane, each in planes.items() for one, score in each.parts.measured if one.name == name
        }
        if len(scores) == len(planes):
            means.append((metric, mean_of_planes(metric, scores, units)))
    return FolderScores(
        tuple(score.score for _, score in means), refused,
        {name: _images([each.images[name] for each in planes.values()]) for name in first.images},
        {**first.options, **folders.volumes.options}, _notes(planes),
        FolderParts(tuple(means), {kind: tuple(dict.fromkeys(names)) for kind, names in first.parts.units.items()}),
        {
            name: {label: sum(each.classes[name][label] for each in planes.values()) for label in of_set}
            for name, of_set in first.classes.items()
        },
        first.only_named, by_plane={plane: each.scores for plane, each in planes.items()}, settings=first.settings,
        labels={
            name: {
                label: {which: sum(each.labels[name][label][which] for each in planes.values()) for which in counts}
                for label, counts in of_set.items()
            }
            for name, of_set in first.labels.items()
        },
    )


def _images(planes: Sequence[Mapping[str, str | int]]) -> dict[str, str | int]:
    """What is told of a set, with all its slices counted and one digest of those of its planes."""
    digests = "".join(str(each["sha256"]) for each in planes)
    return {
        **planes[0], "images": sum(int(each["images"]) for each in planes),
        "sha256": hashlib.sha256(digests.encode()).hexdigest(),
    }


def _notes(planes: Mapping[str, FolderScores]) -> tuple[str, ...]:
    """Each note once: with the planes that it is of, unless it is of all."""
    said = dict[str, list[str]]()
    for plane, each in planes.items():
        for note in each.notes:
            said.setdefault(note, []).append(plane)
    return tuple(
        note if len(of) == len(planes) else f"{', '.join(of)}: {note}" for note, of in said.items()
    )
