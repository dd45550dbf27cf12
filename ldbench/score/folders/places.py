"""Where the images that are measured lie: in folders of images or of volumes, or in arrays; and that no file is faulty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ldbench.data.volumes.cut import Cut
from ldbench.data.volumes.folder import VolumeFolder, VolumePlane
from ldbench.errors import ImageError, UsageError
from ldbench.score.folders.one_size import OneSize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ldbench.api import Progress

Place: TypeAlias = "Path | NDArray[Any] | Tensor | VolumePlane"  # a folder, images in an array, or slices of volumes
_UNNAMED = ("", "..")  # last parts of paths that are no names, as of `.`
_NAMED = 5  # faults that are told one by one


def folder_of(place: Place) -> Path | None:
    """The folder of images or of volumes; None for an array."""
    if isinstance(place, VolumePlane):
        return place.folder
    return place if isinstance(place, Path) else None


def opened(name: str, place: Place, cut: Cut, scratch: Path | None) -> VolumeFolder:
    """The volumes of a folder, whose slices are kept in `scratch` meanwhile. `UsageError` for an array, and as
    `VolumeFolder` raises."""
    if not isinstance(place, Path):
        raise UsageError(
            f"--volumes {','.join(cut.planes)}: expected a folder of {name} volumes, got an array; write them to NIfTI "
            "files, or give slices and leave it out"
        )
    return VolumeFolder(place, cut, scratch)


def check_different(generated: Sequence[Place]) -> None:
    """`UsageError` where a folder is given twice."""
    seen = dict[Path, Path]()
    for folder in filter(None, map(folder_of, generated)):
        if (first := seen.setdefault(folder.resolve(), folder)) is not folder:
            raise UsageError(
                f"{folder}: expected different folders of generated images, got one twice ({first}); drop one of them"
            )


def by_method(folders: Sequence[Path]) -> dict[str, list[int]]:
    """The places of the folders by the folder that they lie in: that is a method, and they are its seeds.

    `UsageError` where no method has several.
    """
    names, found = dict[Path, str](), dict[str, list[int]]()
    for place, folder in enumerate(folders):
        above = (folder if folder.name not in _UNNAMED else folder.resolve()).parent
        written = above if above.name not in _UNNAMED else above.resolve()
        found.setdefault(names.setdefault(above.resolve(), str(written)), []).append(place)
    if all(len(places) == 1 for places in found.values()):
        raise UsageError(
            "--by-method: expected the seeds of a method in one folder, as in drift/seed0 drift/seed1, got one folder "
            f"each in {', '.join(found)}; put the folders of a method into one (links will do), or leave it out"
        )
    return found


def check_apart(places: Mapping[str, Path]) -> None:
    """`ImageError` where a folder lies in another one, whose images would hold its own."""
    resolved = {name: path.resolve() for name, path in places.items()}
    for name, outer in resolved.items():
        for other, inner in resolved.items():
            if outer in inner.parents:
                raise ImageError(
                    f"{places[other]}: expected folders apart, got the {other} images inside the {name} ones "
                    f"({places[name]}), which subfolders belong to; move one of them"
                )


def check_files(places: Mapping[str, Place], one_size: OneSize, progress: Progress) -> None:
    """`ImageError` that names the first faulty files of all folders and counts the others, before any is read in full.
    """
    from ldbench.data.image_folder import faults_of

    faults = list[str]()
    for name, place in places.items():
        if isinstance(place, VolumePlane):
            what = "volumes"
            faults += place.faults(one_size.check, partial(progress, f"checking {name} {what}"))
        elif isinstance(place, Path):
            what = "images"
            faults += faults_of(place, one_size.check, partial(progress, f"checking {name} {what}"))
    if len(faults) == 1:
        raise ImageError(faults[0])
    if faults:
        raise ImageError(f"{len(faults)} {what} can't be measured: {_told(faults)}")


def _told(faults: Sequence[str]) -> str:
    """Faults in one line: each once, with the first files that have it, and how many others there are."""
    files_by_fault = dict[str, list[str]]()
    for fault in faults:
        file, _, what = fault.partition(": ")
        files_by_fault.setdefault(what, []).append(file)
    said, left = list[str](), _NAMED
    for what, files in files_by_fault.items():
        if not left:
            break
        named, more = files[:left], len(files) - left
        said.append(f"{', '.join(named)}{f' and {more} more' if more > 0 else ''}: {what}")
        left -= len(named)
    others = len(faults) - sum(map(len, list(files_by_fault.values())[: len(said)]))
    numbered = said if len(files_by_fault) == 1 else [f"({place}) {each}" for place, each in enumerate(said, 1)]
    return " ".join(numbered) + (f" and {others} more" if others else "")
