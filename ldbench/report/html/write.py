"""Results and their leaderboards in, HTML pages out: one file a task, or a site of all tasks.

What may stand in one table, and which row is better, is decided before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.board.gather import BoardSet
from ldbench.errors import UsageError
from ldbench.records.files import write_text_atomic, write_texts
from ldbench.records.names import slug
from ldbench.records.search import find
from ldbench.report.by_group import TaskGroups, groups_of_board
from ldbench.report.cards import card_of_each
from ldbench.report.comparisons import compared, sentences
from ldbench.report.html import render
from ldbench.report.html.board import board_view
from ldbench.report.html.gaps import attribute_views
from ldbench.report.html.own_files import check_pages
from ldbench.report.html.pictures import pictures_of
from ldbench.report.html.runs import runs_of, sections
from ldbench.report.html.shelf import Beside, Inside
from ldbench.report.tables.group_tables import group_notes

GALLERY = 24


def write_pages(
    results: BoardSet, out: Path, site: bool, gallery: int = GALLERY, cards: Sequence[str] = ()
) -> list[Path]:
    """Write a page for each leaderboard to `out`; with `site` an index, shared files and pictures beside them.

    `gallery` cases are shown of every run (0: none), and the searches that lie among the results. `cards` are paths, of
    tasks that are not installed. Returns the pages, the index first. Raises `UsageError` for the card of a task without
    results and a negative `gallery`, `ResultError` for a full disk and, before anything is written, for a file of
    somebody else in a page's place.
    """
    paths = card_of_each(cards, results)
    if gallery < 0:
        raise UsageError(f"--gallery: expected 0 or more, got {gallery}")
    better, curves = compared(results), find(results.folders)
    look = render.beside() if site else render.inside()
    shelf = Beside(out) if site else Inside()
    assets = {out / look.folder / name: render.asset(name) for name in render.ASSETS} if site else {}
    index = out / "index.html"
    check_pages([*([index] if site else []), *(out / _page_name(task, site) for task in results.boards)], assets)
    write_texts(assets)  # before the pictures: it waits for the disk, and would wait for all of them
    written, listed = [], []
    for task, board in results.boards.items():
        view, by_row = board_view(board), runs_of(board, results.found, gallery)
        pictures = pictures_of(board, [run for runs in by_row.values() for run in runs], gallery, paths.get(task))
        target = out / _page_name(task, site)
        content = {
            "look": look, "board": view, "task": board.task, "split_hash": board.split_hash, "site": site,
            "rows": sections(board, by_row, pictures, curves), "about": pictures.about(),
            "missing": pictures.missing(),
            "changes": pictures.shows_changes, "better": sentences(better[task]), "blocks": pictures.blocks(shelf),
            "unfinished": results.unfinished_of(task), **_of_groups(groups_of_board(results, task)),
        }
        _write(target, "page.html", content)
        written.append(target)
        listed.append({"task": board.task, "board": view, "page": target.name, "runs": len(pictures.runs)})
    if site:
        written.insert(0, index)
        _write(index, "index.html", {"look": look, "tasks": listed})
    return written


def _of_groups(groups: TaskGroups) -> dict[str, object]:
    if not groups.by_attribute:
        return {"groups_of_cases": (), "notes_on_groups": ()}
    notes = group_notes(groups.by_attribute, groups.without, groups.unmeasured, groups.uncompared, groups.edits)
    return {"groups_of_cases": attribute_views(groups), "notes_on_groups": notes}


def _page_name(task: str, site: bool) -> str:
    name = slug(task)
    return f"{name}-task.html" if site and name == "index" else f"{name}.html"


def _write(path: Path, template: str, content: Mapping[str, object]) -> None:
    """Write a page, not flushed to disk, which would wait for every picture just written (30 s for 20,000): a report
    can be made again."""
    write_text_atomic(path, render.pieces(template, content), flush=False)
