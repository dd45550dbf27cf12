"""Results from Python: finished runs read back, the leaderboard of a task, and which of its rows are better than which.

`ldbench report` and `ldbench compare` read, rank and test by the same functions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from ldbench.board.chosen import RowChoice
from ldbench.board.gather import BoardSet, board_set, collect, gather
from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.board.left_out import refuse
from ldbench.board.paired_tests import Comparison
from ldbench.board.row_labels import labels
from ldbench.errors import ResultError, UsageError, unknown_name
from ldbench.records.argument_names import argument_names
from ldbench.records.argument_types import Expected
from ldbench.records.handed_over import name_list
from ldbench.records.identity import Found
from ldbench.report.comparisons import chosen, compared, render_text
from ldbench.report.cost_formats import costs_of_board, records
from ldbench.report.tables import csv_, markdown, terminal
from ldbench.report.tables.content import page
from ldbench.report.tables.headline import headline, narrowed
from ldbench.report.write import with_metrics
from ldbench.run.task_runs import TaskRun

_NO_RESULTS = Expected(
    "folders, result files or what run_task returned, one or several",
    'give the folder that runs are in, such as "runs"',
)
Results = Annotated[str | Path | TaskRun | Sequence[str | Path | TaskRun], _NO_RESULTS]
LeaveOut = Callable[[ResultError], None]


@dataclass(frozen=True, repr=False)
class TaskBoard:
    """The leaderboard of one task: `record` is what `ldbench leaderboard build` writes of it.

    It prints as `ldbench report` shows it, and a notebook draws it as a table. `not_finished` has a line for each run
    that was begun and has no result. `found` are the results, each with its path.
    """

    record: Leaderboard
    not_finished: tuple[str, ...] = ()
    found: Sequence[Found] = ()

    @property
    def rows(self) -> tuple[BoardRow, ...]:
        """The rows, best first, with their scores, seeds and notes."""
        return self.record.rows

    def table(self) -> list[dict[str, str | float | None]]:
        """One dict a row: its `rank` with its interval ("" for none), `model`, and the value of each metric, None where
        it has none. `pandas.DataFrame` takes the list."""
        names = labels(self.rows)
        lines = (line for each in page(self.record).tables for block in each.blocks for line in block)
        places = {line.model: line.place for line in lines}
        metrics = dict.fromkeys(score.metric for row in self.rows for score in row.scores)
        return [
            {"rank": places[names.of(row)], "model": names.of(row)} | {name: _value(row, name) for name in metrics}
            for row in self.rows
        ]

    def scores(self) -> list[dict[str, object]]:
        """One dict a row and metric: value, interval, spread over seeds, rank and all else of `--format csv`."""
        return csv_.records(self.record)

    def costs(self) -> list[dict[str, object]]:
        """One dict a row and device: seconds of training and of an image and a GPU's memory, as `ldbench report --cost`
        has them; the keys are `model` and the fields of `ldbench.board.costs.RowCost`."""
        return records(costs_of_board(self.record, self.found))

    def markdown(self) -> str:
        """The text of `ldbench report --format markdown`: every metric, and the notes."""
        return markdown.render(self.record)

    def __repr__(self) -> str:
        """As a terminal of 100 columns shows it: one metric a question, and notes."""
        return "\n".join([terminal.render(self.record).rstrip("\n"), *self.not_finished])

    def _repr_markdown_(self) -> str:
        """What a notebook draws: one metric a question."""
        first = headline([metric.metric for metric in self.record.metrics])
        return markdown.render(narrowed(self.record, first, ("measured",)))


@dataclass(frozen=True, repr=False)
class TaskComparisons:
    """Every pair of a task's rows that compete, by metric, in the board's order, or of them and reference rows.

    It prints as `ldbench compare --all-metrics` does.
    """

    by_metric: Mapping[str, Sequence[Comparison]]
    board: Leaderboard
    as_fitted: bool = False

    @property
    def found(self) -> list[Comparison]:
        """All of them in one list."""
        return [pair for of_metric in self.by_metric.values() for pair in of_metric]

    def table(self) -> list[dict[str, object]]:
        """One dict a pair and metric, under the names of `Comparison`'s fields. `pandas.DataFrame` takes the list."""
        return [asdict(each) for each in self.found]

    def __repr__(self) -> str:
        """A line a pair, the surest first, and what may be relied on."""
        task = self.board.task.id
        return render_text({task: self.by_metric}, self.as_fitted, {task: self.board}).rstrip("\n")


@argument_names()
def read_results(results: Results = "runs", *, leave_out: LeaveOut = refuse) -> list[TaskRun]:
    """The finished runs in result files and below folders, sorted by path.

    Raises `ResultError` for a path without any, and for a file that can't be read, and `UsageError` where no path is
    given; `leave_out` is told of a bad file instead, so `errors.append` keeps the others.

    >>> {run.result.model.name: run.values for run in read_results("runs")}  # doctest: +SKIP
    """
    return [TaskRun(result, Path(path)) for path, result in collect(_paths(results), leave_out)]


@argument_names(metric="metrics")
def leaderboard(
    results: Results = "runs", *, task: str | None = None, metrics: Sequence[str] | None = None,
    measured_only: bool = False, leave_out: LeaveOut = refuse, only: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
) -> TaskBoard:
    """Fold the results of one task into its leaderboard, as `ldbench report` does.

    `results` are folders, result files or what `run_task` returned, one or several; `task` is the id of the one that is
    wanted, where they are of several tasks. `metrics` keeps these alone, None all. Rows that publications report are
    shown, unranked, unless `measured_only`. `only` and `without` choose rows by their models' names: then these rows
    alone are compared and ranked, which the board says. Raises `ResultError` for a result that can't be used beside the
    others; `leave_out` is told of it instead, so `errors.append` keeps what can. Raises `UsageError` for no results, or
    those of several tasks, and `UnknownNameError` for a task, metric or model that none has.

    >>> board = leaderboard("runs", task="sandbox-brain-t2i")  # doctest: +SKIP
    >>> pandas.DataFrame(board.table())  # doctest: +SKIP
    """
    found, name = _boards(results, task, measured_only, leave_out, _choice(only, without))
    board = with_metrics(found, name_list(metrics, "--metric")).boards[name]
    return TaskBoard(board, tuple(found.unfinished_of(name)), found.found)


@argument_names(metric="metrics")
def compare(
    results: Results = "runs", *, task: str | None = None, metrics: Sequence[str] | None = None,
    as_fitted: bool = False, with_references: bool = False,
    leave_out: LeaveOut = refuse, only: Sequence[str] | None = None, without: Sequence[str] | None = None,
) -> TaskComparisons:
    """Test which rows of one task are better than which, as `ldbench compare` does: paired over cases and seeds,
    corrected for all pairs of a metric.

    `as_fitted` compares these very runs, not what another seed would give. `with_references` tests the rows that
    compete against each reference row, too. All else, and what is raised, is as `leaderboard` has it.

    >>> [pair.better for pair in compare("runs", metrics=["viewed_fid"]).found]  # doctest: +SKIP
    """
    found, name = _boards(results, task, True, leave_out, _choice(only, without))
    by_metric = chosen(compared(found, as_fitted, with_references), name_list(metrics, "--metric"))[name]
    return TaskComparisons(by_metric, found.boards[name], as_fitted)


def _boards(
    results: Results, task: str | None, measured_only: bool, leave_out: LeaveOut, choice: RowChoice
) -> tuple[BoardSet, str]:
    """The one board that is asked for, and its task; results of others are read and not folded."""
    paths = _paths(results)
    found = gather(paths, (), measured_only, leave_out)
    name = _task({result.task.id for _, result in found}, task)
    of_task = [one for one in found if one[1].task.id == name]
    boards = board_set(of_task, [path for path in paths if path.is_dir()], leave_out, choice)
    if name not in boards.boards:
        raise ResultError(f"{name}: expected results that can share a leaderboard, got none; see what was left out")
    return boards, name


def _choice(only: Sequence[str] | None, without: Sequence[str] | None) -> RowChoice:
    return RowChoice(tuple(name_list(only, "--only")), tuple(name_list(without, "--without")))


def _paths(results: Results) -> list[Path]:
    """What holds the results, a path each; UsageError for none."""
    several = [results] if isinstance(results, str | os.PathLike | TaskRun) else [*results]
    if not several:
        raise UsageError(f"results: expected {_NO_RESULTS.words}, got none; {_NO_RESULTS.remedy}")
    return [each.path if isinstance(each, TaskRun) else Path(each) for each in several]


def _task(tasks: Set[str], task: str | None) -> str:
    """The task that is asked for, or the only one."""
    if task is None and len(tasks) == 1:
        return next(iter(tasks))
    if task is None:
        listed = ", ".join(sorted(tasks)) or "none"
        raise UsageError(f"task: expected results of one task, got {listed}; name one with task=")
    if task not in tasks:
        raise unknown_name("task", task, tasks, "name one that the results are of")
    return task


def _value(row: BoardRow, metric: str) -> float | None:
    score = row.score(metric)
    return None if score is None else score.value
