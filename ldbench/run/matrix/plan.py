"""Which runs a matrix of tasks, models and seeds asks for, all checked before the first one starts.

Names, parameters, kinds and seeds that no run could use are errors, and so are two runs that would share a folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

from ldbench.errors import UsageError
from ldbench.plugins.parameters import overrides_of
from ldbench.records.run_folder import RunFolder
from ldbench.run.environment import pick_device
from ldbench.run.models import ready_models
from ldbench.run.settings import Settings
from ldbench.task import card

Status = Literal["done", "read back", "failed"]


@dataclass(frozen=True)
class Job:
    """One run, in text and numbers alone, so that it can go to another process or machine.

    `folder` is where `ldbench run` would put it; `threads` is None where the environment decides; relative paths
    are meant from `start`.
    """

    label: str
    task: str
    model: str
    seed: int
    device: str
    batch_size: int
    out: str
    folder: str
    start: str
    threads: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def run_folder(self) -> RunFolder:
        """The folder, with the names of what lies there."""
        return RunFolder(Path(self.folder))


@dataclass(frozen=True)
class JobOutcome:
    """How a run ended: computed, found finished, or failed with a reason of one line; and its seconds.

    `note` is what `ldbench run` would say of a run that was begun or finished before, "" for nothing.
    """

    status: Status
    seconds: float
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Matrix:
    """What to run. `settings` are texts `key=value`, for every model, or `MODEL:key=value`, for that one alone.

    `threads` is for each run, None where the environment decides. `elsewhere`: the runs see the devices of other
    machines, so that this one need not have the device.
    """

    tasks: Sequence[str]
    models: Sequence[str]
    seeds: Sequence[int]
    out: Path
    settings: Sequence[str] = ()
    device: str = "auto"
    batch_size: int = 50
    threads: int | None = None
    elsewhere: bool = False


def plan(matrix: Matrix) -> list[Job]:
    """The runs in order, the seed changing slowest, so that a matrix cut short holds whole seeds.

    Raises the `LdbenchError` that the first impossible run would end with.
    """
    _refuse_repeats("task", matrix.tasks)
    _refuse_repeats("--models", matrix.models)
    _refuse_repeats("--seeds", [str(seed) for seed in matrix.seeds])
    if not matrix.elsewhere:
        pick_device(matrix.device)
    overrides = {model: overrides_of(model, matrix.models, matrix.settings) for model in matrix.models}
    tasks = {name: card.load(name) for name in matrix.tasks}
    references = {name: ready_models(task, overrides) for name, task in tasks.items()}
    jobs = []
    for seed in matrix.seeds:
        for name, model in product(tasks, overrides):
            # Settings checks seed and batch size
            settings = Settings(matrix.out, seed, matrix.device, matrix.batch_size, overrides[model])
            folder = RunFolder.of(settings.out, tasks[name].id, references[name][model], seed).path
            jobs.append(Job(
                f"{tasks[name].id} {model} seed {seed}", name, model, seed, matrix.device, matrix.batch_size,
                str(matrix.out), str(folder), str(Path.cwd()), matrix.threads, overrides[model],
            ))  # fmt: skip
    _refuse_shared_folders(jobs)
    return jobs


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{what}: {name} is given twice; each run is done once")


def _refuse_shared_folders(jobs: Sequence[Job]) -> None:
    owners: dict[str, Job] = {}
    for job in jobs:
        other = owners.setdefault(job.folder, job)
        if other is not job:
            raise UsageError(
                f"{other.model} on {other.task} and {job.model} on {job.task}: expected a folder each, got "
                f"{job.folder} for both; leave one out"
            )
