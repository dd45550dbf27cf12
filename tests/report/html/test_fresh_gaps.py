"""Fresh test sets on a page: both values, the gap, and nothing where no file says them."""

from __future__ import annotations

import shutil
from pathlib import Path

from ldbench.board.collect import collect, fold
from ldbench.records.fresh import FreshRound, Gap, add
from ldbench.report.html.fresh_gaps import gap_views
from ldbench.report.html.write import write_pages

from .conftest import EDITS, Page, Reports


def test_a_run_shows_its_gaps_to_fresh_sets(reports: Reports, tmp_path: Path) -> None:
    shutil.copytree(reports.runs / EDITS, tmp_path / "runs")
    found = collect([tmp_path / "runs"])
    path, result = next((path, one) for path, one in found if one.images_hash)
    assert gap_views(path, result) == ()
    gaps = (
        Gap("ssim", "higher", 0.91234, 0.81, -0.1, -0.15, -0.05, tuned=True),
        Gap("fid", "lower", 120.0, 121.5, 1.5, -3.0, 6.0, tuned=False),
    )
    add(Path(path), result, FreshRound(result.task, 4711, "5" * 64, "6" * 64, gaps))
    views = gap_views(path, result)
    assert [(view.metric, view.public, view.fresh, view.tuned) for view in views] == [
        ("ssim", "0.9123", "0.81", True), ("fid", "120", "121.5", False),
    ]  # fmt: skip
    write_pages(found, fold(found), tmp_path / "page", False, 0)
    text = Page((tmp_path / "page" / f"{EDITS}.html").read_text(encoding="utf-8")).text()
    assert "worse than on the public one in 1 of 2 scores" in text
    assert "4711" in text
