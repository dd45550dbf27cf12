"""Result files in, rendered leaderboards out: to the terminal or one file a task, Markdown with the runs' pictures.

Refuses to mix: what may meet in one table is `ldbench.leaderboard`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ldbench import leaderboard
from ldbench.comparable import Found
from ldbench.leaderboard import Leaderboard
from ldbench.report import markdown, render
from ldbench.report.pictures import copy_pictures
from ldbench.report.terminal import renderable
from ldbench.result import write_text_atomic

SUFFIXES = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json"}


def report_paths(paths: Sequence[Path], format: str, out: Path | None) -> str:
    """What to print: the rendered leaderboards, or, with `out`, the files that were written there."""
    found = leaderboard.collect(paths)
    boards = leaderboard.fold(found)
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


def show(paths: Sequence[Path], console: Console) -> None:
    """Draw the leaderboards on a terminal, in its width and colours."""
    for _, board in sorted(leaderboard.fold(leaderboard.collect(paths)).items()):
        console.print(renderable(board, console.width))
