"""Results and their leaderboards in, HTML pages out: one file a task, or a site of all tasks.

Refuses to fold: what may meet in one table, and who is better than whom, is decided before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import UsageError
from ldbench.records.files import write_text_atomic
from ldbench.records.identity import Found
from ldbench.records.names import slug
from ldbench.report.html import render
from ldbench.report.html.board import BoardView, board_view
from ldbench.report.html.runs import gathered, runs_of, sections
from ldbench.report.html.search_curve import find
from ldbench.report.html.shelf import Beside, Inside

GALLERY = 24
_NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True)
class IndexEntry:
    """A task in a site's index: its page, and who leads on its first metric."""

    name: str
    kind: str
    version: int
    page: str
    competing: int
    runs: int
    metric: str
    leaders: tuple[str, ...]


def write_pages(
    found: Sequence[Found], boards: Mapping[str, Leaderboard], out: Path, site: bool, gallery: int = GALLERY,
    better: Mapping[str, Sequence[str]] = _NOTHING, searches: Iterable[Path] = (),
) -> list[Path]:
    """Write a page for each leaderboard to `out`; with `site` an index, shared files and pictures beside them.

    `found` are the results that the boards were folded from, with their paths. `gallery` cases are shown of every run
    (0: none). `better` holds, by task, sentences on which row is better; `searches` are folders that may hold searches.
    Returns the pages, the index first. Raises `UsageError` for a negative `gallery`, `ResultError` for a full disk.
    """
    if gallery < 0:
        raise UsageError(f"--gallery: expected 0 or more, got {gallery}")
    curves = find(searches)
    look = render.beside() if site else render.inside()
    shelf = Beside(out) if site else Inside()
    if site:  # before the pictures: it waits for the disk, and would wait for all of them
        for name in render.ASSETS:
            write_text_atomic(out / look.folder / name, render.asset(name))
    written, listed = [], []
    for task, board in sorted(boards.items()):
        view, by_row = board_view(board), runs_of(board, found, gallery)
        pictures = gathered(board, by_row, gallery)
        target = out / _page_name(task, site)
        content = {
            "look": look, "board": view, "task": board.task, "split_hash": board.split_hash, "site": site,
            "rows": sections(board, by_row, pictures, curves), "about": pictures.about(),
            "changes": pictures.shows_changes, "better": tuple(better.get(task, ())),
            "blocks": pictures.blocks(shelf),
        }
        _write(target, "page.html", content)
        written.append(target)
        listed.append(_listed(board, view, target.name, len(pictures.runs)))
    if site:
        written.insert(0, out / "index.html")
        _write(written[0], "index.html", {"look": look, "tasks": listed, "site": True})
    return written


def _page_name(task: str, site: bool) -> str:
    name = slug(task)
    return f"{name}-task.html" if site and name == "index" else f"{name}.html"


def _listed(board: Leaderboard, view: BoardView, page: str, runs: int) -> IndexEntry:
    leaders = tuple(row.label for row in view.competing if row.entries and row.entries[0].rank == 1)
    metric = view.columns[0].metric if view.columns else ""
    task, competing = board.task, len(view.competing)
    return IndexEntry(task.id, task.kind, task.version, page, competing, runs, metric, leaders)


def _write(path: Path, template: str, content: Mapping[str, object]) -> None:
    """Write a page, not flushed to disk, which would wait for every picture just written (30 s for 20,000): a report
    can be made again."""
    write_text_atomic(path, render.pieces(template, content), flush=False)
