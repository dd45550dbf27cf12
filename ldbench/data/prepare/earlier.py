"""What an earlier preparation left in a folder: its manifest, and images that the new manifest no longer names."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from ldbench.data.prepare.journal import journal_rows
from ldbench.errors import DataError


def manifest_before(folder: Path) -> str:
    """The SHA-256 of the manifest that was finished in the folder, "" where none was."""
    try:
        return str(json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["manifest_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def became_another(folder: Path, before: str, now: str, files: Collection[str]) -> list[str]:
    """Remove the images that the manifest `now` in the folder no longer names; lines on that, and on its change."""
    return [*_removed(folder, folder / "journal.csv", files), *_changed(before, now)]


def _changed(before: str, now: str) -> list[str]:
    """A line that says so where a finished data set has become another one."""
    if before in ("", now):
        return []
    return [
        f"warning: the manifest in this folder was {before[:12]}... and is {now[:12]}...: results on the data as they "
        "were don't compare with new ones; run these again, or prepare into another --out"
    ]


def _removed(folder: Path, journal: Path, files: Collection[str]) -> list[str]:
    """Remove the images that the journal says were made here and that are not among the manifest's `files`.

    Returns a line with their number, none where nothing was removed. No file that the journal doesn't name is touched.
    """
    made = {row[0] for row in journal_rows(journal) if len(row) >= 3}
    removed = 0
    for entry in sorted((folder / "images").iterdir()):
        if entry.suffix == ".png" and entry.stem in made and f"images/{entry.name}" not in files:
            try:
                entry.unlink()
            except OSError as error:
                raise DataError(f"can't remove {entry}, which the table no longer names: {error.strerror}") from error
            removed += 1
    return [f"removed  {'images that the manifest no longer names':38} {removed:8}"] if removed else []
