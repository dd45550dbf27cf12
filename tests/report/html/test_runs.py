"""What a page says of single runs: distributions, searches, parameters and provenance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ldbench.api import Score
from ldbench.board.gather import board_set
from ldbench.records.search import find
from ldbench.records.units import Contributions, Units
from ldbench.report.html.axis import Axis
from ldbench.report.html.distribution import greys, histogram, values_by_case
from ldbench.report.html.picture import grey_levels
from ldbench.report.html.provenance import facts, parameters, stages
from ldbench.report.html.search_curve import curves
from ldbench.report.html.write import write_pages
from ldbench.score.metrics.intervals import of_mean

from .conftest import HASH, SAMPLES, Page, Reports, png, write_search


def test_values_by_case_are_what_the_mean_was_taken_of(reports: Reports) -> None:
    result = next(one for _, one in reports.results.found if one.task.id == SAMPLES)
    ssim = next(score for score in result.scores if score.metric == "ssim")
    values = np.random.default_rng(3).random(ssim.n)
    values += ssim.value - values.mean()
    ids = tuple(map(str, range(ssim.n)))
    units = Units({"cases": ids, "back": (*ids, "more"), "groups": ids[:20]}, {
        "ssim": Contributions(ssim.value, {"cases": tuple(of_mean(values))}),
        "fid": Contributions(result.scores[0].value, {"groups": (0.1,) * 20}),
        "psnr": Contributions(result.scores[2].value, {"back": (0.1,) * (ssim.n + 1)}),
    })
    found = values_by_case(result, units)
    assert list(found) == ["ssim"]  # FID is no mean, and psnr's cases are not those it was measured on
    np.testing.assert_allclose(found["ssim"], values, rtol=1e-12)
    assert values_by_case(result, None) == {}


def test_a_histogram_is_as_high_as_its_fullest_bin() -> None:
    drawn = histogram("ssim", np.array([0.0, 0.0, 0.0, 1.0]), Axis(0.0, 1.0, 220.0))
    assert drawn.path.startswith("M4 54L4 2.0H")
    assert drawn.path.endswith("H216V54")
    assert drawn.mean == Axis(0.0, 1.0, 220.0).at(0.25)
    assert drawn.summary == "median 0, 90 % of 4 cases from 0 to 0.85"


def test_grey_levels_are_means_over_channels() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[1, 1] = (30, 60, 90), (255, 255, 255)
    levels = grey_levels(png(pixels))
    assert levels is not None
    assert {int(level): int(levels[level]) for level in np.flatnonzero(levels)} == {0: 2, 60: 1, 255: 1}
    drawn = greys(levels, 1, None, "")
    assert drawn.beside_path == ""
    assert drawn.summary == "mean grey level 78.8"
    assert grey_levels(png(pixels)[:40]) is None


def test_a_search_stands_by_its_model_and_names_other_settings(reports: Reports, tmp_path: Path) -> None:
    board = reports.results.boards[SAMPLES]
    write_search(tmp_path / "a" / "search.json", SAMPLES, HASH)
    write_search(tmp_path / "b" / "search.json", SAMPLES, HASH, delta=0.2)
    write_search(tmp_path / "c" / "search.json", SAMPLES, "cd" * 32)
    searches = find([tmp_path, tmp_path / "a"])
    assert len(searches) == 3
    by_name = {row.model.name: curves(searches, board, row) for row in board.rows}
    assert {name: len(found) for name, found in by_name.items()} == {"one": 2, "two": 0, "three": 0, "Basic FT | LD": 0}
    same, other = by_name["one"]
    assert not [word for word in same.words if "other settings" in word]
    assert "Searched with other settings than these runs: delta=0.2." in other.words
    assert [mark.best for mark in same.marks] == [False, True, False]
    assert max(mark.y for mark in same.marks) == same.marks[1].y  # down is small
    assert same.band is not None
    assert same.real is not None
    assert same.real > same.marks[1].y
    assert "Expected of as many new real images: 0.002 (dashed)." in same.words


def test_an_older_search_has_no_line_of_what_was_too_near(reports: Reports, tmp_path: Path) -> None:
    board, path = reports.results.boards[SAMPLES], tmp_path / "search.json"
    write_search(path, SAMPLES, HASH)
    record = json.loads(path.read_text(encoding="utf-8"))
    record["training_distance"] = record.pop("real_distance")
    path.write_text(json.dumps(record), encoding="utf-8")
    (view,) = curves(find([tmp_path]), board, next(row for row in board.rows if row.model.name == "one"))
    assert view.real is None
    assert not [word for word in view.words if "real images" in word]


def test_provenance_is_all_there(reports: Reports) -> None:
    result = next(one for _, one in reports.results.found if one.task.id == SAMPLES and one.origin == "measured")
    assert [(one.name, one.value) for one in parameters(result)] == [("delta", "0.1"), ("delta_sample", "null")]
    named = {one.name: one.value for one in facts(result)}
    assert named["seed"] == "0"
    assert named["split"] == HASH
    assert named["commit"] == "c0ffee" * 6 + " with uncommitted changes"
    assert named["device"] == "cpu, 1 thread"
    assert "of the device" not in named
    assert result.environment is not None
    halved = replace(result, environment=replace(result.environment, notes=["batches of 4, not 8", "TF32"]))
    assert ("of the device", "batches of 4, not 8; TF32") in [(one.name, one.value) for one in facts(halved)]
    assert stages(result) == [("generate", "12.5 s", "512 MiB")]
    partly = replace(result, stages=[replace(result.stages[0], whole=False)])
    assert stages(partly) == [("generate", "at least 12.5 s", "512 MiB")]
    assert all(value in Page(reports.text(SAMPLES)).text() for value in named.values())


def test_copies_are_named_image_by_image_also_where_they_are_too_few_to_unrank(
    reports: Reports, tmp_path: Path
) -> None:
    path, result = next((path, one) for path, one in reports.results.found if one.task.id == SAMPLES and one.scores)
    pairs = json.dumps([["case-7", "scan-9", 0.0], ["case-8", "scan-2", 0.75]])
    said = {"observed_chance": 0.25, "observed_copies": pairs}
    score = Score("copied_share", 0.01, 0.0, 0.1, 200, "lower", parameters=said)
    found = [(path, replace(result, scores=[*result.scores, score]))]
    results = board_set(found)
    assert results.boards[SAMPLES].rows[0].unranked_by == ""
    write_pages(results, tmp_path, False, 0)
    text = Page((tmp_path / f"{SAMPLES}.html").read_text(encoding="utf-8")).text()
    assert "Copies of training images: 2 nearest" in text
    assert "case-7scan-90.000case-8scan-20.750" in "".join(text.split())
