"""The one composer: card + generator -> fit -> images -> scores -> one result file.

Every stage leaves a file, so a run that was stopped goes on where it was. A folder that was begun with another card,
seed, parameter, batch size or code is an error. A result is written only when every stage ended well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Context, Generator, silent
from ldbench.data.of_result import task_ref
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ResultError, UsageError
from ldbench.plugins import model_ref
from ldbench.plugins.given import Given, Model, given
from ldbench.records.digests import CODE
from ldbench.records.result import ModelRef, Result, Stage, read
from ldbench.records.run_folder import BACK, NULL, SHARED, RunFolder
from ldbench.records.unfinished import note_beginning
from ldbench.run.command_line import command_of
from ldbench.run.context import RunContext
from ldbench.run.environment import describe, memory_notes, on_device, pick_device, timed
from ldbench.run.failure import failure_kept
from ldbench.run.generate import blamed, generate, requests_for
from ldbench.run.passes import passes, read_images
from ldbench.run.processes import Processes, current_processes
from ldbench.run.requirements import checked_data
from ldbench.run.scoring import Scored, score, write_scored
from ldbench.run.settings import Settings, off_card
from ldbench.run.sheets.contact_sheet import sample_sheet
from ldbench.run.sheets.edits_of_run import write_edit_sheet
from ldbench.run.stage_times import timed_over_calls
from ldbench.task import card

if TYPE_CHECKING:
    import torch

    from ldbench.api import ParameterValue
    from ldbench.task.card import Task

_PASSES = {"": "generate", NULL: "generate null edits", BACK: "generate edits back"}  # as progress calls them

End = Callable[[RunContext, list[Stage], list[str]], None]  # given the stages that ended and the notes on them


def run(task_name: str, model: Model, settings: Settings, fitted: RunFolder | None = None) -> tuple[Result, Path]:
    """Fit, generate and score one generator, given as `ldbench.plugins.given` has it, on one task; the result and its
    file.

    Goes on from whatever an interrupted run left in the same folder; a finished run is read back. Several processes of
    one launcher share the work; the first of them scores. `fitted` is a run of the same training set whose fit is
    taken. Of a task whose host keeps the truth, the result has no scores.
    """
    context = carried_out(task_name, model, settings, fitted, _finish)
    return read_back(context), context.folder.result


def carried_out(
    task_name: str, model: Model, settings: Settings, fitted: RunFolder | None, end: End
) -> RunContext:
    """The run up to all of its images, and its `end` in the first process; nothing where it is finished."""
    generator, context = prepare(task_name, model, settings)
    context = replace(context, fitted=fitted)
    folder, processes = context.folder, context.processes
    with on_device(context.device), ExitStack() as claim:
        with processes.first_alone():
            if processes.is_first:
                if not folder.finished():  # which is read alone, wherever it lies
                    claim.enter_context(folder.claimed())
                context = _begin(_with_named(context, generator), generator)
                if line := off_card(context.data.task, settings.seed):
                    settings.say(line)
                if fitted is None and not folder.finished():  # one that shares a fit goes on with that of its own
                    note_beginning(folder, command_of(task_name, model, settings), len(context.data.cases))
        if not folder.finished():
            with failure_kept(folder, processes.is_first), memory_notes(settings.say) as notes:
                _complete(context, generator, notes, end)
        processes.end()
        return context


def prepare(task_name: str, model: Model, settings: Settings) -> tuple[Generator, RunContext]:
    """The generator and what its run shares; writes nothing.

    Raises an `LdbenchError` that holds every reason why the run, where it isn't finished yet, could not end well.
    """
    task, chosen = card.load(task_name), given(model)
    generator, ref = ready_given(task, chosen, settings.overrides)
    processes = current_processes(settings.device)
    device = pick_device(settings.device, processes.local_index, processes.count)
    folder = RunFolder.of(settings.out, task.id, ref, settings.seed)
    if folder.finished():
        data = task_data(task, settings.seed)
    else:
        context = generator_context(task, settings, device, folder.fit(), processes)
        with on_device(device):
            data = checked_data(task, generator, context)
    code = {CODE: model_ref.code_of(chosen.name, generator)}
    return generator, RunContext(data, ref, settings, device, folder, processes, code)


def standing(context: RunContext, generator: Generator) -> str:
    """What `run` would say of what lies in its folder already, "" for nothing; writes nothing.

    Raises as `run` would, where the folder was begun as another run or holds the result of one.
    """
    folder, context = context.folder, _with_further(_with_named(context, generator), generator)
    if not folder.state.exists():
        return ""
    note = folder.note_on(_state(context), context.content)
    if folder.finished():
        read_back(context)
    return _read_back_line(folder, note) if note and folder.finished() else note


def _with_named(context: RunContext, generator: Generator) -> RunContext:
    """The context with digests of what the generator's parameters name."""
    named = model_ref.named_content(generator, context.settings.out)
    return replace(context, content={**context.content, **named})


def _with_further(context: RunContext, generator: Generator) -> RunContext:
    """The context with digests of what the generator reads beside that."""
    task, fit_folder = context.data.task, context.folder.fit()
    whereabouts = generator_context(task, context.settings, context.device, fit_folder, context.processes)
    with blamed(f"{type(generator).__name__}: files", generator):
        further = model_ref.further_content(generator, whereabouts, context.content)
    return replace(context, content={**context.content, **further})


def _begin(context: RunContext, generator: Generator) -> RunContext:
    """Begin the run or go on with it, and say a note on it; the context with digests of what the generator reads."""
    context = _with_further(context, generator)
    folder, settings = context.folder, context.settings
    note = folder.begin(_state(context), context.content)
    if not folder.finished():
        if note:
            settings.say(note)
    elif note and settings.warn is not None:
        settings.warn(f"{folder.path}: {_read_back_line(folder, note)}")
    else:
        remedy = f"; to run it anew remove {folder.path} or choose another --out" if note else ""
        settings.say(f"{_read_back_line(folder, note)}{remedy}")
    return context


def _read_back_line(folder: RunFolder, note: str) -> str:
    """When a finished run was made, and the note on it."""
    date = read(folder.result).created or "unknown date"
    return "; ".join(filter(None, (f"read back: finished run of {date}", note)))


def ready(task: Task, model_name: str, overrides: Mapping[str, ParameterValue]) -> tuple[Generator, ModelRef]:
    """The generator with its parameters set and its record; UsageError where it can't do the task's kind."""
    return ready_given(task, given(model_name), overrides)


def ready_given(task: Task, chosen: Given, overrides: Mapping[str, ParameterValue]) -> tuple[Generator, ModelRef]:
    """As `ready`, of a generator that was found already."""
    generator = chosen.build(overrides)
    able = generator.capabilities()
    if task.kind not in able.kinds:
        unnamed = f'it names no kinds; write kinds = frozenset({{"{task.kind}"}}) in its class'
        kinds = ", ".join(sorted(able.kinds)) or ("nothing" if able.reason else "")
        said = f"it does {kinds}. {able.reason}".rstrip() if kinds else unnamed
        raise UsageError(f"{chosen.name} can't do {task.kind} ({task.id}): {said}")
    return generator, model_ref.model_ref(chosen.name, generator)


def read_back(context: RunContext) -> Result:
    """The result that lies in the run's folder, where it is the run's: `ldbench score` once wrote there too."""
    result, model = read(context.folder.result), context.model
    there = result.model
    scored = there.scored or there.version is None is not model.version
    if scored or (there.name, there.parameters) != (model.name, model.parameters):
        raise ResultError(
            f"{context.folder.result}: expected the result of a run of {model.name}, got one of other images that were "
            "scored under its name; move the folder away, or choose another --out"
        )
    return result


def _complete(context: RunContext, generator: Generator, notes: list[str], end: End) -> None:
    """Whatever is left of a run, stage by stage; `notes` fill meanwhile."""
    data, device, folder, processes = context.data, context.device, context.folder, context.processes
    truth = data.truth if generator.sees_truth else None
    fit_folder = _fit_folder(context.fitted or folder, generator, processes)
    code, stages = context.content[CODE], list[Stage]()
    for_generator = generator_context(data.task, context.settings, device, fit_folder, processes, truth, code)
    times = folder.times if processes.is_first else None
    made = None if context.fitted else [fit_folder]
    with timed_over_calls("fit", stages, device, times, made, processes.count, notes):
        fit(generator, data, for_generator)
    with processes.first_alone():
        if processes.is_first:  # a fit may have downloaded what is read
            context = _begin(context, generator)
    filled = folder.image_folders.values()
    with timed_over_calls("generate", stages, device, times, filled, processes.count, notes):
        images = _generate(context, generator, for_generator)
    stages[-1] = replace(stages[-1], images=images)
    with processes.first_alone():
        if processes.is_first:
            end(context, stages, notes)


def _finish(context: RunContext, stages: list[Stage], notes: list[str]) -> None:
    """Score and picture what was generated, and write the result; where a host keeps the truth, without scores."""
    data, folder = context.data, context.folder
    if data.blind:
        scored = Scored([], read_images(data, folder.image_folders).digest)
    else:
        with timed("score", stages, context.device):
            scored = score(context, folder.image_folders)
    _picture(context)
    write_scored(folder, record(context, scored, stages, notes), scored.beside)
    folder.beginning.unlink(missing_ok=True)


def generator_context(
    task: Task, settings: Settings, device: torch.device, folder: Path, processes: Processes,
    truth: Callable[[str], torch.Tensor] | None = None, code: str = "",
) -> Context:
    """What a generator is told of where and how it runs; `folder` is its own place, `code` the digest of its code.

    Its folders are absolute, so they stay the same ones if it changes the working directory.
    """
    side = task.protocol.resolution
    return Context(
        device, settings.seed, folder.absolute(), (3, side, side), task.protocol.backbone,
        settings.progress if processes.is_first else silent, truth, processes.index, processes.count,
        settings.out.absolute() / SHARED / code.removeprefix("sha256:"),
    )


def _fit_folder(folder: RunFolder, generator: Generator, processes: Processes) -> Path:
    """One folder for all processes where the generator shares the work, else one for each."""
    alone = processes.count > 1 and not generator.fits_together
    path = folder.fit(processes.index if alone else None)
    path.mkdir(exist_ok=True)
    return path


def fit(generator: Generator, data: TaskData, context: Context) -> None:
    """Fit on the training split; what a plugin raises becomes a `GeneratorError`."""
    with blamed(f"{type(generator).__name__}: fit", generator):
        generator.fit(data.train, context)


def _generate(context: RunContext, generator: Generator, for_generator: Context) -> int:
    """The images of each pass, in the folder of its name; how many there are."""
    settings, folder, count = context.settings, context.folder, 0
    for name, cases in passes(context.data, folder.images):
        requests = requests_for(cases, context.data.task.id, settings.seed)
        generate(
            generator, requests, for_generator, folder.of_pass(name), settings.batch_size, context.processes.wait,
            _PASSES[name],
        )
        count += len(requests)
    return count


def _picture(context: RunContext) -> None:
    """Draw what was made: samples by class, and for an editing task what changed."""
    data, folder, seed = context.data, context.folder, context.settings.seed
    labels = {case.id: str(case.attributes[data.task.data.class_attribute]) for case in data.cases}
    sample_sheet(folder.images, labels, folder.samples, seed=seed)
    if data.editing is not None and not data.blind:
        write_edit_sheet(data, folder, seed)


def record(context: RunContext, scored: Scored, stages: list[Stage], notes: list[str]) -> Result:
    """The result of a run, with what it ran on and over which data, and why it lacks a score."""
    data = context.data
    environment = describe(context.device, context.processes.count)
    return Result(
        task_ref(data.task), context.model, "measured", scored.scores, seed=context.settings.seed,
        split_hash=None if data.blind else data.split_hash(), images_hash=scored.digest, stages=stages,
        note="; ".join(filter(None, (data.caveat(), *scored.refused))) or None,
        environment=replace(
            environment, packages={**environment.packages, **context.content}, notes=[*environment.notes, *notes]
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"), card_seeds=list(data.task.protocol.seeds),
    )


def _state(context: RunContext) -> dict[str, object]:
    """What a run must not change while it goes on."""
    task, model, settings = context.data.task, context.model, context.settings
    return {
        "task": task.id, "task_version": task.version, "card_hash": task.hash,
        "split_hash": context.data.split_hash(), "model": model.name, "parameters": model.parameters,
        "model_version": model.version, "seed": settings.seed, "batch_size": settings.batch_size,
        "device": context.device.type,
    }
