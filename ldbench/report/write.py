"""Result files in, rendered leaderboards out: to the terminal or one file a task, Markdown with the runs' pictures.

Rows that publications report for the same tasks are put in beside the measured ones, unless they are not wanted.
Refuses to mix: what may meet in one table is `ldbench.board.leaderboard`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ldbench.board.collect import fold_with_units, gather
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.files import write_text_atomic
from ldbench.records.identity import Found
from ldbench.report.run_pictures import copy_pictures
from ldbench.report.tables import markdown, render
from ldbench.report.tables.terminal import renderable

SUFFIXES = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}


def report_paths(
    paths: Sequence[Path], format: str, out: Path | None, tasks: Sequence[str] = (), measured_only: bool = False
) -> str:
    """What to print: the rendered leaderboards, or, with `out`, the files that were written there.

    `tasks` and `measured_only` as `gather` takes them.
    """
    found = gather(paths, tasks, measured_only)
    boards = fold_with_units(found)
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
    for _, board in sorted(fold_with_units(gather(paths, tasks, measured_only)).items()):
        console.print(renderable(board, console.width))
