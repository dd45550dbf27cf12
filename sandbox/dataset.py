"""The sandbox's data: one archive of images and one manifest a data set, checked before use.

Anything whose SHA-256 is not the one on the task card is refused. What is rendered from a seed is read as the frozen
data are.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ldbench.api import DataSource, Progress, Record, Simulator
from ldbench.errors import DataError, UsageError

from .archive import array_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "ldbench_tasks"  # it holds the data beside the cards that name their checksums
_BOOKKEEPING = ("image_id", "subject", "split", "role", "index")


@dataclass(frozen=True)
class FrozenDataset:
    """All images of a sandbox data set; `arrays` holds `(N, H, W) uint8` a split and role."""

    name: str
    records: tuple[Record, ...]
    arrays: Mapping[str, NDArray[np.uint8]]

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split with a role, in the manifest's order."""
        return [record for record in self.records if record.split == split and record.role == role]

    def only(self, split: str) -> FrozenDataset:
        """The images of one split: what may be handed to those who mustn't see the others."""
        arrays = {key: value for key, value in self.arrays.items() if key.split("_")[0] == split}
        return FrozenDataset(self.name, tuple(record for record in self.records if record.split == split), arrays)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of a record's image."""
        height, width = self.arrays[array_name(record.split, record.role)].shape[1:]
        return height, width

    def image(self, record: Record) -> NDArray[np.float32]:
        """The image of a record as `(3, H, W) float32 in [0, 1]`, grey replicated."""
        grey = self.arrays[array_name(record.split, record.role)][record.index].astype(np.float32) / 255.0
        return np.repeat(grey[None], 3, axis=0)


def _frozen(name: str, folder: str, checksums: Mapping[str, str]) -> FrozenDataset:
    return _load(name, _folder(folder)[0], tuple(sorted(checksums.items())), "reinstall ldbench")


def _rendered(name: str, folder: Path, checksums: Mapping[str, str]) -> FrozenDataset:
    return _load(name, folder, tuple(sorted(checksums.items())), "render them anew")


def _folder(folder: str) -> list[Path]:
    return [Path(str(resources.files(PACKAGE).joinpath(folder)))]


def _networks(name: str) -> list[Path]:
    folder = Path(str(resources.files(__package__).joinpath("networks")))
    # not `name*`, which has those of a data set whose name goes on
    return sorted([*folder.glob(f"{name}.safetensors"), *folder.glob(f"{name}-judge-*.safetensors")])


@functools.lru_cache(maxsize=4)
def _load(name: str, root: Path, checksums: tuple[tuple[str, str], ...], remedy: str) -> FrozenDataset:
    files, folder = {}, root.name
    for file_name, expected in checksums:
        try:
            content = (root / file_name).read_bytes()
        except OSError as error:
            raise DataError(f"can't read {root / file_name}: {error.strerror}; {remedy}") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != expected:
            raise DataError(
                f"{folder}/{file_name}: expected SHA-256 {expected[:12]}..., got {digest[:12]}...; "
                f"the data are not the card's: {remedy}"
            )
        files[file_name] = content
    for needed in ("images.npz", "manifest.csv"):
        if needed not in files:
            raise DataError(f"data.checksums: expected an entry for {needed}, got {sorted(files)}")
    with np.load(io.BytesIO(files["images.npz"]), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    records = tuple(_records(files["manifest.csv"].decode("utf-8"), folder))
    _check(records, arrays, folder)
    return FrozenDataset(name, records, arrays)


def _records(text: str, folder: str) -> list[Record]:
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or any(name not in rows[0] for name in _BOOKKEEPING):
        raise DataError(f"{folder}/manifest.csv: expected the columns {', '.join(_BOOKKEEPING)}")
    return [
        Record(
            row["image_id"], row["subject"], row["split"], row["role"],
            {name: _value(text) for name, text in row.items() if name not in _BOOKKEEPING}, int(row["index"]),
        )
        for row in rows
    ]


def _value(text: str) -> str | int | float:
    """A manifest cell as the number it spells, else as text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _check(records: tuple[Record, ...], arrays: Mapping[str, NDArray[np.uint8]], folder: str) -> None:
    ids = [record.id for record in records]
    if len(set(ids)) != len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise DataError(f"{folder}/manifest.csv: image ids must be unique, {twice[0]!r} stands twice")
    split_of: dict[str, str] = {}
    for record in records:
        if split_of.setdefault(record.subject, record.split) != record.split:
            raise DataError(f"{folder}/manifest.csv: subject {record.subject!r} is in two splits")
        key = array_name(record.split, record.role)
        if key not in arrays or not 0 <= record.index < len(arrays[key]):
            raise DataError(f"{folder}/manifest.csv: {record.id!r} points at {key}[{record.index}], which is absent")


def _render_brain(
    folder: Path, *, seed: int, revision: str, splits: Collection[str], processes: int, progress: Progress
) -> None:
    from .brain.build import build_brain
    from .brain.population import POPULATIONS

    _check_revision("sandbox-brain", revision, POPULATIONS)
    build_brain(
        folder, seed, splits=splits, population=POPULATIONS[revision], processes=processes, progress=progress
    )


def _render_chest(
    folder: Path, *, seed: int, revision: str, splits: Collection[str], processes: int, progress: Progress
) -> None:
    from .chest.build import build_chest

    _check_revision("sandbox-chest", revision, ("1",))
    build_chest(folder, seed, splits=splits, processes=processes, progress=progress)


def _render_several(
    folder: Path, *, seed: int, revision: str, splits: Collection[str], processes: int, progress: Progress
) -> None:
    from .chest.several import build_several

    _check_revision("sandbox-chest-findings", revision, ("1",))
    build_several(folder, seed, splits=splits, processes=processes, progress=progress)


def _check_revision(name: str, revision: str, known: Collection[str]) -> None:
    if revision not in known:
        raise UsageError(f"{name}: expected revision {' or '.join(known)}, got {revision!r}; take the card's revision")


SANDBOX_BRAIN = DataSource(
    name="sandbox-brain", summary="Brain slices of 64 px on real anatomy, with a known model of ageing and atrophy.",
    load=functools.partial(_frozen, "sandbox-brain", "sandbox_brain"),
    folders=functools.partial(_folder, "sandbox_brain"),
    simulator=Simulator(render=_render_brain, read=functools.partial(_rendered, "sandbox-brain")),
    networks=functools.partial(_networks, "sandbox-brain"),
)
SANDBOX_CHEST = DataSource(
    name="sandbox-chest", summary="Chest films of 64 px, projected from a thorax with known findings.",
    load=functools.partial(_frozen, "sandbox-chest", "sandbox_chest"),
    folders=functools.partial(_folder, "sandbox_chest"),
    simulator=Simulator(render=_render_chest, read=functools.partial(_rendered, "sandbox-chest")),
    networks=functools.partial(_networks, "sandbox-chest"),
)
SANDBOX_CHEST_FINDINGS = DataSource(
    name="sandbox-chest-findings", summary="Chest films of 64 px of the same thorax, each with none to four findings.",
    load=functools.partial(_frozen, "sandbox-chest-findings", "sandbox_chest_findings"),
    folders=functools.partial(_folder, "sandbox_chest_findings"),
    simulator=Simulator(render=_render_several, read=functools.partial(_rendered, "sandbox-chest-findings")),
    networks=functools.partial(_networks, "sandbox-chest-findings"),
)
