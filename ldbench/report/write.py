"""Result files in, rendered leaderboards out: to the terminal or one file a task.

Refuses to mix: what may meet in one table is `ldbench.leaderboard`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ldbench import leaderboard
from ldbench.report import render
from ldbench.report.terminal import renderable
from ldbench.result import write_text_atomic

SUFFIXES = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json"}


def report_paths(paths: Sequence[Path], format: str, out: Path | None) -> str:
    """What to print: the rendered leaderboards, or, with `out`, the files that were written there."""
    boards = leaderboard.fold(leaderboard.collect(paths))
    texts = {task: render(board, format) for task, board in sorted(boards.items())}
    if out is None:
        return "\n".join(texts.values())
    for task, text in texts.items():
        write_text_atomic(out / f"{task}.{SUFFIXES[format]}", text)
    return "".join(f"{out / f'{task}.{SUFFIXES[format]}'}\n" for task in texts)


def show(paths: Sequence[Path], console: Console) -> None:
    """Draw the leaderboards on a terminal, in its width and colours."""
    for _, board in sorted(leaderboard.fold(leaderboard.collect(paths)).items()):
        console.print(renderable(board, console.width))
