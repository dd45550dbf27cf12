"""Result files to leaderboards: which files a path holds, and the boards that they fold to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ldbench.board import published
from ldbench.board.chosen import ALL_ROWS, RowChoice, of_chosen
from ldbench.board.leaderboard import Leaderboard, by_task, fold_task
from ldbench.board.left_out import LeaveOut, refuse, usable, without_remains
from ldbench.board.paired_tests import Comparison
from ldbench.board.ranks import comparisons
from ldbench.errors import ResultError, UsageError
from ldbench.records import fresh, subgroups
from ldbench.records import result as result_file
from ldbench.records import units as units_file
from ldbench.records.identity import Found
from ldbench.records.names import names_folder
from ldbench.records.rounding import one_of_each
from ldbench.records.run_folder import RESULT, RunFolder
from ldbench.records.runs_below import or_its_ablation, runs_below
from ldbench.records.sidecar import beside_all
from ldbench.records.subgroups import Subgroups
from ldbench.records.unfinished import UnfinishedRun, sentence_of_unfinished, unfinished_below
from ldbench.records.units import Units


@dataclass(frozen=True)
class BoardSet:
    """Results with their paths, the units and subgroups beside them, and by task, sorted, the leaderboards of them.

    `compared` holds what those are ranked by (`ldbench.board.ranks.comparisons`); `folders` are where the results lay,
    and `unfinished` the runs there that have none, here or in another folder. `without_rows` are tasks that have none
    of the rows that were chosen; `rounded` is a line for each copy of a run that is left out as it differs from the one
    that counts by rounding alone.
    """

    found: Sequence[Found]
    units: Mapping[str, Units]
    boards: Mapping[str, Leaderboard]
    compared: Mapping[str, Mapping[str, Sequence[Comparison]]]
    folders: Sequence[Path] = ()
    unfinished: Sequence[UnfinishedRun] = ()
    subgroups: Mapping[str, Subgroups] = field(default_factory=dict)
    without_rows: Sequence[str] = ()
    rounded: Sequence[str] = ()

    def unfinished_of(self, task: str) -> list[str]:
        """A line for each run of a task that was begun and has no result."""
        return [one.line for one in self.unfinished if one.task == task]


def read_boards(
    paths: Sequence[Path], tasks: Sequence[str] = (), measured_only: bool = False, leave_out: LeaveOut = refuse,
    choice: RowChoice = ALL_ROWS,
) -> BoardSet:
    """What `gather` finds, folded, as far as it is chosen; raises what it raises, and `UnknownNameError`.

    `leave_out` is told of each result that can't be used: unreadable, with a file beside it that isn't its own, or at
    odds with others. By default that is a `ResultError`.
    """
    folders = [path for path in paths if path.is_dir()]
    return board_set(gather(paths, tasks, measured_only, leave_out), folders, leave_out, choice)


def board_set(
    results: Sequence[Found], folders: Sequence[Path] = (), leave_out: LeaveOut = refuse, choice: RowChoice = ALL_ROWS
) -> BoardSet:
    """The fold of the chosen results with the units and fresh sets beside their files; `leave_out` as `read_boards`
    takes it, of these alone."""
    unfinished = _unfinished(results, folders)
    choice.check([*(result.model.name for _, result in results), *(run.model for run in unfinished)])
    found = [item for item in results if choice.takes(item[1].model.name)]
    absent = {result.task.id for _, result in results} - {result.task.id for _, result in found}
    damaged: dict[str, ResultError] = {}
    units, rounds = beside_all(found, units_file.beside, damaged), beside_all(found, fresh.beside, damaged)
    groups = beside_all(found, subgroups.beside, damaged)
    for error in damaged.values():
        leave_out(error)
    answers, rounded = one_of_each([item for item in found if item[0] not in damaged])
    kept = without_remains(usable(answers, leave_out), found)
    tasks = by_task(kept)
    compared = {task: comparisons(of_task, units) for task, of_task in tasks.items()}
    boards = {
        task: of_chosen(
            fold_task(of_task, compared[task], rounds), [item for item in results if item[1].task.id == task], choice
        )
        for task, of_task in tasks.items()
    }
    wanted = [run for run in unfinished if choice.takes(run.model)]
    return BoardSet(kept, units, boards, compared, folders, wanted, groups, sorted(absent), rounded)


def _unfinished(found: Sequence[Found], folders: Sequence[Path]) -> list[UnfinishedRun]:
    """The runs below the folders that were begun and are finished in none of them."""
    begun = unfinished_below(folders)
    measured = [result for _, result in found if begun and result.origin == "measured"]
    ended = {
        (one.task.id, *RunFolder.of(Path(), one.task.id, one.model, one.seed or 0).path.parts[-2:]) for one in measured
        if names_folder(one.task.id)  # any other can be no run that was begun
    }  # fmt: skip
    return [one for one in begun if (one.task, *one.folder.absolute().parts[-2:]) not in ended]


def fold(results: Sequence[Found]) -> dict[str, Leaderboard]:
    """The leaderboards of `board_set` alone, by task id, sorted."""
    return dict(board_set(results).boards)


def collect(paths: Iterable[Path], leave_out: LeaveOut = refuse) -> list[Found]:
    """Every result below the given folders (files named result.json) and in the given files, sorted by path.

    The runs of an ablation compete with nobody, and would cost the others power: its folder must be named itself.
    Raises `ResultError` for a path that is missing and a folder without a result; `leave_out` is told of an unreadable
    one.
    """
    files: dict[Path, str] = {}
    for path in paths:
        if not path.exists():
            raise ResultError(f"can't read {path}: no such file or folder; expected results of `ldbench run`")
        found = [path] if path.is_file() else _results_below(path)
        if not found:
            raise ResultError(
                f"{path}: expected a {RESULT} below it, got none; `ldbench run` makes one"
                f"{or_its_ablation([path])}{sentence_of_unfinished([path])}"
            )
        for item in sorted(found):
            files.setdefault(item.resolve(), str(item))
    results = []
    for name in sorted(files.values()):
        try:
            results.append((name, result_file.read(Path(name))))
        except ResultError as error:
            leave_out(error)
    return results


def _results_below(folder: Path) -> list[Path]:
    return [run / RESULT for run in runs_below(folder) if (run / RESULT).is_file()]


def gather(
    paths: Sequence[Path], tasks: Sequence[str] = (), measured_only: bool = False, leave_out: LeaveOut = refuse
) -> list[Found]:
    """The results below `paths`, and what publications report for their tasks and for `tasks`.

    With `measured_only` nothing is added. Raises `UsageError` where nothing is asked for, or both.
    """
    if not paths and not tasks:
        raise UsageError("report: expected result folders, --reported TASK or both, got neither")
    if tasks and measured_only:
        raise UsageError(f"--measured-only: expected no --reported beside it, got {', '.join(tasks)}; leave out one")
    found = collect(paths, leave_out)
    if measured_only:
        return found
    return found + published.rows_of({result.task.id for _, result in found}.union(published.known(tasks)))
