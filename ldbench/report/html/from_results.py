"""Results in, pages out: what `ldbench report --format html` and `--format site` do.

Refuses to print: pages hold pictures and are files.
"""

from __future__ import annotations

from pathlib import Path

from ldbench.board.collect import BoardSet
from ldbench.errors import UsageError
from ldbench.report.comparisons import compared, sentences
from ldbench.report.html.write import GALLERY, write_pages


def report_pages(results: BoardSet, format: str, out: Path | None, gallery: int = GALLERY) -> list[Path]:
    """Write a page for each task, with who is better than whom and the searches that lie among the results.

    `gallery` as `write_pages` takes it. Raises `UsageError` without `out`.
    """
    if out is None:
        raise UsageError(f"--format {format}: expected a folder to write to, got none; add --out FOLDER")
    better = {task: sentences(pairs) for task, pairs in compared(results).items()}
    return write_pages(results.found, results.boards, out, format == "site", gallery, better, results.folders)
