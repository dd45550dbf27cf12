"""The one composer: card + generator -> fit -> images -> scores -> one result file.

Every stage leaves a file, so a run that was stopped goes on where it was. Refuses to continue a folder that was
begun with another card, seed, parameter or batch size, and writes no result unless every stage ended well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Context, Generator, Progress, silent
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ResultError, UsageError
from ldbench.plugins import model_ref, parameters
from ldbench.plugins.generators import load_generator
from ldbench.records import contributions
from ldbench.records.files import user_cache_folder, write_text_atomic
from ldbench.records.result import ModelRef, Result, Stage, TaskRef, read, write
from ldbench.records.run_folder import IMAGES, RESULT, SHARED, STATE, claimed, run_folder
from ldbench.run.environment import describe, pick_device, timed
from ldbench.run.generate import blamed, generate, requests_for
from ldbench.run.processes import Processes, current_processes
from ldbench.run.rounds import BACK, NULL, passes, read_made
from ldbench.run.sheets.contact_sheet import sample_sheet
from ldbench.run.sheets.edits_of_run import write_edit_sheet
from ldbench.score.contributions import units_of
from ldbench.score.inputs import ScoringContext
from ldbench.score.scorer import score_images
from ldbench.task import card

if TYPE_CHECKING:
    import torch

    from ldbench.api import Score
    from ldbench.task.card import Task


@dataclass(frozen=True)
class Settings:
    """How to run: where results go, the run's seed, device and batch size, and generator parameters as text."""

    out: Path
    seed: int = 0
    device: str = "auto"
    batch_size: int = 50
    overrides: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size: expected 1 or more, got {self.batch_size}")
        if self.seed < 0:
            raise UsageError(f"--seed: expected 0 or more, got {self.seed}")


def run(task_name: str, model_name: str, settings: Settings) -> tuple[Result, Path]:
    """Fit, generate and score one generator on one task; the result and its file.

    Goes on from whatever an interrupted run left in the same folder; a finished run is read back. Several processes of
    one launcher share the work; the first of them scores.
    """
    task = card.load(task_name)
    generator, model = ready(task, model_name, settings.overrides)
    processes = current_processes(settings.device)
    device = pick_device(settings.device, processes.local_index)
    data = task_data(task, settings.seed)
    folder = run_folder(settings.out, task.id, model, settings.seed)
    with claimed(folder) if processes.is_first else nullcontext():
        if processes.is_first:
            _begin(folder, _state(data, model, settings, device))
        processes.wait()
        if not (folder / RESULT).exists():
            _complete(data, generator, model, settings, device, folder, processes)
        processes.wait()
        return read(folder / RESULT), folder / RESULT


def ready(task: Task, model_name: str, overrides: Mapping[str, str]) -> tuple[Generator, ModelRef]:
    """The generator with its parameters set and its record; UsageError where it can't do the task's kind."""
    generator = parameters.build(load_generator(model_name), overrides)
    able = generator.capabilities()
    if task.kind not in able.kinds:
        kinds = ", ".join(sorted(able.kinds)) or "nothing"
        raise UsageError(f"{model_name} can't do {task.kind} ({task.id}): it does {kinds}. {able.reason}".rstrip())
    return generator, model_ref.model_ref(model_name, generator)


def score_folder(task_name: str, images: Path, name: str, settings: Settings) -> tuple[Result, Path]:
    """Score a folder of images made elsewhere, one PNG a case id; the result and its file.

    An editing task's null edits and edits back are scored where they lie in folders `null` and `back` in there.
    """
    task = card.load(task_name)
    data, device = task_data(task, settings.seed), pick_device(settings.device)
    model = ModelRef(name, None, None)
    folder = run_folder(settings.out, task.id, model, settings.seed)
    stages: list[Stage] = []
    with claimed(folder):
        scores, digest = _score(data, images, folder, settings, device, stages, {n: images / n for n in (NULL, BACK)})
        result = _record(data, model, settings, device, stages, digest, scores)
        write(result, folder / RESULT)
    return result, folder / RESULT


def _complete(
    data: TaskData, generator: Generator, model: ModelRef, settings: Settings, device: torch.device, folder: Path,
    processes: Processes,
) -> None:
    stages: list[Stage] = []
    side = data.task.protocol.resolution
    context = Context(
        device, settings.seed, _fit_folder(folder, generator, processes), (3, side, side), data.task.protocol.backbone,
        settings.progress if processes.is_first else silent, data.truth if generator.sees_truth else None,
        processes.index, processes.count, settings.out / SHARED,
    )
    with timed("fit", stages, device):
        fit(generator, data, context)
    with timed("generate", stages, device):
        for name, cases in passes(data, folder / IMAGES):
            requests = requests_for(cases, data.task.id, settings.seed)
            generate(generator, requests, context, folder / name, settings.batch_size, processes.wait)
    if not processes.is_first:
        return
    further = {name: folder / name / IMAGES for name in (NULL, BACK)}
    scores, digest = _score(data, folder / IMAGES, folder, settings, device, stages, further)
    _picture(data, folder, settings.seed)
    write(_record(data, model, settings, device, stages, digest, scores, processes.count), folder / RESULT)


def _picture(data: TaskData, folder: Path, seed: int) -> None:
    """Draw what was made: samples by class, and for an editing task what changed."""
    labels = {case.id: str(case.attributes[data.task.data.class_attribute]) for case in data.cases}
    sample_sheet(folder / IMAGES, labels, folder / "samples.png", seed=seed)
    if data.editing is not None:
        write_edit_sheet(data, folder, seed)


def _fit_folder(folder: Path, generator: Generator, processes: Processes) -> Path:
    """One folder for all processes where the generator shares the work, else one for each."""
    alone = processes.count > 1 and not generator.fits_together
    path = folder / (f"fit-{processes.index}" if alone else "fit")
    path.mkdir(exist_ok=True)
    return path


def fit(generator: Generator, data: TaskData, context: Context) -> None:
    """Fit on the training split; what a plugin raises becomes a `GeneratorError`."""
    with blamed(f"{type(generator).__name__}: fit"):
        generator.fit(data.train, context)


def _score(
    data: TaskData, images: Path, folder: Path, settings: Settings, device: torch.device, stages: list[Stage],
    further: Mapping[str, Path],
) -> tuple[list[Score], str]:
    """Scores and digest of the images in one folder, and of further passes in theirs; the units go to the run's."""
    with timed("score", stages, device):
        made = read_made(data, images, further)
        context = ScoringContext(device, settings.seed, user_cache_folder() / "features", settings.progress)
        measured = score_images(data, made.images, context, made.passes)
        contributions.write(units_of(data, measured, made.passes), folder / contributions.NAME)
        return [one.score for one in measured], made.digest


def _record(
    data: TaskData, model: ModelRef, settings: Settings, device: torch.device, stages: list[Stage], digest: str,
    scores: list[Score], processes: int = 1,
) -> Result:
    task = data.task
    return Result(
        TaskRef(task.id, task.version, task.kind, task.hash), model, "measured", scores, seed=settings.seed,
        split_hash=data.split_hash(), images_hash=digest, environment=describe(device, processes), stages=stages,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _state(data: TaskData, model: ModelRef, settings: Settings, device: torch.device) -> dict[str, object]:
    return {
        "task": data.task.id, "task_version": data.task.version, "card_hash": data.task.hash,
        "split_hash": data.split_hash(), "model": model.name, "parameters": model.parameters,
        "model_version": model.version, "seed": settings.seed, "batch_size": settings.batch_size,
        "device": device.type,
    }


def _begin(folder: Path, state: dict[str, object]) -> None:
    """Note what this folder is for, or refuse one that was begun otherwise."""
    path = folder / STATE
    if not path.exists():
        write_text_atomic(path, json.dumps(state, indent=1, sort_keys=True) + "\n")
        return
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultError(f"{path}: expected JSON, got {error}; remove the folder or choose another --out") from error
    for key, now in state.items():
        if begun.get(key) != now:
            raise ResultError(
                f"{folder}: begun with {key} {_short(begun.get(key))}, this run has {_short(now)}; "
                "finish it as it was begun, remove it, or choose another --out"
            )


def _short(value: object) -> str:
    return repr(value)[:40]


