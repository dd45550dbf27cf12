"""Methods of several seeds in every printed form: their means, their seeds, and a test of methods."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ldbench.board.folder_seeds import MethodComparison, over_seeds
from ldbench.plugins.kinds import METRICS
from ldbench.report.measured_folders import as_json, as_text
from ldbench.report.measured_formats import COLUMNS, as_csv, as_plain
from ldbench.report.measured_methods import names_apart
from ldbench.score.folders.scores import FolderScores
from ldbench.score.metrics.mean_score import mean_score
from tests.report.test_measured_folders import folder

VALUES = {"runs/plain": (0.50, 0.51, 0.525), "runs/=drift": (0.70, 0.705, 0.712), "runs/lone": (0.6,)}


def measured(*names: str) -> tuple[list[FolderScores], MethodComparison]:
    random = np.random.default_rng(0)
    methods = {
        name: [seed(f"{name}/{place}", each + 0.01 * random.normal(size=5)) for place, each in enumerate(VALUES[name])]
        for name in names
    }
    return [each for of_method in methods.values() for each in of_method], over_seeds(methods)


def seed(name: str, of_images: Any) -> FolderScores:
    score, given = mean_score("ssim", of_images, "higher", {}), folder(name, 0)
    images = {**given.images, "real": {"folder": "real", "sha256": ""}}
    parts = replace(given.parts, measured=((METRICS.load("ssim"), score),))
    return replace(given, images=images, parts=parts, scores=(score.score,))


FOLDERS, FOUND = measured(*VALUES)


def text(width: int = 100) -> str:
    return as_text(FOLDERS, FOUND.differences, width, FOUND.methods)


@pytest.mark.parametrize("paths", [[], ["a/x", "/b"], ["a", "../b"]])
def test_names_that_share_no_folder_stay(paths: list[str]) -> None:
    assert names_apart(paths) == paths
    assert names_apart(["a/x", "b/x"]) == ["a/x", "b/x"]
    assert names_apart(["runs/a", "runs/b"]) == ["a", "b"]


def test_methods_stand_first_then_their_seeds_then_the_test_of_methods() -> None:
    parts = [part.splitlines()[0].split(",")[0] for part in text().split("\n\n")]
    assert parts == [
        "mean over seeds", "plain", "=drift", "lone", "=drift less plain", "lone less plain",
        "In brackets: 95 % intervals.",
    ]
    head, _, row = text().splitlines()[1:4]
    assert re.split(r"\s{2,}", head.strip()) == ["plain, 3 seeds", "=drift, 3 seeds", "lone, 1 seed"]
    assert row.count("±") == 2
    spread = FOUND.methods[0].scores[0].spread
    assert spread is not None
    assert f"± {spread:.3f}" in row
    assert "=drift less plain, 3 and 3 seeds, 5 pairs" in text()
    assert "lone has one seed, which does not show" in text()
    said = " ".join(text().split())
    assert "lone: the interval of one seed does not count another training" in said
    assert "so it is of the methods" in said
    assert "corrected for 1 difference (Holm)" in said
    narrow = text(60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "±" in narrow


def test_json_has_methods_beside_folders() -> None:
    written = json.loads(as_json(FOLDERS, FOUND.differences, FOUND.methods))
    assert list(written) == ["ldbench", "folders", "differences", "without_difference", "pairs", "methods"]
    assert [each["method"] for each in written["methods"]] == list(VALUES)
    first = written["methods"][0]
    assert first["seeds"] == [f"runs/plain/{place}" for place in range(3)]
    [score] = first["scores"]
    assert (score["metric"], score["seeds"], score["spread"]) == ("ssim", 3, FOUND.methods[0].scores[0].spread)
    assert [(each["folder"], each["first"]) for each in written["differences"]] == [("runs/=drift", "runs/plain")]
    assert "methods" not in json.loads(as_json(FOLDERS, FOUND.differences))


def test_csv_has_a_line_of_each_mean_with_the_difference_of_its_method() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(FOLDERS, FOUND.differences, FOUND.methods))))
    assert [line["folder"] for line in lines] == [*VALUES, *(each.folder for each in FOLDERS)]
    assert [line["seeds"] for line in lines] == ["3", "3", "1", *[""] * 7]
    assert [line["compared_with"] for line in lines] == ["", "runs/plain", *[""] * 8]
    means = [score for method in FOUND.methods for score in method.scores]
    assert [float(line["value"]) for line in lines[:3]] == [score.value for score in means]
    assert [line["spread"] for line in lines[:3]] == [str(score.spread or "") for score in means]
    names = list(COLUMNS)
    names[names.index("ci_high") + 1 : names.index("ci_high") + 1] = ["spread", "seeds"]
    assert list(lines[0]) == names
    assert as_csv(FOLDERS, None).splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize("form", ["markdown", "latex", "latex-tabular"])
def test_tables_of_methods_stand_in_every_form(form: str) -> None:
    shown = as_plain(FOLDERS, FOUND.differences, form, FOUND.methods)
    head = " | ".join(("metric", "plain, 3 seeds", "=drift, 3 seeds", "lone, 1 seed"))
    if form == "markdown":
        assert f"| {head} |" in shown
        assert shown.count("\n| :--") == 5  # means, the seeds of each, a difference
    else:
        of_two = head.rpartition(" |")[0].replace("|", "&")  # floats are narrower than three means
        assert (of_two if form == "latex" else head.replace("|", "&")) in shown
        assert shown.count(r"\begin{tabular}") == (6 if form == "latex" else 5)
    assert ("±" if form == "markdown" else r"$\pm$") in shown
    assert ("Generated images, mean over seeds, beside real" in shown) is (form != "latex-tabular")
    assert ("so it is of the methods" in shown) is (form != "latex-tabular")


def test_a_single_method_has_its_mean_alone_and_one_without_a_mean_says_why() -> None:
    folders, found = measured("runs/plain")
    shown = as_text(folders, found.differences, 100, found.methods)
    assert "less" not in shown
    assert "After ±" in " ".join(shown.split())
    without: Any = replace(folders[1], parts=replace(folders[1].parts, measured=()), scores=())
    found = over_seeds({"runs/plain": [folders[0], without]})
    shown = as_text([folders[0], without], found.differences, 100, found.methods)
    assert "plain: no mean of ssim: it was not measured of runs/plain/1.\n" in shown
    planes = [
        replace(each, by_plane={"axial": each.scores, "sagittal": each.scores}, options={"volumes": "axial,sagittal"})
        for each in folders
    ]
    found = over_seeds({"runs/plain": planes})
    assert as_text(planes, found.differences, 100, found.methods).startswith("mean over seeds, mean over planes\n")
    lines = list(csv.DictReader(io.StringIO(as_csv(planes, found.differences, found.methods))))
    assert [line["plane"] for line in lines] == ["mean", *["mean", "axial", "sagittal"] * 3]
