"""Full runs over the values of one parameter or of two, pooled over seeds, in one table.

Every cell is a run like any other (`ldbench.run.pipeline`): it resumes, its result file stands below the same folder,
and `ldbench report` reads it where that folder is named. Where one run fails the others go on, and the failure stands
in the answer.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ldbench.api import Direction, ParameterValue
from ldbench.board.seeds import pool
from ldbench.errors import GeneratorError, MetricError, UsageError
from ldbench.plugins.kinds import metric_bounds
from ldbench.records.names import digest
from ldbench.records.result import Result
from ldbench.run.pipeline import prepare, ready, run
from ldbench.run.settings import Settings
from ldbench.score.metrics.intervals import Interval
from ldbench.score.steps import steps
from ldbench.studies.parameters.values import Grid, grid
from ldbench.studies.parameters.workbench import folder_name
from ldbench.task import card

MOST_RUNS = 1000


@dataclass(frozen=True)
class PooledScore:
    """One metric over the `runs` of one cell that have it, a seed each: mean, 95 % interval, standard deviation over
    seeds (None for one)."""

    metric: str
    direction: Direction
    extractor: str | None
    value: float
    low: float
    high: float
    spread: float | None
    runs: int


@dataclass(frozen=True)
class Cell:
    """One setting: the values as `--set` takes them, what they mean, pooled scores, result files and failures."""

    texts: tuple[str, ...]
    values: tuple[ParameterValue, ...]
    scores: tuple[PooledScore, ...]
    results: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Ablation:
    """The cells in order of the grids, the first grid slowest, the metrics that the card asks for, and where the answer
    was written."""

    task: str
    model: str
    asked: tuple[str, ...]
    grids: tuple[Grid, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    folder: Path

    @property
    def metrics(self) -> list[tuple[str, Direction]]:
        """The metrics that any cell has, in the card's order."""
        directions = {score.metric: score.direction for cell in self.cells for score in cell.scores}
        return [(metric, directions[metric]) for metric in self.asked if metric in directions]

    @property
    def failures(self) -> list[str]:
        """What went wrong, a line a run."""
        return [line for cell in self.cells for line in cell.failures]


def ablate(
    task_name: str, model_name: str, parameters: Sequence[tuple[str, str]], seeds: tuple[int, ...], settings: Settings
) -> Ablation:
    """Run every value, or pair of values, with every seed.

    `parameters` holds one or two (name, values). What an interrupted ablation finished is not repeated. Raises
    UsageError before the first run for values that can't be; a run that fails is recorded and the others go on.
    """
    task = card.load(task_name)
    generator, model = ready(task, model_name, settings.overrides)
    if len(parameters) not in (1, 2) or len({name for name, _ in parameters}) < len(parameters):
        raise UsageError("--parameter: expected one parameter, or two different ones, each with its --values")
    grids = tuple(grid(type(generator), name, values, settings.overrides) for name, values in parameters)
    combinations = list(itertools.product(*(zip(each.texts, each.values, strict=True) for each in grids)))
    if len(combinations) * len(seeds) > MOST_RUNS:
        count = len(combinations) * len(seeds)
        raise UsageError(f"--values: expected at most {MOST_RUNS} runs, got {count}; take fewer")
    overrides = [
        {**settings.overrides, **{each.parameter: text for each, (text, _) in zip(grids, combination, strict=True)}}
        for combination in combinations
    ]
    for each in overrides:  # a value that no run of it could end well with is refused here
        prepare(task_name, model_name, replace(settings, overrides=each, seed=seeds[0]))
    cells = []
    of_cells = steps(list(zip(combinations, overrides, strict=True)), settings.progress, "ablate", _texts)
    for combination, of_cell in of_cells:
        texts, values = zip(*combination, strict=True)
        own = replace(settings, overrides=of_cell)
        cells.append(_cell(task_name, model_name, texts, values, seeds, own, task.metrics))
    axes = [[each.parameter, each.texts] for each in grids]
    question = [task.hash, model.version, model.parameters, axes, seeds, settings.device]
    names = "-".join(each.parameter for each in grids)
    key = digest(json.dumps(question, sort_keys=True), 12)
    folder = settings.out / task.id / f"ablation-{folder_name(model.name)}-{names}-{key}"
    return Ablation(task.id, model_name, tuple(task.metrics), grids, seeds, tuple(cells), folder)


def _texts(cell: tuple[tuple[tuple[str, ParameterValue], ...], object]) -> str:
    """The values of a cell as they were given, of each parameter."""
    return " ".join(text for text, _ in cell[0])


def _say_of(say: Callable[[str], None], cell: str, line: str) -> None:
    say(f"{cell}: {line}")


def _cell(
    task_name: str, model_name: str, texts: tuple[str, ...], values: tuple[ParameterValue, ...], seeds: Sequence[int],
    settings: Settings, metrics: Iterable[str],
) -> Cell:
    results: list[Result] = []
    paths, failures = [], []
    for seed in seeds:
        try:
            say = partial(_say_of, settings.say, f"{' '.join(texts)}, seed {seed}")
            result, path = run(task_name, model_name, replace(settings, seed=seed, say=say))
        except (GeneratorError, MetricError) as error:  # this setting's own fault; what is wrong with all is raised
            failures.append(f"{' '.join(texts)}, seed {seed}: {error}")
        else:
            results.append(result)
            paths.append(path.relative_to(settings.out).as_posix())
    return Cell(texts, values, _pooled(results, metrics), tuple(paths), tuple(failures))


def _pooled(results: Sequence[Result], metrics: Iterable[str]) -> tuple[PooledScore, ...]:
    """Each of the card's `metrics`, in their order, over the runs that have it: one that a run's images refused isn't
    among its scores."""
    pooled = []
    for metric in metrics:
        scores = [score for result in results for score in result.scores if score.metric == metric]
        if not scores:
            continue
        intervals = [Interval(score.value, score.ci_low, score.ci_high) for score in scores]
        mean, spread = pool(intervals, metric_bounds(metric))
        numbers = (mean.value, mean.low, mean.high, spread, len(scores))
        pooled.append(PooledScore(metric, scores[0].direction, scores[0].extractor, *numbers))
    return tuple(pooled)
