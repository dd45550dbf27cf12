"""The folder of one run: where it lies, what its files are called, and whose turn it is to write there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.result import ModelRef

RESULT, STATE, SHARED = "result.json", "run.json", "shared"
IMAGES, MANIFEST = "images", "manifest.json"


def run_folder(out: Path, task_id: str, model: ModelRef, seed: int) -> Path:
    """`out/task/model/seed-N`; parameters that are not the defaults add a hash, so no two runs share a folder."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", model.name).strip("-.") or "model"
    text = json.dumps([model.name, model.parameters], sort_keys=True)
    return out / task_id / f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}" / f"seed-{seed}"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; a second one is told so instead of mixing its files in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w")
    except OSError as error:
        raise ResultError(f"can't write {folder}: {error.strerror}; free space or choose another --out") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResultError(f"{folder}: another run is at work there; wait for it or choose another --out") from error
        yield


def image_path(folder: Path, case_id: str) -> Path:
    """Where the image of a case lies in a run's folder."""
    return folder / IMAGES / f"{case_id}.png"
