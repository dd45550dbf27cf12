"""Result files in, rendered leaderboards out: to the terminal or one file a task, Markdown with the runs' pictures.

Rows that publications report for the same tasks are put in beside the measured ones, unless they are not wanted.
`ldbench.board.leaderboard` decides what may stand in one table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ldbench.board.chosen import ChosenRows
from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import unknown_name
from ldbench.records.names import slug
from ldbench.records.own_files import begins_as, check_own, write_own
from ldbench.report.cards import titles
from ldbench.report.run_pictures import copy_pictures
from ldbench.report.tables import latex, markdown, terminal
from ldbench.report.tables.formats import RENDERERS, render
from ldbench.report.tables.headline import narrowed

_COMMAND = "ldbench report"


def report(
    results: BoardSet, format: str, out: Path | None, all_metrics: bool = False, cards: Sequence[str] = (),
    baseline: Path | None = None,
) -> str:
    """What to print: the rendered leaderboards, or, with `out`, the files that were written there.

    LaTeX has the titles of tasks; `cards` are paths, of tasks that are not installed. Raises `ResultError`, before
    anything is written, for a file in a leaderboard's place that is none of `ldbench report`, or that is the `baseline`
    of a gate or lies in its folder.
    """
    paths = {} if out is None else {
        task: out / f"{_name(board)}.{RENDERERS[format][0]}" for task, board in results.boards.items()
    }
    for task, path in paths.items():
        if path.exists():  # before pictures are copied
            then = () if baseline is None else (baseline, baseline / path.name)
            check_own([path], begins_as(render(results.boards[task], format)), _COMMAND, inputs=then)
    if format == "latex":
        named = titles(results, cards)
        texts = {task: latex.render(board, named.get(task, "")) for task, board in results.boards.items()}
    else:
        texts = {task: _text(board, format, results, out, all_metrics) for task, board in results.boards.items()}
    if out is None:
        return "\n".join([*texts.values(), *(f"{line}\n" for line in _without_board(results, format))])
    files = {paths[task]: text for task, text in texts.items()}
    return "".join(f"{path}\n" for path in write_own(files, _COMMAND))


def _name(board: Leaderboard) -> str:
    """What a board's file is called: one of chosen rows has other ranks than the whole one, and another name."""
    return slug(board.task.id) + ("-chosen" if isinstance(board, ChosenRows) else "")


def with_metrics(results: BoardSet, metrics: Sequence[str]) -> BoardSet:
    """The boards that have any of these metrics, with these alone; all where none is named.

    Raises `UnknownNameError` for a metric that no board has.
    """
    if not metrics:
        return results
    known = {
        task: {score.metric for row in board.rows for score in row.scores} for task, board in results.boards.items()
    }
    for name in metrics:
        if not any(name in of_task for of_task in known.values()):
            raise unknown_name("metric", name, set().union(*known.values()), "name one that the results have")
    kept = {task: board for task, board in results.boards.items() if known[task].intersection(metrics)}
    return replace(results, boards={task: narrowed(board, metrics) for task, board in kept.items()})


def _text(board: Leaderboard, format: str, results: BoardSet, out: Path | None, all_metrics: bool) -> str:
    if format == "terminal":
        begun = [f"{line}\n" for line in results.unfinished_of(board.task.id)]
        return "".join([terminal.render(board, all_metrics=all_metrics), *begun])
    if format == "markdown" and out is not None:
        return markdown.render(board, copy_pictures(results.found, board, out))
    return render(board, format)


def _without_board(results: BoardSet, format: str) -> list[str]:
    """A line for each unfinished run of a task that has no board."""
    lines = [one.line for one in results.unfinished if one.task not in results.boards]
    return lines if format == "terminal" else []


def show(results: BoardSet, console: Console, all_metrics: bool = False) -> None:
    """Draw the leaderboards on a terminal, in its width and colours."""
    for board in results.boards.values():
        console.print(terminal.renderable(board, console.width, all_metrics))
        for line in results.unfinished_of(board.task.id):
            console.print(Text(line, style="dim"), soft_wrap=True)
    for line in _without_board(results, "terminal"):
        console.print(Text(line, style="dim"), soft_wrap=True)
