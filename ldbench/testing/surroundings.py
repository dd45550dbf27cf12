"""What a generator must leave as it was: the requests and examples it is handed, and the folders around its own.

Compares before and after. Refuses to put anything back or to delete what it finds.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch

from ldbench.api import Example, Request
from ldbench.testing.finding import ClauseError
from ldbench.testing.trial import Trial

OWN = ("first", "second", "interrupted", "needs")


def seen_around(trial: Trial) -> set[Path]:
    """What lies in the working directory and beside the generator's folders (which are the kit's own)."""
    own = {trial.folder(name) for name in OWN}
    seen = {*Path.cwd().iterdir(), *trial.root.iterdir()} - own
    return {path for path in seen if path.name != "__pycache__"}


def nothing_new(before: set[Path], after: set[Path]) -> str:
    """Nothing that wasn't there before; else ClauseError, with names."""
    new = sorted(path.name for path in after - before)
    if new:
        raise ClauseError(f"{', '.join(new[:5])} beside it or in the working directory")
    return "nothing new beside context.folder or in the working directory"


def fingerprint(trial: Trial) -> dict[str, str]:
    """A hash of each training example and request, by a name for it."""
    entries: list[Example | Request] = [*trial.task.train, *trial.requests()]
    return {_label(entry): hashlib.sha256(b"".join(_bytes(entry))).hexdigest() for entry in entries}


def unchanged(before: dict[str, str], after: dict[str, str]) -> str:
    """The same fingerprints; else ClauseError, with the names of what moved."""
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise ClauseError(f"fit or generate changed {', '.join(moved)} in place")
    return f"{len(before)} requests and examples as before"


def _label(entry: Example | Request) -> str:
    return f"example {entry.id}" if isinstance(entry, Example) else f"request {entry.case.id}"


def _bytes(entry: Example | Request) -> Iterator[bytes]:
    record = entry if isinstance(entry, Example) else entry.case
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        yield value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode()
