"""A data set that `ldbench data prepare` made: a folder of images with a manifest, read lazily and checked.

It has the methods of the sandbox's `FrozenDataset`. Refuses a manifest that isn't dataset.json's, an image that is
missing, and one whose bytes are not the manifest's: a result over altered data would say nothing.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import Record
from ldbench.data.ids import Ids, encoded
from ldbench.data.manifest_rows import Manifest, ManifestRows, rows_of
from ldbench.data.on_demand import picked
from ldbench.errors import DataError, unknown_name
from ldbench.plugins.kinds import DATASETS
from ldbench.records.files import user_cache_folder

ENVIRONMENT = "LDBENCH_DATA"
JOIN = "+"  # `adni1+oasis3` is both, one after the other
UNALIGNED = "none"
ALIGNED = ("mni152", "before")  # as readers' settings say it: aligned here, or before
COLUMNS = ("image_id", "subject", "split", "role", "source", "file", "sha256")
_FILE = re.compile(r"images/[0-9a-f]+\.png")


@dataclass(frozen=True)
class PreparedDataset:
    """All images of a prepared data set.

    `revision` is the recipe's (reader settings and plan), `manifest_sha256` the content's. `alignment` is the space
    that its volumes were aligned to, "none" where they were not, and of several data sets each one's.
    """

    name: str
    records: ManifestRows
    revision: str
    manifest_sha256: str
    alignment: str = UNALIGNED

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split with a role, in the manifest's order."""
        return list(self.selected(split, role))

    def selected(self, split: str, role: str = "scan") -> Sequence[Record]:
        """What `select` gives, each record made when it is asked for."""
        places = (place for place, one in enumerate(self.records) if (one.split, one.role) == (split, role))
        return picked(self.records, places)

    def only(self, split: str) -> PreparedDataset:
        """The images of one split: what may be handed to those who mustn't see the others."""
        return replace(self, records=self.records.only(split))

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of a record's image."""
        return self.records.file(record).size

    def image(self, record: Record) -> NDArray[np.float32]:
        """The image of a record as `(3, H, W) float32 in [0, 1]`, grey replicated. Raises `DataError`."""
        stored = self.records.file(record)
        try:
            content = stored.path.read_bytes()
        except OSError as error:
            raise DataError(f"can't read {stored.path}: {error.strerror}; run `ldbench data prepare` again") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != stored.sha256:
            raise DataError(
                f"{stored.path}: expected SHA-256 {stored.sha256[:12]}..., got {digest[:12]}...; the image was "
                "changed: delete it and run `ldbench data prepare` again"
            )
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            grey = np.array(image, dtype=np.uint8).astype(np.float32) / 255.0
        if grey.shape != stored.size:
            raise DataError(f"{stored.path}: expected grey pixels {stored.size}, got {grey.shape}; prepare anew")
        return np.repeat(grey[None], 3, axis=0)


def data_folder(dataset: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where a prepared data set is looked for and made: LDBENCH_DATA/<name>, or <user cache>/data/<name>."""
    chosen = environment.get(ENVIRONMENT)
    return (Path(chosen).expanduser() if chosen else user_cache_folder(lasting=True) / "data") / dataset


def find(dataset: str) -> PreparedDataset:
    """The prepared data of a name; several joined by `+` follow each other.

    Raises `DataError` naming all that are missing and the commands that make them; for a name that is neither one that
    `ldbench data prepare` knows nor a folder, `UnknownNameError` with near ones.
    """
    names, registered = dataset.split(JOIN), [entry.name for entry in DATASETS.entries()]
    folders = {name: data_folder(name) for name in names}
    absent = [name for name, folder in folders.items() if not (folder / "dataset.json").is_file()]
    for name in absent:
        if name not in registered and not folders[name].is_dir():
            remedy = f"it stands on the card as data.dataset, and {folders[name]} is none; `{_command(name)}` makes one"
            raise unknown_name("dataset", name, registered, remedy)
    if absent:
        places = " and ".join(str(folders[name]) for name in absent)
        commands = " and ".join(f"`{_command(name)}`" for name in absent)
        raise DataError(f"{places}: expected prepared data, got none; run {commands}, or set {ENVIRONMENT}")
    parts = [_called(name, open_prepared(folders[name])) for name in names]
    return parts[0] if len(parts) == 1 else _joined(dataset, parts)


def _called(name: str, data: PreparedDataset) -> PreparedDataset:
    if data.name != name:
        raise DataError(
            f"{data_folder(name)}: expected the data set {name}, got {data.name}; set {ENVIRONMENT}"
        )
    return data


def open_prepared(folder: Path) -> PreparedDataset:
    """The prepared data in a folder, its manifest checked and none of its images missing. Raises `DataError`."""
    try:
        about = (folder / "dataset.json").read_bytes()
        return _opened(folder, about, _manifest(folder, about))
    except OSError as error:
        raise DataError(f"can't read {error.filename}: {error.strerror}; run `ldbench data prepare` again") from error


def _manifest(folder: Path, about: bytes) -> bytes:
    """The manifest, where it is the one that dataset.json speaks of."""
    manifest = (folder / "manifest.csv").read_bytes()
    digest = hashlib.sha256(manifest).hexdigest()
    try:
        expected = json.loads(about)["manifest_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / 'dataset.json'}: expected a prepared data set, got {error!r:.80}") from error
    if digest != expected:
        raise DataError(
            f"{folder / 'manifest.csv'}: expected SHA-256 {expected[:12]}..., got {digest[:12]}...; the manifest was "
            "changed: run `ldbench data prepare` again"
        )
    return manifest


@functools.lru_cache(maxsize=4)
def _opened(folder: Path, about: bytes, text: bytes) -> PreparedDataset:
    table = json.loads(about)
    where = folder / "manifest.csv"
    manifest = Manifest(folder, text, table["attributes"], tuple(table["size"]))
    if not set(COLUMNS) <= set(manifest.columns) or not len(manifest):
        raise DataError(f"{where}: expected the columns {', '.join(COLUMNS)}")
    _check_files(manifest, where)
    records = rows_of(manifest)
    _check(records, where)
    aligned = table.get("settings", {}).get("volume.align", UNALIGNED) in ALIGNED
    return PreparedDataset(
        table["dataset"], records, table["revision"], table["manifest_sha256"], ALIGNED[0] if aligned else UNALIGNED
    )


def _check_files(manifest: Manifest, where: Path) -> None:
    present = Ids(entry.name for entry in os.scandir(manifest.folder / "images"))
    for place in range(len(manifest)):
        file = manifest.row(place)["file"]
        if not _FILE.fullmatch(file):
            raise DataError(f"{where}: expected images/<id>.png, got {file!r:.80}")
        if file.removeprefix("images/") not in present:
            raise DataError(
                f"{manifest.folder / file}: missing image; run `ldbench data prepare` again, it makes only this one"
            )


def _check(records: ManifestRows, where: Path) -> None:
    subjects_n, splits_n = encoded(record.subject for record in records), encoded(record.split for record in records)
    order_n = np.argsort(subjects_n, kind="stable")
    subjects_n, splits_n = subjects_n[order_n], splits_n[order_n]
    torn_n = subjects_n[1:][(subjects_n[1:] == subjects_n[:-1]) & (splits_n[1:] != splits_n[:-1])]
    if len(torn_n):
        raise DataError(f"{where}: subject {torn_n[0].decode()!r} is in two splits")
    for image_id in records.ids.repeated():
        raise DataError(f"{where}: image ids must be unique, {image_id!r} stands twice")


def _joined(name: str, parts: list[PreparedDataset]) -> PreparedDataset:
    """Several data sets as one; hashes of names keep their ids apart."""
    manifests = [manifest for part in parts for manifest in part.records.manifests]
    sizes = {manifest.size for manifest in manifests}
    if len(sizes) > 1:
        raise DataError(f"{name}: expected images of one size, got {sorted(sizes)}; prepare them alike")
    records = rows_of(*manifests)
    _check(records, Path(name))
    content = hashlib.sha256("".join(part.manifest_sha256 for part in parts).encode()).hexdigest()
    spaces = {part.alignment for part in parts}
    alignment = spaces.pop() if len(spaces) == 1 else ", ".join(f"{part.name} {part.alignment}" for part in parts)
    revision = JOIN.join(part.revision for part in parts)
    return PreparedDataset(name, records, revision, content, alignment)


def _command(name: str) -> str:
    if DATASETS.entry(name) and name != "folder":
        return f"ldbench data prepare {name} --root FOLDER"
    return f"ldbench data prepare folder --name {name} --csv FILE --root FOLDER"
