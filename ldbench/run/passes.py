"""The passes of a run: the task's cases and, where its metrics ask for them, null edits and edits back.

Says which images belong to a task and reads them from disk. A pass of which some images are missing is an error. A
further pass without a folder was not made, and what is measured on it is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Case
from ldbench.data.ids import Ids
from ldbench.data.image_folder import read_folder
from ldbench.data.stored_images import StoredImages, hash_pixels
from ldbench.data.task_data import TaskData
from ldbench.records.run_folder import BACK, NULL
from ldbench.task.metric_specs import further_images, needing

if TYPE_CHECKING:
    import torch

WORDS = {NULL: "null edits", BACK: "edits back"}  # what the images of a further pass are


@dataclass(frozen=True)
class RunImages:
    """What a generator made: images `(3, H, W) float32 in [0, 1]` by case id, those of the further passes by pass and
    id of the case that they belong to, and a digest over names and pixels of all. Images are read when asked for."""

    images: Mapping[str, torch.Tensor]
    passes: Mapping[str, Mapping[str, torch.Tensor]]
    digest: str


def passes(data: TaskData, images: Path) -> Iterator[tuple[str, Sequence[Case]]]:
    """Name and cases of each pass, the task's own first, named ""; `images` is where its results lie.

    An edit back starts from a result as it was stored: the results must stand before the last pass is asked for.
    """
    yield "", data.cases
    if null := data.null_cases():
        yield NULL, null
    if further_images(data.task.metrics, "back"):
        yield BACK, data.back_cases(_read(data, images, data.cases))


def absent_passes(data: TaskData, folders: Mapping[str, Path]) -> dict[str, list[str]]:
    """The metrics of the card that lack their images, by the further pass that has no folder."""
    asked = {NULL: needing(data.task.metrics, "null"), BACK: needing(data.task.metrics, "back")}
    return {name: metrics for name, metrics in asked.items() if metrics and not folders[name].is_dir()}


def read_images(data: TaskData, folders: Mapping[str, Path]) -> RunImages:
    """Read the results and the further passes, each from the folder of its name."""
    digest = hashlib.sha256()
    by_pass: dict[str, StoredImages] = {}
    for name, cases in passes(data, folders[""]):
        folder = folders.get(name)
        if folder is None or (name and not folder.is_dir()):
            continue
        images = _read(data, folder, cases)
        hash_pixels(digest, images)
        by_pass[name] = images if not name else _of_cases(images, f".{name}")
    return RunImages(by_pass.pop(""), by_pass, digest.hexdigest())


def _read(data: TaskData, folder: Path, cases: Sequence[Case]) -> StoredImages:
    side = data.task.protocol.resolution
    return read_folder(folder, Ids(case.id for case in cases), (side, side))


def _of_cases(images: StoredImages, suffix: str) -> StoredImages:
    """The images of a pass by the ids of the cases that they belong to."""
    ids = Ids(case_id.removesuffix(suffix) for case_id in images)
    return StoredImages(ids, lambda case_id: images[case_id + suffix], threads=images.threads, room=0)
