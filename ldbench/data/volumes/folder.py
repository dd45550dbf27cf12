"""A folder of NIfTI volumes as sets of images: each plane's slices are one set.

A volume's name is its path below the folder without `.nii` or `.nii.gz`, and a slice's the volume's with its plane and
number: `sub-01/axial-03`. Headers are read at once, each volume when the first of its slices is asked for: then all of
them are cut and kept (`ldbench.data.volumes.kept`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ldbench.data.ids import Ids
from ldbench.data.volumes.cut import SUFFIXES, Cut, Plane
from ldbench.data.volumes.kept import KeptSlices
from ldbench.errors import ImageError, UsageError

if TYPE_CHECKING:
    import torch

    from ldbench.data.preparation import Preparation
    from ldbench.data.stored_images import StoredImages
    from ldbench.data.volumes.slices import Lie

_DIGITS = 2


class VolumeFolder:
    """The volumes of a folder and its subfolders, hidden ones left out; links are followed.

    `scratch` is where slices are kept meanwhile. `ImageError` where there is no volume or two of one name; `UsageError`
    without nibabel.
    """

    def __init__(self, folder: Path, cut: Cut, scratch: Path | None) -> None:
        self.folder, self.cut = folder, cut
        _reader()
        names = _listed(folder)
        self.names = Ids(sorted(names))
        self._files = tuple(names[name] for name in self.names)
        self.kept = KeptSlices(len(self.names) * len(cut.planes) * cut.count, scratch)  # all slices that were cut
        self._lies: dict[int, Lie] = {}
        self._lock = Lock()

    def plane(self, plane: Plane) -> VolumePlane:
        """The slices along one of the planes of the cut."""
        return VolumePlane(self, plane)

    @cached_property
    def ignored(self) -> int:
        """How many files there are no volumes by their names."""
        from ldbench.data.image_folder import count_ignored

        return count_ignored(self.folder, SUFFIXES)

    @property
    def lies(self) -> Iterator[Lie]:
        """How each volume lies, of those whose headers were read."""
        return iter(self._lies.values())

    def path(self, volume: int) -> Path:
        """The file of a volume by its number."""
        return self.folder / self._files[volume]

    def lie(self, volume: int) -> Lie:
        """How a volume lies, by its header. Raises `ImageError`."""
        if volume not in self._lies:
            self._lies[volume] = _reader().lie_of(self.path(volume), self.cut)
        return self._lies[volume]

    def place(self, volume: int, plane: Plane, number: int) -> int:
        """Where a slice stands among all."""
        return (volume * len(self.cut.planes) + self.cut.planes.index(plane)) * self.cut.count + number

    def read(self, volume: int) -> None:
        """Cut a volume, once. Raises `ImageError`."""
        last = self.place(volume, self.cut.planes[-1], self.cut.count - 1)
        with self._lock:
            if last in self.kept:
                return
            lie, by_plane = _reader().slices_of(self.path(volume), self.cut)
            if lie.shape != self.lie(volume).shape or lie.axes != self.lie(volume).axes:
                raise ImageError(f"{self.path(volume)}: changed while it was measured; let nothing write there")
            for plane, slices in by_plane.items():
                for number, levels in enumerate(slices):
                    self.kept.put(self.place(volume, plane, number), levels)


@dataclass(frozen=True)
class VolumePlane:
    """The slices of a folder's volumes along one plane."""

    volumes: VolumeFolder
    plane: Plane

    @property
    def folder(self) -> Path:
        """Where the volumes lie."""
        return self.volumes.folder

    @property
    def files(self) -> Ids:
        """The names of the volumes, sorted."""
        return self.volumes.names

    @property
    def blank(self) -> list[bool]:
        """Whether each slice shows nothing, one level all over; of those that were read."""
        return [bool(self.volumes.kept.blank[self._place(row)]) for row in range(len(self))]

    def __len__(self) -> int:
        """How many slices there are."""
        return len(self.files) * self.volumes.cut.count

    def of_slices(self, of_files: Iterable[str]) -> tuple[str, ...]:
        """What each volume has, of each of its slices."""
        return tuple(one for one in of_files for _ in range(self.volumes.cut.count))

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Of each slice the volume, the plane, and its layer, counted from 0 at the left, behind or below."""
        lies = [self.volumes.lie(volume) for volume in range(len(self.files))]
        layers = [index for lie in lies for index in self.volumes.cut.indices(lie.depth(self.plane))]
        return {"volume": list(self.of_slices(self.files)), "plane": [self.plane] * len(self), "slice": layers}

    def faults(
        self, check_size: Callable[[str, tuple[int, int]], None], seen: Callable[[int, int], None]
    ) -> list[str]:
        """What is wrong with each volume by its header, or with the (height, width) of its slices by `check_size`, to
        which they are called as the volume and its plane: each plane has a size of its own."""
        found = list[str]()
        for volume in range(len(self.files)):
            try:
                name = f"{self.volumes.path(volume)} ({self.plane})"
                check_size(name, self.volumes.lie(volume).size(self.plane))
            except ImageError as error:
                found.append(str(error))
            seen(volume + 1, len(self.files))
        return found

    def images(
        self, fitted: Callable[[Path | str, torch.Tensor], torch.Tensor], prepared: Preparation
    ) -> StoredImages:
        """Id -> slice, by `fitted` and `prepared` as in `ldbench.data.image_folder.read_any_sizes`."""
        import numpy as np
        import torch

        from ldbench.data.image_folder import READERS
        from ldbench.data.stored_images import StoredImages

        width = max(_DIGITS, len(str(self.volumes.cut.count)))
        ids = Ids(
            f"{name}/{self.plane}-{number + 1:0{width}}" for name in self.files
            for number in range(self.volumes.cut.count)
        )
        counted, lock = np.zeros(len(ids), np.bool_), Lock()

        def read(image_id: str) -> torch.Tensor:
            row = ids.place(image_id)
            if self._place(row) not in self.volumes.kept:
                self.volumes.read(row // self.volumes.cut.count)
            levels = torch.from_numpy(self.volumes.kept.get(self._place(row))[None])
            with lock:
                if not counted[row]:
                    counted[row] = True
                    prepared.add(levels, None)
            return fitted(self.volumes.path(row // self.volumes.cut.count), levels)

        return StoredImages(ids, read, threads=READERS, room=0)

    def _place(self, row: int) -> int:
        return self.volumes.place(row // self.volumes.cut.count, self.plane, row % self.volumes.cut.count)


def _reader() -> Any:
    """The module that reads volumes. `UsageError` where nibabel is not installed."""
    try:
        from ldbench.data.volumes import slices
    except ModuleNotFoundError as error:
        if error.name != "nibabel":
            raise
        raise UsageError(
            '--volumes: expected the package nibabel, which reads volumes, got none; pip install "ldbench[clinical]"'
        ) from error
    return slices


def _listed(folder: Path) -> dict[str, str]:
    """By its name the file of each volume, both as paths below the folder. Raises `ImageError`."""
    from ldbench.data.image_folder import names_below

    if not folder.is_dir():
        got = "a file" if folder.exists() else "none"
        raise ImageError(f"can't read {folder}: expected a folder of volumes, got {got}; name another")
    found = dict[str, str]()
    for file in names_below(folder):
        if not (suffix := _suffix(file)):
            continue
        name = file[: -len(suffix)]
        if (other := found.setdefault(name, file)) != file:
            raise ImageError(
                f"{folder}: expected one volume of a name, got {min(file, other)} and {max(file, other)}; keep one"
            )
    if not found:
        raise ImageError(
            f"{folder}: expected NIfTI volumes, got none that ends in {', '.join(SUFFIXES)}; name another folder, or "
            "drop --volumes"
        )
    return found


def _suffix(file: str) -> str:
    return next((file[-len(each) :] for each in SUFFIXES if file.lower().endswith(each)), "")
