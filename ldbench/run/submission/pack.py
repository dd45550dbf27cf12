"""A finished run as one zip: entries stored, sorted and without times, so that equal runs give equal bytes anywhere.

What was fitted, caches and settings of the machine stay behind. An unfinished run is an error, and so is one whose
images are not those of its manifests.
"""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ldbench.errors import CardError, ResultError, UnknownNameError, UsageError
from ldbench.records import units as units_file
from ldbench.records.checksum import sha256_file
from ldbench.records.files import refusal, whole_file
from ldbench.records.names import plain
from ldbench.records.own_files import check_own
from ldbench.records.result import Result
from ldbench.records.run_folder import EDITS, IMAGES, MANIFEST, RunFolder
from ldbench.run.submission.contents import (
    LIMITS,
    LISTING,
    TOP,
    Limits,
    Listing,
    PackedFile,
    check_names,
    check_size,
)
from ldbench.run.submission.manifest import altered, images_in, present
from ldbench.task import card

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first second that a zip can name


@dataclass(frozen=True)
class Packed:
    """An archive that was written: where, its SHA-256, what it holds, and what its sender should know."""

    path: Path
    sha256: str
    files: tuple[PackedFile, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """What was packed, for the terminal."""
        images = sum(f"{IMAGES}/" in entry.path for entry in self.files)
        others = [entry.path for entry in self.files if f"{IMAGES}/" not in entry.path]
        size = sum(entry.size for entry in self.files)
        what = f"{images} images, {', '.join(others)}: {size} bytes"
        return [what, *self.notes, f"{self.path}  sha256 {self.sha256}"]


def pack(folder: Path, out: Path | None = None, limits: Limits = LIMITS) -> Packed:
    """Pack the finished run in `folder` as `out`, or as a .zip named after the run in the current folder.

    Holds result.json, units.json, manifests, images of all passes and the sheets; `edits.png`, which shows sources and
    truths, only where the task's data ship with ldbench. Raises `ResultError`, `UsageError`.
    """
    result = unaltered(RunFolder(folder))
    named = f"{result.task.id}--{folder.resolve().parent.name}--seed-{result.seed}.zip"
    path = out or Path(plain(named))
    if path.suffix.lower() != ".zip":
        raise UsageError(f"--out: expected a file ending in .zip, got {path}")
    check_own([path], _is_submission, "ldbench submit")
    licensed = _licensed(result.task.id)
    names = [name for name in _names(RunFolder(folder)) if licensed is None or name != EDITS]
    check_names(names, str(folder))
    if len(names) >= limits.files or (total := _total(folder, names)) > limits.archive:
        got = f"{len(names)} files" if len(names) >= limits.files else f"{total} bytes"
        raise ResultError(f"{folder}: expected fewer than {limits.files} files and {limits.archive} bytes, got {got}")
    entries = tuple(_entry(folder, name, limits) for name in names)
    _write(folder, entries, path)
    stays = f"{EDITS} stays: " if (folder / EDITS).exists() else ""
    return Packed(path, sha256_file(path), entries, (f"{stays}{licensed}",) if licensed else ())


def _is_submission(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return LISTING in archive.namelist()
    except zipfile.BadZipFile:
        return False


def unaltered(folder: RunFolder) -> Result:
    """The result of a finished run whose contributions and images are its own, or a `ResultError`."""
    result = folder.read()
    units_file.beside(folder.result, result)
    if faults := altered(folder):
        raise ResultError(f"{folder.path}: expected the files of its manifests, got {faults[0]}; generate them again")
    return result


def _licensed(task_id: str) -> str | None:
    """Why sources and truths of a task are not ours to pass on, or None where the data ship with ldbench."""
    try:
        task = card.load(task_id)
    except (CardError, UnknownNameError):
        return "no installed card says that its data may be passed on; mind their licence for the images, too"
    if task.data.checksums:
        return None
    return f"the data are licensed ({task.data.licence}); mind that for the images, too"


def _names(folder: RunFolder) -> list[str]:
    names = [name for name in TOP if (folder.path / name).exists()]
    for of_pass in present(folder):
        inside = [MANIFEST, *(f"{IMAGES}/{image}" for image in images_in(folder.of_pass(of_pass).images))]
        names += [f"{of_pass}/{name}" if of_pass else name for name in inside]
    return sorted(names)


def _total(folder: Path, names: Sequence[str]) -> int:
    """Bytes of the archive, generously: a stored entry has two headers and two copies of its name, and a line in the
    listing."""
    return sum((folder / name).stat().st_size + 2 * len(name) + 300 for name in names)


def _entry(folder: Path, name: str, limits: Limits) -> PackedFile:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise ResultError(f"{path}: expected a file, got a link or folder; put the file itself there")
    size = path.stat().st_size
    check_size(name, size, str(folder), limits)
    return PackedFile(name, size, sha256_file(path))


def _write(folder: Path, entries: tuple[PackedFile, ...], path: Path) -> None:
    """Write the archive beside `path` and rename it, so that a reader never sees a part."""
    listing = json.dumps(asdict(Listing(entries)), indent=1, sort_keys=True) + "\n"
    with refusal(f"write {path}"), whole_file(path) as part, zipfile.ZipFile(part, "w", allowZip64=False) as archive:
        for name in sorted([LISTING, *(entry.path for entry in entries)]):
            archive.writestr(_info(name), listing if name == LISTING else (folder / name).read_bytes())


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EARLIEST)
    info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16  # Unix, whatever packs
    return info
