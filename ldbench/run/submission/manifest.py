"""Whether the images of a run are the files that its manifests name, by SHA-256.

Looks at the files that are there and never at a path that a manifest names. A manifest that can't be read is an error.
So is a link in a submission, which could show a file of the reader's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.checksum import sha256_file
from ldbench.records.run_folder import FURTHER_PASSES, IMAGES, PASSES, RunFolder

_NAMED = 5


def altered(folder: RunFolder) -> tuple[str, ...]:
    """Where the images of a run's passes are not those of their manifests: one line a kind of fault, none where all
    agree. Raises `ResultError` where a manifest is missing or no manifest."""
    lines: list[str] = []
    for name in present(folder):
        of_pass = folder.of_pass(name)
        files = {f"{row.get('file')}".removeprefix(f"{IMAGES}/"): row.get("sha256") for row in of_pass.listed()}
        lines += [f"{Path(name, IMAGES)}: {fault}" for fault in _faults(of_pass.images, files)]
    return tuple(lines)


def present(folder: RunFolder) -> list[str]:
    """The names of the passes that a run's folder holds; the first, "", is every run's."""
    return [name for name in PASSES if not name or folder.of_pass(name).path.is_dir()]


def images_in(folder: Path) -> list[str]:
    """The names in a folder of images, sorted; hidden files are no images, and a missing folder holds none."""
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def check_unlinked(folder: RunFolder) -> None:
    """Raise `ResultError` at the first link among a run's result, manifests, folders and whatever lies beside its
    images, hidden or not: its target may be nobody's but the reader's."""
    places = [folder.result, *(folder.of_pass(name).path for name in FURTHER_PASSES)]
    for of_pass in map(folder.of_pass, PASSES):
        inside = sorted(of_pass.images.iterdir()) if of_pass.images.is_dir() else []
        places += [of_pass.manifest, of_pass.images, *inside]
    for path in places:
        if path.is_symlink():
            raise ResultError(f"{path}: expected a file or folder, got a link; don't trust the sender")


def _faults(images: Path, files: Mapping[str, object]) -> list[str]:
    there = images_in(images)
    kinds = (
        ("missing", sorted(files.keys() - set(there))),
        ("not in the manifest", [name for name in there if name not in files]),
        ("not as in the manifest", [name for name in there if name in files and _hash(images / name) != files[name]]),
    )
    return [f"{len(names)} {kind}: {_listed(names)}" for kind, names in kinds if names]


def _hash(path: Path) -> str | None:
    return sha256_file(path) if path.is_file() else None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(ascii(name)[1:-1][:100] for name in names[:_NAMED]) + more
