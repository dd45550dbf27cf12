"""A result's scores recomputed from its images and compared with those that it records.

The cheap checks come first: card, split, the manifests' hashes, the digest over pixels; only images that are the
result's are scored. Shows that the scores are those of these images, not that the named model made them: the model is
never imported or run. A result of another card or other data than those installed here is an error.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Progress, Score, silent
from ldbench.data.of_result import recorded_data
from ldbench.data.task_data import TaskData
from ldbench.errors import ResultError, UsageError
from ldbench.records import units as units_file
from ldbench.records.caches import FEATURES
from ldbench.records.digests import is_content
from ldbench.records.files import user_cache_folder
from ldbench.records.result import Environment, Result
from ldbench.records.run_folder import PASSES, RESULT, UNITS, RunFolder, read_measured
from ldbench.records.units import Units
from ldbench.run.environment import describe, on_device, pick_device
from ldbench.run.passes import RunImages, absent_passes, read_images
from ldbench.run.process_settings import settings_kept
from ldbench.run.scoring import write_scored
from ldbench.run.submission.manifest import altered
from ldbench.run.submission.unpack import unpacked
from ldbench.run.verify.checks import check_scores, check_units
from ldbench.run.verify.verification import Verification
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import Panel, inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.set_scores import subgroups_of_run
from ldbench.score.units import units_of

if TYPE_CHECKING:
    import torch

_MOST_THREADS = 1024


def verify(
    path: Path | str, *, device: str = "auto", task: str | None = None, images: Path | None = None,
    complete: bool = False, out: Path | None = None, progress: Progress = silent,
) -> Verification:
    """Recompute the scores of a result.json, of a run's folder or of an archive of `ldbench submit`.

    `device` "auto" is the CPU for a result from a CPU, else what `ldbench run` would take. `task` is the card's path
    where it is not installed, `images` the folder that `ldbench score` was given. `complete` writes units.json beside
    the result where there is none and all is equal. `out` is a folder of runs for the result and its units with the
    scores that were recomputed, where they agree: these are nobody's word. Raises `LdbenchError` for what can't be
    verified here.
    """
    start = time.perf_counter()
    with _opened(Path(path), images, complete) as file:
        result = _read(file)
        data = recorded_data(result.task, result.split_hash, result.seed, file, task)
        recorded = units_file.unchecked_beside(file)
        target = None if out is None else _new_folder(out, result)
        what = f"{result.task.id}, {result.model.name}, seed {result.seed}"
        scored, faults = own_images(data, result, file, images)
        if scored is None:
            return Verification(what, faults, (), (), time.perf_counter() - start)
        inputs, panel, machine = rescored(data, scored, result, device, progress)
        units = units_of(data, panel.measured, scored.passes)
        checks = check_units(check_scores(result.scores, panel.measured), recorded, units)
        lacking = _lacking(data, _folders(file, images))
        now = Verification(what, (), tuple(checks), machine, time.perf_counter() - start, lacking)
        if target is not None and now.verdict != "differs":
            with target.claimed():
                _check_new(target)  # another may have been at it meanwhile
                write_recomputed(target, result, inputs, panel, units)
            now = replace(now, written=(*now.written, target.result))
        if complete and recorded is None and now.verdict == "equal":
            units_file.write(_valued(units, result.scores), file.with_name(UNITS))
            now = replace(now, written=(*now.written, file.with_name(UNITS)))
        return now


def _new_folder(out: Path, result: Result) -> RunFolder:
    """The run's folder below `out`, where nothing of it lies yet."""
    target = RunFolder.of(out, result.task.id, result.model, result.seed or 0)
    _check_new(target)
    return target


def _check_new(target: RunFolder) -> None:
    if not target.is_empty():
        raise ResultError(f"{target.path}: this model and seed have a run there; move it, or choose another --out")


@contextmanager
def _opened(path: Path, images: Path | None, complete: bool) -> Iterator[Path]:
    """The result's file, unpacked if it comes in an archive."""
    if path.is_dir():
        run = RunFolder(path)
        run.check_finished()
        yield run.result
        return
    if path.suffix == ".json":
        yield path
        return
    if images is not None or complete:
        raise UsageError(f"{path}: --images and --complete go with a run's folder or result.json, got an archive")
    with unpacked(path) as folder:
        yield folder / RESULT


def _read(file: Path) -> Result:
    """The result, with all that it is checked by."""
    result = read_measured(file)
    if result.split_hash is None and result.images_hash is not None:
        raise ResultError(
            f"{file}: expected split_hash, got a result without, as of a hosted task, whose host keeps the truth: send "
            "it by `ldbench submit`, and verify it after the reveal"
        )
    if result.seed is None or result.seed < 0 or result.images_hash is None or result.split_hash is None:
        raise ResultError(f"{file}: expected seed, images_hash and split_hash, got a result without; run it again")
    metrics = [score.metric for score in result.scores]
    if len(set(metrics)) < len(metrics):
        raise ResultError(f"{file}: expected each metric once, got one twice; take the original")
    return result


def own_images(
    data: TaskData, result: Result, file: Path, elsewhere: Path | None
) -> tuple[RunImages | None, tuple[str, ...]]:
    """The images where they are the result's, all that a run on this card has, else None and how they are not.

    Of images that `ldbench score` took from a folder further passes may be absent: whoever made them wasn't asked.
    """
    folders = _folders(file, elsewhere)
    faults = altered(RunFolder(file.parent)) if elsewhere is None else ()
    if elsewhere is None or not result.model.scored:
        faults += _lacking(data, folders)
    if faults:
        return None, faults
    images = read_images(data, folders)
    if images.digest != result.images_hash:
        return None, (f"images_hash: recorded {result.images_hash!s:.12}, these pixels give {images.digest:.12}",)
    return images, ()


def _folders(file: Path, elsewhere: Path | None) -> dict[str, Path]:
    """Where the images of each pass lie, or would lie: beside the result, or in the folder that was scored."""
    if elsewhere is None:
        return RunFolder(file.parent).image_folders
    return {name: elsewhere / name for name in PASSES}


def _lacking(data: TaskData, folders: Mapping[str, Path]) -> tuple[str, ...]:
    """A line for each pass that the card asks for and that isn't there."""
    return tuple(
        f"{name}: no images, and the card asks for them: {', '.join(metrics)}"
        for name, metrics in absent_passes(data, folders).items()
    )


def rescored(
    data: TaskData, images: RunImages, result: Result, device: str, progress: Progress
) -> tuple[Inputs, Panel, tuple[str, ...]]:
    """What is scored, the scores by the result's seed and number of threads, and what is other here than in its
    environment."""
    there = result.environment
    on_cpu = there is None or there.device.startswith("cpu")
    chosen = pick_device("cpu" if device == "auto" and on_cpu else device)
    context = ScoringContext(chosen, result.seed or 0, user_cache_folder() / FEATURES, progress)
    with on_device(chosen), _threads(there, chosen):
        inputs = inputs_of(data, images.images, context, images.passes)
        return inputs, scores_of(inputs), () if there is None else _other(there, describe(chosen))


def write_recomputed(target: RunFolder, result: Result, inputs: Inputs, panel: Panel, units: Units) -> Result:
    """The result with the scores of this machine, which its environment notes, and before it what lies beside it."""
    environment = result.environment
    if environment is not None:
        environment = replace(environment, notes=[*environment.notes, f"scores recomputed on {platform.platform()}"])
    recomputed = replace(result, scores=[one.score for one in panel.measured], environment=environment)
    write_scored(target, recomputed, (units, subgroups_of_run(inputs, panel.measured, units)))
    return recomputed


@contextmanager
def _threads(there: Environment | None, device: torch.device) -> Iterator[None]:
    """As many threads as the result was scored with: the order of sums, and so a trained network, depends on it."""
    import torch

    count = None if there is None or device.type != "cpu" else there.threads
    if count is not None and not 1 <= count <= _MOST_THREADS:
        raise ResultError(f"environment.threads: expected 1 to {_MOST_THREADS}, got {count}; take the original result")
    with settings_kept():
        if count is not None:
            torch.set_num_threads(count)
        yield


def _packages(machine: Environment) -> dict[str, str]:
    """Without the digests of what made the images: scoring has none."""
    return {name: version for name, version in machine.packages.items() if not is_content(name)}


def _other(there: Environment, here: Environment) -> tuple[str, ...]:
    """Packages, machine and commit that are not those of the result: `name there -> here`."""
    if there.processor is None:  # not recorded
        here = replace(here, processor=None)
    one, two = (
        {**_packages(machine), "python": machine.python, "platform": machine.platform, "device": machine.device,
         "processor": machine.processor, "threads": machine.threads, "commit": machine.commit and machine.commit[:12]}
        for machine in (there, here)
    )
    return tuple(
        f"{name} {one.get(name)} -> {two.get(name)}" for name in sorted({*one, *two}) if one.get(name) != two.get(name)
    )


def _valued(units: Units, scores: Sequence[Score]) -> Units:
    """The units with the recorded values, from which those of another machine may differ by rounding."""
    values = {score.metric: score.value for score in scores}
    return replace(units, metrics={name: replace(one, value=values[name]) for name, one in units.metrics.items()})
