"""What a run would need, before it starts: data, weights, disk, memory, operations, and all that is missing, at once.

Looks at files and never loads weights, downloads, or writes. It promises no time: it gives the operations, which are
counted, and the hours that they take at a stated rate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.api import Needs
from ldbench.data.render import NewSeed
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import LdbenchError
from ldbench.plugins.model_ref import code_of
from ldbench.records.digests import CODE
from ldbench.records.files import nearest_there
from ldbench.records.names import in_bytes
from ldbench.records.run_folder import RunFolder
from ldbench.run.context import RunContext
from ldbench.run.environment import on_device, pick_device
from ldbench.run.fresh import fresh_line
from ldbench.run.pipeline import generator_context, ready, standing
from ldbench.run.processes import Processes
from ldbench.run.requirements import Inspection, inspect, needs_of
from ldbench.run.settings import Settings, off_card
from ldbench.task import card
from ldbench.task.metric_specs import further_images

RATE = 1e14  # operations a second; what a data-centre GPU gives such networks in bfloat16, to within a factor of three


@dataclass(frozen=True)
class DryRun:
    """What was found, a line each, and what is missing, a line each: a run would start where nothing is."""

    found: tuple[str, ...]
    missing: tuple[str, ...]


def dry_run(
    task_name: str, model_name: str, settings: Settings, fresh_seed: int | NewSeed | None = None,
    metrics: Sequence[str] = (),
) -> DryRun:
    """Look for everything that `run` would ask for, with `fresh_seed` also `run_fresh`; "new" is a seed that would be
    drawn then. `metrics` are those that the run would be scored by alone. Bad names and parameters raise as there."""
    task = card.load(task_name)
    generator, ref = ready(task, model_name, settings.overrides)
    folder, device = RunFolder.of(settings.out, task.id, ref, settings.seed), pick_device(settings.device)
    reads_back = folder.finished() and fresh_seed is None
    inspection = _data_alone(task, settings) if reads_back else inspect(task, settings.seed)
    missing, images = [str(error) for error in inspection.unmet], task.protocol.cases
    seeds = ", ".join(map(str, task.protocol.seeds))
    found = [f"task {task.id}, version {task.version}; model {model_name}; seed {settings.seed} (the card's: {seeds})"]
    found += [*filter(None, [off_card(task, settings.seed)]), _whereabouts(folder)]
    try:
        if inspection.data is not None:
            code = {CODE: code_of(model_name, generator)}
            with on_device(device):
                context = RunContext(inspection.data, ref, settings, device, folder, content=code)
                found += filter(None, [standing(context, generator)])
    except LdbenchError as error:
        found[-1] = f"run: {folder.path}"
        missing.append(str(error))
    if reads_back:
        return DryRun(tuple(found), tuple(missing))
    found += [f"scores: {', '.join(metrics)} alone, and no result"] if metrics else []
    if inspection.data is not None:
        data = inspection.data
        found.append(f"data: {task.data.dataset}, {len(data.train)} training examples, {len(data.cases)} cases")
        found += filter(None, [data.caveat()])
        images = len(data.cases) + _further(data)
    missing += _unwritable(folder.path)
    for_needs = generator_context(task, settings, device, settings.out, Processes())
    with on_device(device):
        needs = needs_of(generator, for_needs)
    if needs is not None:
        missing += needs.missing
        examples = len(inspection.data.train) if inspection.data is not None else 0
        found += [] if needs.missing else _costs(needs, images, examples)
        if not folder.state.is_file():  # a run that goes on has a part of it on the disk
            missing += _no_room(settings.out, _of_fit(needs, examples))
    side = task.protocol.resolution
    pixels = images * 3 * side * side
    free = in_bytes(_free(settings.out))
    if fresh_seed is not None:
        try:
            found.append(fresh_line(task, task_name, fresh_seed, settings.out, inspection.data))
        except LdbenchError as error:
            missing.append(str(error))
    found.append(f"images: {images} of {side} x {side} px, at most {in_bytes(pixels)}; {free} free")
    return DryRun(tuple(found), tuple(missing))


def _whereabouts(folder: RunFolder) -> str:
    """What the run would do with what lies in its folder."""
    if folder.finished():
        return f"run: finished; its result is read back from {folder.result}"
    made = sum(1 for _ in folder.images.glob("*.png"))
    return f"run: goes on in {folder.path}, with {made} images" if folder.state.is_file() else f"run: {folder.path}"


def _data_alone(task: card.Task, settings: Settings) -> Inspection:
    """What a run asks for that is finished: its data."""
    try:
        return Inspection(task_data(task, settings.seed), ())
    except LdbenchError as error:
        return Inspection(None, (error,))


def _further(data: TaskData) -> int:
    """Images of the further passes."""
    return len(data.null_cases()) + further_images(data.task.metrics, "back")


def _costs(needs: Needs, images: int, examples: int) -> list[str]:
    operations = needs.fit_flops + images * needs.image_flops
    return [
        f"compute: {needs.fit_flops:.2g} operations to fit, {images * needs.image_flops:.2g} to generate; "
        f"{operations / RATE / 3600:.2g} h on a GPU of {RATE / 1e12:.0f} TFLOP/s, far longer on a CPU",
        f"device memory: {in_bytes(needs.device_bytes)} for weights and optimiser; activations are counted on a GPU",
        f"disk: {in_bytes(_of_fit(needs, examples))} for the fit",
    ]


def _of_fit(needs: Needs, examples: int) -> int:
    """Bytes on the disk."""
    return needs.disk_bytes + examples * needs.example_bytes


def _no_room(out: Path, needed: int) -> list[str]:
    free = _free(out)
    if needed <= free:
        return []
    return [
        f"disk: expected {in_bytes(needed)} for the fit, got {in_bytes(free)} free at {out}; free space or choose "
        "another --out"
    ]


def _unwritable(folder: Path) -> list[str]:
    there = nearest_there(folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    return [f"{there}: expected a folder that may be written to, got one that may not be; choose another --out"]


def _free(folder: Path) -> int:
    """Bytes free where the folder is or would be."""
    return shutil.disk_usage(nearest_there(folder)).free
