"""Result files in, pages out: what `ldbench report --format html` and `--format site` do.

Refuses to print: pages hold pictures and are files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldbench.board import leaderboard
from ldbench.board.collect import gather
from ldbench.errors import UsageError
from ldbench.records.contributions import beside_all
from ldbench.report.comparisons import pairs, sentences
from ldbench.report.html.write import GALLERY, write_pages


def report_pages(
    paths: Sequence[Path], format: str, out: Path | None, *, tasks: Sequence[str] = (), measured_only: bool = False,
    gallery: int = GALLERY,
) -> list[Path]:
    """Write a page for each task's results below `paths`, with what is told apart and any searches found there.

    `tasks` and `measured_only` as `ldbench.report.write.gather` takes them, `gallery` as `write_pages`. Raises
    `UsageError` without `out`.
    """
    if out is None:
        raise UsageError(f"--format {format}: expected a folder to write to, got none; add --out FOLDER")
    found = gather(paths, tasks, measured_only)
    units = beside_all(found)
    boards = leaderboard.fold(found, units)
    better = {task: sentences(pairs(found, board, units)) for task, board in boards.items()}
    return write_pages(found, boards, out, format == "site", gallery, better, [path for path in paths if path.is_dir()])
