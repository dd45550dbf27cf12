"""A result's scores recomputed from its images and compared with those that it records.

The cheap checks come first: card, split, the manifests' hashes, the digest over pixels; only images that are the
result's are scored. Shows that the scores are those of these images, not that the named model made them: the model is
never imported or run. Refuses a result of another card, or of other data, than those installed here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Measured, Progress, Score, silent
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ResultError, UsageError, unknown_name
from ldbench.records import contributions
from ldbench.records import result as results
from ldbench.records.contributions import Units
from ldbench.records.files import user_cache_folder
from ldbench.records.result import Environment, Result
from ldbench.records.run_folder import IMAGES
from ldbench.run.environment import describe, pick_device
from ldbench.run.rounds import BACK, NULL, Made, read_made
from ldbench.run.submission.contents import RESULT
from ldbench.run.submission.manifest import altered
from ldbench.run.submission.unpack import unpacked
from ldbench.run.verify.checks import check_scores, check_units
from ldbench.run.verify.verification import Verification
from ldbench.score.contributions import units_of
from ldbench.score.inputs import ScoringContext
from ldbench.score.scorer import score_images
from ldbench.task import card

if TYPE_CHECKING:
    import torch

_MOST_THREADS = 1024


def verify(
    path: Path | str, *, device: str = "auto", task: str | None = None, images: Path | None = None,
    complete: bool = False, progress: Progress = silent,
) -> Verification:
    """Recompute the scores of a result.json, of a run's folder or of an archive of `ldbench submit`.

    `device` "auto" is the CPU for a result from a CPU, else what `ldbench run` would take. `task` is the card's path
    where it is not installed, `images` the folder that `ldbench score` was given. `complete` writes units.json beside
    the result where there is none and all is equal. Raises `LdbenchError` for what can't be verified here.
    """
    start = time.perf_counter()
    with _opened(Path(path), images, complete) as file:
        result = _read(file)
        data = _data_of(result, task, file)
        recorded = contributions.beside(file, result)
        what = f"{result.task.id}, {result.model.name}, seed {result.seed}"
        made, faults = _checked(data, result, file, images)
        if made is None:
            return Verification(what, faults, (), (), time.perf_counter() - start)
        measured, machine = _measured(data, made, result, device, progress)
        found = units_of(data, measured, made.passes)
        checks = check_units(check_scores(result.scores, measured), recorded, found)
        now = Verification(what, (), tuple(checks), machine, time.perf_counter() - start)
        if not complete or recorded is not None or now.verdict != "equal":
            return now
        contributions.write(_valued(found, result.scores), file.with_name(contributions.NAME))
        return replace(now, completed=file.with_name(contributions.NAME))


@contextmanager
def _opened(path: Path, images: Path | None, complete: bool) -> Iterator[Path]:
    """The result's file, unpacked if it comes in an archive."""
    if path.is_dir() or path.suffix == ".json":
        yield path / RESULT if path.is_dir() else path
        return
    if images is not None or complete:
        raise UsageError(f"{path}: --images and --complete go with a run's folder or result.json, got an archive")
    with unpacked(path) as folder:
        yield folder / RESULT


def _read(file: Path) -> Result:
    """The result, complete and measured."""
    result = results.read(file)
    if (result.status, result.origin) != ("complete", "measured"):
        raise ResultError(f"{file}: expected a complete measured result, got {result.status}, {result.origin}")
    if result.seed is None or result.seed < 0 or result.images_hash is None or result.split_hash is None:
        raise ResultError(f"{file}: expected seed, images_hash and split_hash, got a result without; run it again")
    metrics = [score.metric for score in result.scores]
    if len(set(metrics)) < len(metrics):
        raise ResultError(f"{file}: expected each metric once, got one twice; take the original")
    return result


def _data_of(result: Result, task: str | None, file: Path) -> TaskData:
    """The data of the result's task, or a `ResultError` that says in what its card or split differs from that here."""
    if task is None and result.task.id not in card.task_names():  # never a path: a stranger wrote it
        raise unknown_name("task", result.task.id, card.task_names(), "name the card's file by --task")
    chosen = card.load(task or result.task.id)
    here = {"id": chosen.id, "version": chosen.version, "kind": chosen.kind, "card_hash": chosen.hash}
    for key, value in here.items():
        if (recorded := getattr(result.task, key)) != value:
            raise ResultError(
                f"{file}: measured on a card of {key} {recorded!r:.40}, the one here has {value!r:.40}; verify it with "
                "the ldbench that has its card, or name the card by --task"
            )
    data = task_data(chosen, result.seed or 0)
    if (split := data.split_hash()) != result.split_hash:
        raise ResultError(
            f"{file}: measured on data of split_hash {result.split_hash!s:.12}, those here have {split:.12}; verify it "
            "where its data are"
        )
    return data


def _checked(
    data: TaskData, result: Result, file: Path, images: Path | None
) -> tuple[Made | None, tuple[str, ...]]:
    """The images where they are the result's, else None and how they are not."""
    folder = file.parent
    if images is None and (faults := altered(folder)):
        return None, faults
    further = {name: folder / name / IMAGES if images is None else images / name for name in (NULL, BACK)}
    made = read_made(data, images or folder / IMAGES, further)
    if made.digest != result.images_hash:
        return None, (f"images_hash: recorded {result.images_hash!s:.12}, these pixels give {made.digest:.12}",)
    return made, ()


def _measured(
    data: TaskData, made: Made, result: Result, device: str, progress: Progress
) -> tuple[list[Measured], tuple[str, ...]]:
    """The scores by the result's seed and number of threads, and what is other here than in its environment."""
    there = result.environment
    on_cpu = there is None or there.device.startswith("cpu")
    chosen = pick_device("cpu" if device == "auto" and on_cpu else device)
    context = ScoringContext(chosen, result.seed or 0, user_cache_folder() / "features", progress)
    with _threads(there, chosen):
        measured = score_images(data, made.images, context, made.passes)
        return measured, () if there is None else _other(there, describe(chosen))


@contextmanager
def _threads(there: Environment | None, device: torch.device) -> Iterator[None]:
    """As many threads as the result was scored with: the order of sums, and so a trained network, depends on it."""
    import torch

    count = None if there is None or device.type != "cpu" else there.threads
    if count is None:
        yield
        return
    if not 1 <= count <= _MOST_THREADS:
        raise ResultError(f"environment.threads: expected 1 to {_MOST_THREADS}, got {count}; take the original result")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _other(there: Environment, here: Environment) -> tuple[str, ...]:
    """Packages, machine and commit that are not those of the result: `name there -> here`."""
    one, two = (
        {**each.packages, "python": each.python, "platform": each.platform, "device": each.device,
         "threads": each.threads, "commit": each.commit and each.commit[:12]}
        for each in (there, here)
    )
    return tuple(
        f"{name} {one.get(name)} -> {two.get(name)}" for name in sorted({*one, *two}) if one.get(name) != two.get(name)
    )


def _valued(found: Units, scores: Sequence[Score]) -> Units:
    """The units with the recorded values, from which those of another machine may differ by rounding."""
    values = {score.metric: score.value for score in scores}
    return replace(found, metrics={name: replace(each, value=values[name]) for name, each in found.metrics.items()})
