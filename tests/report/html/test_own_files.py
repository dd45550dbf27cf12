"""A file of somebody else in a page's place is named before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board.gather import board_set
from ldbench.errors import ResultError
from ldbench.report.html.write import write_pages

from .conftest import reported_row


def test_a_sites_style_is_its_own_where_its_index_is(tmp_path: Path) -> None:
    results = board_set([("x", reported_row())])
    write_pages(results, tmp_path, False)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page.css").write_text("body {}", encoding="utf-8")
    with pytest.raises(ResultError, match=r"assets/page\.css: expected a file of `ldbench report` or none"):
        write_pages(results, tmp_path, True)


@pytest.mark.parametrize(
    ("name", "site", "refused"),
    [
        ("index.html", True, True), ("index.html", False, False), ("assets/page.css", True, True),
        ("assets/page.css", False, False), ("made-up-t2i.html", True, True), ("made-up-t2i.html", False, True),
        ("notes.html", True, False),
    ],
)  # fmt: skip
def test_a_file_of_somebody_else_is_not_replaced(name: str, site: bool, refused: bool, tmp_path: Path) -> None:
    results, foreign = board_set([("x", reported_row())]), tmp_path / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("<title>Our lab</title>", encoding="utf-8")
    if refused:
        said = rf"{name}: expected a file of `ldbench report` or none, got another; move it, or choose another --out$"
        with pytest.raises(ResultError, match=said):
            write_pages(results, tmp_path, site)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [foreign]
    else:
        write_pages(results, tmp_path, site)
    assert foreign.read_text(encoding="utf-8") == "<title>Our lab</title>"


def test_a_site_is_replaced_by_the_next_one_and_a_stopped_one_goes_on(tmp_path: Path) -> None:
    results = board_set([("x", reported_row())])
    pages = write_pages(results, tmp_path, True)
    texts = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    (tmp_path / "assets" / "page.css").write_text("an older one", encoding="utf-8")
    assert write_pages(results, tmp_path, True) == pages
    pages[0].unlink()
    assert write_pages(results, tmp_path, True) == pages
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == texts
