"""Result files in, rendered leaderboards out: to the terminal or one file a task, Markdown with the runs' pictures.

Rows that publications report for the same tasks are put in beside the measured ones, unless they are not wanted.
Refuses to mix: what may meet in one table is `ldbench.leaderboard`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ldbench import leaderboard, reported
from ldbench.errors import UsageError
from ldbench.leaderboard import Leaderboard
from ldbench.records.files import write_text_atomic
from ldbench.records.identity import Found
from ldbench.report import markdown, render
from ldbench.report.pictures import copy_pictures
from ldbench.report.terminal import renderable

SUFFIXES = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}


def gather(paths: Sequence[Path], tasks: Sequence[str] = (), measured_only: bool = False) -> list[Found]:
    """The results below `paths`, and what publications report for their tasks and for `tasks`.

    With `measured_only` nothing is added. Raises `UsageError` where nothing is asked for, or both.
    """
    if not paths and not tasks:
        raise UsageError("report: expected result folders, --reported TASK or both, got neither")
    if tasks and measured_only:
        raise UsageError(f"--measured-only: expected no --reported beside it, got {', '.join(tasks)}; leave out one")
    found = leaderboard.collect(paths)
    if measured_only:
        return found
    return found + reported.rows_of({result.task.id for _, result in found}.union(reported.known(tasks)))


def report_paths(
    paths: Sequence[Path], format: str, out: Path | None, tasks: Sequence[str] = (), measured_only: bool = False
) -> str:
    """What to print: the rendered leaderboards, or, with `out`, the files that were written there.

    `tasks` and `measured_only` as `gather` takes them.
    """
    found = gather(paths, tasks, measured_only)
    boards = leaderboard.boards(found)
    texts = {task: _text(board, format, found, out) for task, board in sorted(boards.items())}
    if out is None:
        return "\n".join(texts.values())
    for task, text in texts.items():
        write_text_atomic(out / f"{task}.{SUFFIXES[format]}", text)
    return "".join(f"{out / f'{task}.{SUFFIXES[format]}'}\n" for task in texts)


def _text(board: Leaderboard, format: str, found: Sequence[Found], out: Path | None) -> str:
    if format == "markdown" and out is not None:
        return markdown.render(board, copy_pictures(found, board, out))
    return render(board, format)


def show(
    paths: Sequence[Path], console: Console, tasks: Sequence[str] = (), measured_only: bool = False
) -> None:
    """Draw the leaderboards on a terminal, in its width and colours; `tasks` and `measured_only` as in `gather`."""
    for _, board in sorted(leaderboard.boards(gather(paths, tasks, measured_only)).items()):
        console.print(renderable(board, console.width))
