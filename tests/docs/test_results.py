"""Pages of results: their tables are what the committed boards make, and in docs/results no figure is by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leaderboards.page_blocks import read_measured
from leaderboards.pages import PAGES, outside, stale
from tests.markdown_blocks import ROOT

pytestmark = pytest.mark.slow

BOARDS = ROOT / "leaderboards"
RESULTS = ROOT / "docs/results"
ARCHIVE = RESULTS / "version-1.md"
LIVING = [page for page in sorted(RESULTS.glob("*.md")) if page != ARCHIVE]
FIGURE = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?![\w.])")


def figures(text: str) -> list[str]:
    """Numbers with decimals in what is written by hand, code left out."""
    return FIGURE.findall(re.sub(r"`[^`]*`", "", outside(text)))


def test_the_pages_are_what_the_committed_boards_make() -> None:
    assert [page.name for page, _ in stale(PAGES, read_measured(BOARDS))] == [], "run python -m leaderboards.pages"


@pytest.mark.parametrize("page", LIVING, ids=lambda page: page.name)
def test_no_figure_is_written_by_hand(page: Path) -> None:
    assert figures(page.read_text(encoding="utf-8")) == []


def test_a_figure_by_hand_is_found_and_one_from_a_board_is_none() -> None:
    text = "FID is 31.2 of\n<!-- value t m fid -->30.1<!-- end -->, with `delta = 0.1`."
    assert figures(f"{text}\n\n<!-- board t -->\n| 1.5 |\n<!-- end -->") == ["31.2"]


@pytest.mark.parametrize("task", sorted(path.stem for path in BOARDS.glob("*.json")))
def test_every_board_is_shown_or_stands_in_a_table_of_the_paper(task: str) -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in LIVING)
    styles = ("-plain", "-diverse", "-word", "-binned")
    assert f"<!-- board {task} -->" in shown or task.endswith(styles)


def test_the_archive_stands_by_itself() -> None:
    text = ARCHIVE.read_text(encoding="utf-8")
    assert outside(text) == text
    assert "No number here can be compared" in text
    cards = re.findall(r"^### (sandbox-[\w-]+), card version \d$", text, flags=re.MULTILINE)
    assert len(cards) == len(set(cards)) == 14
    assert "(version-1.md)" in (RESULTS / "index.md").read_text(encoding="utf-8")
