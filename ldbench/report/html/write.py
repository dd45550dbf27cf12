"""Results and their leaderboards in, HTML pages out: one file a task, or a site of all tasks.

What may stand in one table, and which row is better, is decided before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import UsageError
from ldbench.records.files import write_text_atomic
from ldbench.records.identity import Found
from ldbench.records.names import slug
from ldbench.records.search import find
from ldbench.report.by_group import TaskGroups, groups_of_board
from ldbench.report.comparisons import compared, sentences
from ldbench.report.html import render
from ldbench.report.html.board import board_view
from ldbench.report.html.gaps import attribute_views
from ldbench.report.html.pictures import pictures_of
from ldbench.report.html.runs import runs_of, sections
from ldbench.report.html.shelf import Beside, Inside
from ldbench.report.tables.group_tables import group_notes
from ldbench.task import card

GALLERY = 24
_NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})
_INSTALLED: Mapping[str, str] = MappingProxyType({})
_NO_GROUPS: Mapping[str, TaskGroups] = MappingProxyType({})


def report_pages(
    results: BoardSet, format: str, out: Path, gallery: int = GALLERY, cards: Sequence[str] = ()
) -> list[Path]:
    """`write_pages` as `ldbench report --format html` and `site` do: with who is better than whom, and the searches
    that lie among the results. `cards` are paths; `UsageError` for one of a task without results."""
    paths = {card.load(path).id: path for path in cards}
    for task, path in paths.items():
        if task not in results.boards:
            got = f"that of {task}; drop it, or name its runs"
            raise UsageError(f"--task {path}: expected the card of {', '.join(sorted(results.boards))}, got {got}")
    better = {task: sentences(pairs) for task, pairs in compared(results).items()}
    begun = {task: results.unfinished_of(task) for task in results.boards}
    groups = {task: groups_of_board(results, task) for task in results.boards}
    return write_pages(
        results.found, results.boards, out, format == "site", gallery, better, results.folders, begun, paths, groups
    )


def write_pages(
    found: Sequence[Found], boards: Mapping[str, Leaderboard], out: Path, site: bool, gallery: int = GALLERY,
    better: Mapping[str, Sequence[str]] = _NOTHING, searches: Iterable[Path] = (),
    unfinished: Mapping[str, Sequence[str]] = _NOTHING, cards: Mapping[str, str] = _INSTALLED,
    groups: Mapping[str, TaskGroups] = _NO_GROUPS,
) -> list[Path]:
    """Write a page for each leaderboard to `out`; with `site` an index, shared files and pictures beside them.

    `found` are the results that the boards were folded from, with their paths. `gallery` cases are shown of every run
    (0: none). `better` holds, by task, sentences on which row is better; `searches` are folders that may hold searches.
    `unfinished` has a line for each run of a task that was begun and has no result, `cards` the card's path for each
    task that is not installed, `groups` the groups of cases by task.
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
        pictures = pictures_of(board, [run for runs in by_row.values() for run in runs], gallery, cards.get(task))
        target = out / _page_name(task, site)
        content = {
            "look": look, "board": view, "task": board.task, "split_hash": board.split_hash, "site": site,
            "rows": sections(board, by_row, pictures, curves), "about": pictures.about(),
            "changes": pictures.shows_changes, "better": tuple(better.get(task, ())),
            "blocks": pictures.blocks(shelf), "unfinished": tuple(unfinished.get(task, ())),
            **_of_groups(groups.get(task)),
        }
        _write(target, "page.html", content)
        written.append(target)
        listed.append({"task": board.task, "board": view, "page": target.name, "runs": len(pictures.runs)})
    if site:
        written.insert(0, out / "index.html")
        _write(written[0], "index.html", {"look": look, "tasks": listed})
    return written


def _of_groups(groups: TaskGroups | None) -> dict[str, object]:
    if groups is None or not groups.by_attribute:
        return {"groups_of_cases": (), "notes_on_groups": ()}
    notes = group_notes(groups.by_attribute, groups.without)
    return {"groups_of_cases": attribute_views(groups), "notes_on_groups": notes}


def _page_name(task: str, site: bool) -> str:
    name = slug(task)
    return f"{name}-task.html" if site and name == "index" else f"{name}.html"


def _write(path: Path, template: str, content: Mapping[str, object]) -> None:
    """Write a page, not flushed to disk, which would wait for every picture just written (30 s for 20,000): a report
    can be made again."""
    write_text_atomic(path, render.pieces(template, content), flush=False)
