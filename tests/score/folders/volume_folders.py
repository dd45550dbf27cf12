"""Folders of volumes that tests share."""

from __future__ import annotations

from pathlib import Path

from ldbench.data.volumes.cut import Cut
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.planes import measure_planes
from ldbench.score.folders.scores import FolderScores
from tests.data.volumes.small_volumes import SIDE
from tests.score.folders.disc_folders import CONTEXT

ALL = Cut(("axial",), SIDE, 0, 100, "0,255")  # each layer, as it is


def measured(real: Path, generated: Path, *metrics: str, cut: Cut = ALL, **options: object) -> FolderScores:
    asked = Folders(real, generated, volumes=cut, **options)  # type: ignore[arg-type]
    [found] = measure_planes(asked, CONTEXT, metrics, strict=True)
    return found
