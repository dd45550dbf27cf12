"""Gaps on a page, to fresh test sets and between groups of cases: their words, and nothing where no file says them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ldbench.board.gather import board_set, collect, read_boards
from ldbench.records.fresh import FreshRound, Gap, add
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Subgroups, write
from ldbench.report.html.gaps import gap_views, subgroup_views
from ldbench.report.html.write import write_pages

from .conftest import EDITS, Page, Reports

GROUPS = (Group("F", 12, 0.4, 0.3, 0.5), Group("M", 11, 0.6, 0.5, 0.7))
FAR = (replace(GROUPS[0], chance=0.083), GROUPS[1])
SURE = Breakdown(GROUPS, "F", "M", 0.2, 0.05, 0.35)


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
    write_pages(board_set(found), tmp_path / "page", False, 0)
    text = Page((tmp_path / "page" / f"{EDITS}.html").read_text(encoding="utf-8")).text()
    assert "worse than on the public one in 1 of 2 scores" in text
    assert "4711" in text


def test_the_worst_group_and_its_gap_stand_in_the_runs_part(reports: Reports, tmp_path: Path) -> None:
    shutil.copytree(reports.runs / EDITS, tmp_path / "runs")
    found = collect([tmp_path / "runs"])
    path, result = next((path, one) for path, one in found if one.scores)
    assert subgroup_views(path, result) == ()
    score = result.scores[0]
    by_attribute = {"sex": SURE, "age": replace(SURE, groups=FAR, gap_low=0.0), "site": Breakdown(GROUPS)}
    write(Subgroups({score.metric: score.value}, {score.metric: by_attribute}), Path(path).with_name(SUBGROUPS))
    views = subgroup_views(path, result)
    assert [(view.attribute, view.sure) for view in views] == [("age", False), ("sex", True)]
    assert views[0].worst == "F: 0.40 [0.30, 0.50], 0.08 by chance, 0.32 beyond, n = 12"
    assert (views[1].worst, views[1].gap) == ("F: 0.40 [0.30, 0.50], n = 12", "0.20 [0.05, 0.35]")
    write_pages(board_set(found), tmp_path / "page", False, 0)
    text = Page((tmp_path / "page" / f"{EDITS}.html").read_text(encoding="utf-8")).text()
    assert "Groups of cases: 1 of 2 gaps are more than chance" in text
    assert "F: 0.40 [0.30, 0.50], n = 12" in text


def test_the_groups_of_all_rows_unfold_by_attribute(reports: Reports, tmp_path: Path) -> None:
    shutil.copytree(reports.runs / EDITS, tmp_path / "runs")
    results = board_set(collect([tmp_path / "runs"]))
    bare = write_pages(results, tmp_path / "bare", False, 0)[0].read_text(encoding="utf-8")
    assert "groups" not in {element["id"] for _, element in Page(bare).elements if "id" in element}
    path, result = next((path, one) for path, one in results.found if one.scores)
    first, last = result.scores[0], result.scores[-1]
    metrics = {score.metric: {"sex": SURE, "age": replace(SURE, gap_low=0.0), "site": Breakdown(GROUPS)}
               for score in (first, last)}
    values = {score.metric: score.value for score in (first, last)}
    write(Subgroups(values, metrics), Path(path).with_name(SUBGROUPS))
    [page] = write_pages(read_boards([tmp_path / "runs"]), tmp_path / "page", False, 0)
    written = page.read_text(encoding="utf-8")
    assert written.count('<table class="reported lined">') == 6
    assert '<th scope="col">F,\nn = 12</th>' in written  # a line end that the style keeps
    text = Page(written).text()
    assert "By sex: 2 of 2 gaps are more than chance" in text
    assert "By age: 0 of 2 gaps are more than chance" in text
    assert "By site: no two groups are compared" in text
    assert f"{EDITS}: {first.metric}" in text
    assert "2 of 4 gaps leave out 0" in text
    assert "Without groups in their results: " in text
