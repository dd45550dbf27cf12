"""Whether the images of a run are the files that its manifests name, by SHA-256.

Looks at the files that are there and never at a path that a manifest names. Refuses a manifest that can't be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.checksum import sha256_file
from ldbench.records.run_folder import IMAGES, MANIFEST
from ldbench.run.submission.contents import PASSES

_NAMED = 5


def altered(folder: Path) -> tuple[str, ...]:
    """Where the images of a run's passes are not those of their manifests: one line a kind of fault, none where all
    agree. Raises `ResultError` where a manifest is missing or no manifest."""
    lines: list[str] = []
    for name in present(folder):
        files = _manifest(folder / name / MANIFEST)
        lines += [f"{Path(name, IMAGES)}: {fault}" for fault in _faults(folder / name / IMAGES, files)]
    return tuple(lines)


def present(folder: Path) -> list[str]:
    """The names of the passes that a run's folder holds; the first, "", is every run's."""
    return [name for name in PASSES if not name or (folder / name).is_dir()]


def images_in(folder: Path) -> list[str]:
    """The names in a folder of images, sorted; hidden files are no images, and a missing folder holds none."""
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def _manifest(path: Path) -> dict[str, str]:
    """File name below images/ to SHA-256."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["images"]
        return {str(row["file"]).removeprefix(f"{IMAGES}/"): str(row["sha256"]) for row in rows}
    except OSError as error:
        raise ResultError(
            f"can't read {path}: {error.strerror}; expected a finished run (images scored elsewhere: --images FOLDER)"
        ) from error
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise ResultError(f"{path}: expected a run's manifest, got {type(error).__name__}; restore it") from error


def _faults(images: Path, files: Mapping[str, str]) -> list[str]:
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
