"""Runs from Python, one a call: a generator on a task, or images that were made elsewhere, and the answer in one value.

`ldbench run` and `ldbench score` call the same functions, so a run has the same files whichever way it was asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ldbench.api import ParameterValue, Progress, Score, silent
from ldbench.errors import ResultError
from ldbench.plugins.given import Model
from ldbench.records.argument_names import argument_names
from ldbench.records.names import unsaid
from ldbench.records.result import Result
from ldbench.run import pipeline
from ldbench.run import score_folder as elsewhere
from ldbench.run.environment import pick_device
from ldbench.run.processes import current_processes
from ldbench.run.settings import Settings
from ldbench.run.surroundings import caller_kept

_ANEW = "to run this code, remove the folder or choose another out"


@dataclass(frozen=True)
class TaskRun:
    """A finished run: its `result`, with scores, environment and digests, and the file that holds it."""

    result: Result
    path: Path

    @property
    def values(self) -> dict[str, float]:
        """The value of each metric by its name, for a logger."""
        return {score.metric: score.value for score in self.result.scores}

    @property
    def scores(self) -> list[Score]:
        """The scores with their 95 % intervals, in the card's order."""
        return self.result.scores

    @property
    def folder(self) -> Path:
        """The run's folder, with its images, its manifest and its sheets."""
        return self.path.parent

    def __repr__(self) -> str:
        """Task, model and seed, a line a score, and the folder."""
        rows = [f"  {one.metric}: {one.value:.4g} [{one.ci_low:.4g}, {one.ci_high:.4g}]" for one in self.scores]
        said = f"{self.result.model.name} on {self.result.task.id}, seed {self.result.seed}"
        return "\n".join([said, *rows, f"  in {self.folder}"])


@argument_names(set="parameters")
def run_task(
    task: str | Path, generator: Model, *, seed: int = 0, out: str | Path = "runs",
    parameters: Mapping[str, ParameterValue] | None = None, device: str = "auto",
    batch_size: int = Settings.batch_size, progress: Progress = silent, say: Callable[[str], None] | None = None,
) -> TaskRun:
    """Fit a generator on a task, generate the task's cases and score them, as `ldbench run` does.

    `task` is a task's id or a card's path. `generator` is a name as the command line takes it, a class that derives
    from `ldbench.api.Generator`, or an instance, which stands for its class with its parameters: the run makes one of
    its own and fits that. `parameters` sets some of a name or a class; a text is read as `--set` reads it.

    Files go below `out`. A run that was stopped goes on when it is called again, and a finished one is read back. Where
    other code made that one, it is a `ResultError` for a class or an instance, which would not be what was measured,
    and a `UserWarning` for a name. It finds torch's settings, such as TF32 and the
    default device, as a new process does, and leaves them, random states and threads as they are. `progress` is called
    with stage, done, total and a note; `say` with each line that the command prints beside its results. Under a
    launcher, such as `accelerate launch`, all processes call this and share the work.

    Raises an `LdbenchError` of one line: `UsageError`, `UnknownNameError`, `PluginError` or `CardError` before anything
    is made; `GeneratorError` or `MetricError` where code of a generator or metric fails, which `error.txt` in the run's
    folder keeps with its traceback; and `DataError`, `WeightsError`, `ResultError`.

    >>> made = run_task("sandbox-brain-t2i", "mean-image", seed=1)  # doctest: +SKIP
    >>> made.values["viewed_fid"], made.folder  # doctest: +SKIP
    """
    stale = list[str]()
    warn = (stale.append if say is None else None) if isinstance(generator, str) else _refuse
    settings = Settings(
        Path(out), seed, device, batch_size, dict(parameters or {}), progress, say or unsaid, warn
    )
    finished = run_as_set(os.fspath(task), generator, settings)
    for line in stale:
        warnings.warn(f"{line}; {_ANEW}", stacklevel=3)  # of the caller of what `argument_names` returns
    return finished


def run_as_set(task: str, model: Model, settings: Settings) -> TaskRun:
    """What `run_task` and the command do: `ldbench.run.pipeline.run`, with the caller's process kept as it is."""
    processes = current_processes(settings.device)
    with caller_kept(pick_device(settings.device, processes.local_index, processes.count)):
        return TaskRun(*pipeline.run(task, model, settings))


def _refuse(line: str) -> None:
    """For a generator whose code is handed over: the result of another one's is no answer."""
    raise ResultError(f"{line}; {_ANEW}; read_results reads it as it is")


@argument_names()
def score_images(
    task: str | Path, images: str | Path, name: str, *, seed: int | None = None, out: str | Path = "runs",
    replace: bool = False, device: str = "auto", progress: Progress = silent,
    say: Callable[[str], None] | None = None,
) -> TaskRun:
    """Score a folder of images that were made elsewhere, one PNG or JPEG a case id, as `ldbench score` does.

    `name` is what tables call the generator. `seed` is that of the images' run, without it the first of the card's;
    folders of the same name with other seeds are one row. A result of this name and seed is a `ResultError`, unless
    `replace` is set. What is left as it is, and all else, is as `run_task` has it. Raises an `LdbenchError`, such as
    `ImageError` for a case without an image.

    >>> score_images("sandbox-brain-t2i", "images/", "mine").values  # doctest: +SKIP
    """
    card = os.fspath(task)
    [of_images] = elsewhere.folder_seeds(card, [Path(images)], seed)
    settings = Settings(Path(out), of_images, device, progress=progress, say=say or unsaid)
    with caller_kept(pick_device(device)):
        return TaskRun(*elsewhere.score_folder(card, Path(images), name, settings, replace=replace))
