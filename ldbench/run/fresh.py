"""A row on a test set that nobody has seen, beside its run on the public one: `ldbench run --fresh`.

The fit is the public run's. New subjects are rendered, the cases over them generated and scored, and the gap between
both scores is written beside the public result. A task whose data have no simulator is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from ldbench.api import Score
from ldbench.data.render import (
    RENDERED,
    NewSeed,
    Rendered,
    default_folder,
    read_rendered,
    render,
    to_render,
)
from ldbench.data.task_data import TaskData
from ldbench.errors import ResultError
from ldbench.records import fresh as sidecar
from ldbench.records.fresh import FreshRound, Gap
from ldbench.records.lock import locked
from ldbench.records.names import plain
from ldbench.records.result import Result
from ldbench.records.run_folder import FRESH, RunFolder
from ldbench.run.environment import usable_cores
from ldbench.run.pipeline import prepare, run
from ldbench.run.processes import current_processes
from ldbench.run.settings import Settings
from ldbench.score.metrics.intervals import LEVEL, reach_of_difference
from ldbench.task import card

FRESH_SETS = "fresh"  # below --out
TEST_ALONE = ("test",)  # the fit is the public run's, so training subjects stay


@dataclass(frozen=True)
class FreshRun:
    """Both results with their files, the round that compares them, and the file that holds it."""

    frozen: Result
    path: Path
    fresh: Result
    fresh_path: Path
    round: FreshRound
    written: Path


def run_fresh(task_name: str, model_name: str, data_seed: int, settings: Settings) -> FreshRun:
    """Run the model on the task and on the same task over the subjects that `data_seed` draws.

    The subjects are rendered first: only they show whether their cases are enough for every metric, and a fit may take
    hours. Raises what either run lacks before anything is fitted.
    """
    task = card.load(task_name)
    folder = _folder(task, data_seed, settings.out)
    prepare(task_name, model_name, settings)
    processes = current_processes(settings.device)
    if processes.is_first:
        _rendered(task, task_name, data_seed, folder, settings)
    processes.wait()
    fresh_card = str(read_rendered(folder).card(folder, task.id))
    prepare(fresh_card, model_name, settings)
    frozen, path = run(task_name, model_name, settings)
    fresh, fresh_path = run(fresh_card, model_name, settings, RunFolder.holding(path))
    compared = FreshRound(
        fresh.task, data_seed, str(fresh.split_hash), str(fresh.images_hash), gaps(frozen.scores, fresh.scores)
    )
    written = sidecar.add(path, frozen, compared) if processes.is_first else path.with_name(FRESH)
    return FreshRun(frozen, path, fresh, fresh_path, compared, written)


def _folder(task: card.Task, data_seed: int, out: Path) -> Path:
    """Where the new subjects are, or will be: below `out`, unless `ldbench data render` has left them elsewhere."""
    own = _own_folder(task, data_seed, out)
    elsewhere = default_folder(task.data.dataset, data_seed)
    if own.exists() or not (elsewhere / RENDERED).is_file():
        return own
    try:
        before = read_rendered(elsewhere)
    except ResultError:  # nobody named that folder
        return own
    asked = (task.data.dataset, data_seed, task.data.revision, TEST_ALONE)
    return elsewhere if (before.dataset, before.seed, before.revision, before.splits) == asked else own


def _own_folder(task: card.Task, data_seed: int | str, out: Path) -> Path:
    return out / FRESH_SETS / f"{plain(task.data.dataset)}-seed-{data_seed}"


def _rendered(task: card.Task, name: str, data_seed: int, folder: Path, settings: Settings) -> Rendered:
    """The test subjects, rendered now or by the run of another row, which is waited for."""
    settings.say(f"test subjects of {task.data.dataset} from seed {data_seed} in {folder}")
    with locked(folder.with_name(f".{folder.name}.lock"), wait=True):
        return render(
            task.data.dataset, data_seed, folder, splits=TEST_ALONE, cards=[name], processes=usable_cores(),
            progress=settings.progress,
        )


def fresh_line(task: card.Task, name: str, data_seed: int | NewSeed, out: Path, data: TaskData | None) -> str:
    """What a fresh run would do for its test subjects, whose number is that of the installed `data`. Draws no seed.

    Raises as `run_fresh` does for a card whose data nothing renders.
    """
    to_render(task.data.dataset, [name])
    if data_seed == "new":
        drawn, folder = "draws a seed and ", _own_folder(task, "SEED", out)
    else:
        drawn, folder = "", _folder(task, data_seed, out)
    if not drawn and (folder / RENDERED).is_file():
        return f"fresh: taken from {folder}; images of its cases beside those below"
    there = () if data is None else data.dataset.records
    count = len({record.subject for record in there if record.split == "test"})
    what = f"{drawn}renders {count or 'the'} test subjects into {folder}"
    return f"fresh: {what}; images of their cases beside those below"


def gaps(frozen: Sequence[Score], fresh: Sequence[Score]) -> tuple[Gap, ...]:
    """The gap of each metric, in the order of the frozen ones; a `ResultError` where the two lists differ."""
    on_fresh = {score.metric: score for score in fresh}
    if [score.metric for score in frozen] != [score.metric for score in fresh]:
        names = ", ".join(on_fresh)
        raise ResultError(f"fresh: expected {', '.join(score.metric for score in frozen)}, got {names}; run it again")
    # Bonferroni: each half-width grows by what a normal quantile of the smaller level has on that of 95 %
    tail = (1 - LEVEL) / 2
    wider = NormalDist().inv_cdf(1 - tail / max(len(frozen), 1)) / NormalDist().inv_cdf(1 - tail)
    return tuple(_gap(score, on_fresh[score.metric], wider) for score in frozen)


def _gap(frozen: Score, fresh: Score, wider: float) -> Gap:
    """Difference of two independent estimates, its interval recovered from theirs (MOVER)."""
    gap = fresh.value - frozen.value
    below = reach_of_difference(max(fresh.value - fresh.ci_low, 0.0), max(frozen.ci_high - frozen.value, 0.0))
    above = reach_of_difference(max(fresh.ci_high - fresh.value, 0.0), max(frozen.value - frozen.ci_low, 0.0))
    worse = gap - wider * below > 0 if frozen.direction == "lower" else gap + wider * above < 0
    return Gap(
        frozen.metric, frozen.direction, frozen.value, fresh.value, gap, gap - below, gap + above, worse
    )
