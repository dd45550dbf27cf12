"""The record of one run: schema, reading, atomic writing, migration.

One JSON file per run, keys sorted, numbers as numbers, NaN forbidden, unknown fields refused. A file of an unknown
schema version, or with an unknown field, is an error that names the file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ldbench.api import ParameterValue, Score
from ldbench.errors import MetricError, ResultError
from ldbench.records.files import json_of, json_text, read_json, refuse_constant, write_text_atomic
from ldbench.records.from_table import built

SCHEMA_VERSION = 1
SCORED = "scored"  # the version of a model that no run loaded: images of that name were scored


@dataclass(frozen=True)
class TaskRef:
    """Which card was measured: id, version and the SHA-256 of its canonical JSON."""

    id: str
    version: int
    kind: str
    card_hash: str


@dataclass(frozen=True)
class ModelRef:
    """Which generator, from which installed distribution, with which parameters."""

    name: str
    distribution: str | None
    version: str | None
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    reference: bool = False
    sees_truth: bool = False

    @property
    def scored(self) -> bool:
        """Whether `ldbench score` took the images from a folder: no distribution, and the version `scored`.

        Nobody here ran a generator of that name. A generator of no distribution has no version or its file's hash.
        """
        return self.distribution is None and self.version == SCORED

    @property
    def orients(self) -> bool:
        """Whether its rows are for orientation and have no rank: a reference, or one that saw the truth."""
        return self.reference or self.sees_truth


@dataclass(frozen=True)
class Stage:
    """Seconds of one stage, and the peak of memory in MiB: the device's on a GPU, else the process's resident memory.

    `whole` says whether the seconds are of all the stage's work, over every call that went on with the run. It is False
    where a call was killed, calls ran on several devices or the work was another run's, and None where that was not
    recorded. `images` is how many were made in it.
    """

    name: str
    seconds: float
    peak_memory_mib: float | None = None
    whole: bool | None = None
    images: int | None = None


@dataclass(frozen=True)
class Environment:
    """What the run ran on; `notes` say, a line each, what the device made of it: batches halved for memory, TF32.

    `processor` names the vector instructions that torch uses on a CPU, as `AVX2`: others round otherwise. None on a GPU
    and where it was not recorded.
    """

    device: str
    threads: int | None
    python: str
    platform: str
    packages: dict[str, str] = field(default_factory=dict)
    commit: str | None = None
    dirty: bool | None = None
    notes: list[str] = field(default_factory=list)
    processor: str | None = None

    @property
    def machine(self) -> str:
        """Device, instructions and threads, as far as they were recorded: `cpu (AVX2), 2 threads`."""
        named = self.device if self.processor is None else f"{self.device} ({self.processor})"
        if self.threads is None:
            return named
        return f"{named}, {self.threads} thread{'s' * (self.threads != 1)}"


@dataclass(frozen=True)
class Result:
    """One run of one generator on one task (`measured`), or one row taken from a publication (`reported`).

    `card_seeds` are the seeds that the card names; results from before this was recorded have None.
    """

    task: TaskRef
    model: ModelRef
    origin: Literal["measured", "reported"]
    scores: list[Score]
    status: Literal["complete", "failed"] = "complete"
    error: str | None = None
    source: str | None = None
    note: str | None = None
    seed: int | None = None
    split_hash: str | None = None
    images_hash: str | None = None
    environment: Environment | None = None
    stages: list[Stage] = field(default_factory=list)
    created: str | None = None
    card_seeds: list[int] | None = None
    schema_version: int = SCHEMA_VERSION


def dumps(result: Result) -> str:
    """The file's text: sorted keys, two-space indent, NaN refused, newline at the end.

    A result from before the card's seeds, the processor, notes on the device or whole stages were recorded keeps its
    bytes.
    """
    record = asdict(result)
    if result.card_seeds is None:
        del record["card_seeds"]
    for key in ("notes", "processor"):
        if record["environment"] and not record["environment"][key]:
            del record["environment"][key]
    for stage in record["stages"]:
        for key in ("whole", "images"):
            if stage[key] is None:
                del stage[key]
    return json_text(record, 2)


def write(result: Result, path: Path) -> None:
    """Write the result so that a reader sees the old file or the whole new one, never a part.

    Raises `ResultError` for one that could not be read back.
    """
    write_text_atomic(path, text_for(result, path))


def text_for(result: Result, path: Path) -> str:
    """The text of the result's file at `path`; `ResultError` for one that could not be read back."""
    text = dumps(result)
    parse(json_of(text), str(path))
    return text


def read(path: Path) -> Result:
    """Read a result of this or an older schema; anything else is a `ResultError` naming file and field."""
    remedy = "it may be truncated: put back a copy, or remove it and run again"
    return parse(read_json(path, "a result file of `ldbench run`", remedy, refuse_constant), str(path))


def parse(record: object, where: str) -> Result:
    """A result from decoded JSON; `where` names the file in errors."""
    if not isinstance(record, dict) or type(record.get("schema_version")) is not int:
        raise ResultError(f"{where}: expected an object with an integer schema_version; is this a result file?")
    try:
        return built(Result, _migrate(record, where), where, ResultError)
    except MetricError as error:  # a score whose numbers contradict each other
        raise ResultError(f"{where}: {error}") from error


def _migrate(record: dict[str, Any], where: str) -> dict[str, Any]:
    version = record["schema_version"]
    if not 1 <= version <= SCHEMA_VERSION:
        raise ResultError(
            f"{where}: schema_version {version}, this ldbench reads 1 to {SCHEMA_VERSION}; upgrade ldbench"
        )
    return record


