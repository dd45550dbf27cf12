"""The file beside a result that says how the row does on a test set that nobody has seen: `fresh.json`.

It holds one round for each fresh set. A file that contradicts the result is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ldbench.api import Direction
from ldbench.records.files import read_record, refuse_constant, write_json
from ldbench.records.lock import locked
from ldbench.records.result import Result, TaskRef
from ldbench.records.run_folder import FRESH, RunFolder
from ldbench.records.sidecar import own_sidecar

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Gap:
    """One metric on both test sets; `gap` is fresh less frozen, with a 95 % interval.

    `tuned`: whether the row is worse on the fresh set at 95 % over all metrics of the round together.
    """

    metric: str
    direction: Direction
    frozen: float
    fresh: float
    gap: float
    ci_low: float
    ci_high: float
    tuned: bool


@dataclass(frozen=True)
class FreshRound:
    """A row on one fresh set: the set's card, seed and split, the digest of the images, and the gaps."""

    task: TaskRef
    data_seed: int
    split_hash: str
    images_hash: str
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class FreshRounds:
    """The file fresh.json; `images_hash` is that of the result beside it."""

    images_hash: str
    rounds: tuple[FreshRound, ...]
    schema_version: int = SCHEMA_VERSION


def beside(path: Path | str, result: Result) -> FreshRounds | None:
    """What lies beside a result's file, or None; `ResultError` for a file that is damaged or contradicts the result."""
    return own_sidecar(path, FRESH, _read, lambda found: {"images": found.images_hash}, {"images": result.images_hash})


def _read(file: Path) -> FreshRounds:
    what = f"the {FRESH} of `ldbench run --fresh`"
    return read_record(FreshRounds, file, what, SCHEMA_VERSION, "remove the file", refuse_constant)


def add(path: Path, result: Result, new: FreshRound) -> Path:
    """Write the round beside the result's file, in place of an earlier one of the same set."""
    file = path.with_name(FRESH)
    with locked(RunFolder.holding(path).lock, wait=True):  # else a round that another process adds now is lost
        before: Sequence[FreshRound] = (beside(path, result) or FreshRounds("", ())).rounds
        others = [one for one in before if one.task.id != new.task.id]
        rounds = tuple(sorted((*others, new), key=lambda one: one.task.id))
        write_json(file, asdict(FreshRounds(str(result.images_hash), rounds)))
    return file
