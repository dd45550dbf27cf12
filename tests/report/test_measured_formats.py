"""Measured folders for other programs: every number in full, and the tables of the terminal in other marks."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from ldbench.api import ParameterValue
from ldbench.board.folder_differences import differences
from ldbench.plugins.kinds import METRICS
from ldbench.report.measured_folders import as_json, as_text
from ldbench.report.measured_formats import COLUMNS, as_csv, as_plain
from ldbench.score.metrics.mean_score import mean_score
from tests.report.test_measured_folders import folder

SSIM = METRICS.load("ssim")
FIRST = folder("runs/first", 0.5)
USED: dict[str, ParameterValue] = {"n_real": 9, "weights_sha256": "abc"}
SCORE = mean_score("ssim", 0.7 + 0.01 * np.array([0.0, 2, 1, 0, 1]), "higher", USED)
OTHER = replace(
    folder("runs/=other", 0.7), scores=(SCORE.score,), parts=replace(FIRST.parts, measured=((SSIM, SCORE),))
)
WITHIN = replace(OTHER, by_class={"dark": OTHER.scores})


def test_csv_has_every_number_of_the_json_form_and_no_formula() -> None:
    folders = [FIRST, WITHIN]
    found = differences(folders)
    lines = list(csv.DictReader(io.StringIO(as_csv(folders, found))))
    assert [(line["folder"], line["class"]) for line in lines] == [
        ("runs/first", ""), ("runs/=other", ""), ("runs/=other", "dark"),
    ]
    written = json.loads(as_json(folders, found))
    for line, of_folder in zip(lines, written["folders"], strict=False):
        [score] = of_folder["scores"]
        for name in ("value", "ci_low", "ci_high", "n"):
            assert float(line[name]) == score[name]
    [difference] = written["differences"]
    assert (float(lines[1]["difference"]), float(lines[1]["difference_low"])) == (
        difference["difference"], difference["ci_low"],
    )
    assert (lines[1]["compared_with"], lines[1]["verdict"]) == ("runs/first", "better")
    assert {lines[place][name] for place in (0, 2) for name in COLUMNS[-7:]} == {""}
    used = [tuple(line[name] for name in USED) for line in lines]
    assert used == [("", ""), ("9", "abc"), ("9", "abc")]
    assert {name: written["folders"][1]["scores"][0]["parameters"][name] for name in USED} == USED
    formula = replace(OTHER, images={**OTHER.images, "generated": {"folder": "=1"}})
    assert as_csv([formula], None).splitlines()[1].startswith("'=1,,ssim,higher,")


@pytest.mark.parametrize("planes", [("axial",), ("axial", "sagittal")])
def test_planes_of_volumes_have_lines_and_tables_of_their_own(planes: tuple[str, ...]) -> None:
    by_plane = dict.fromkeys(planes, OTHER.scores) if len(planes) > 1 else {}
    real = {"folder": "real", "sha256": ""}
    options = {"volumes": ",".join(planes), "slices": "3:30-70", "window": "-10,255"}
    folders = [
        replace(each, images={**each.images, "real": real}, options=options, by_plane=by_plane)
        for each in (FIRST, OTHER)
    ]
    found = differences(folders)
    lines = list(csv.DictReader(io.StringIO(as_csv(folders, found))))
    assert list(lines[0]) == [*COLUMNS[:2], "plane", *COLUMNS[2:]]
    assert [line["plane"] for line in lines] == (["mean", *planes] if by_plane else [*planes]) * 2
    assert [line["plane"] for line in lines if line["verdict"]] == ["mean" if by_plane else "axial"]
    assert {line["class"] for line in lines} == {""}
    assert {(line["slices"], line["window"]) for line in lines} == {("3:30-70", "'-10,255")}
    text = as_text(folders, found, 100)
    assert ("mean over planes" in text, "=other, by plane" in text) == (bool(by_plane),) * 2
    alone = as_text(folders[:1], None, 100)
    assert alone.split()[: 1 + len(by_plane)] == ["mean", *planes] if by_plane else "mean" not in alone
    assert json.loads(as_json(folders[:1], None)).get("by_plane", {}).keys() == by_plane.keys()
    plain = as_plain(folders, found, "markdown")
    assert plain.count("\n| :--") == (4 if by_plane else 2)
    assert ("### Generated volumes, mean over planes, beside real" in plain) is bool(by_plane)


def test_values_by_label_say_their_numbers_of_images_and_stand_under_a_heading_of_their_own() -> None:
    counts = {"edema": {"with": 3, "known": 5}}
    labelled = replace(
        OTHER, images={**OTHER.images, "real": {"folder": "real", "sha256": ""}}, by_label={"edema": OTHER.scores},
        labels={"real": counts, "generated": counts},
    )
    lines = list(csv.DictReader(io.StringIO(as_csv([labelled], None))))
    assert [(line["label"], line["n"]) for line in lines] == [("", "5"), ("edema", "5")]
    assert "class" not in lines[0]
    text = as_plain([labelled], None, "markdown")
    assert "| metric | edema (3 real, 3 generated) |" in text
    assert "=other, by label" in text
    lacking = replace(labelled, by_label={"edema": ()})
    assert "No values of one label, which need more images: ssim." in as_plain([lacking], None, "markdown")


@pytest.mark.parametrize("form", ["markdown", "latex", "latex-tabular"])
def test_tables_of_the_terminal_stand_in_every_form(form: str) -> None:
    folders = [replace(FIRST, images={**FIRST.images, "real": {"folder": "real", "sha256": ""}}), WITHIN]
    text = as_plain(folders, differences(folders), form)
    head = {"markdown": "| metric | first | =other |", "latex": r"metric & first & =other \\"}
    assert head.get(form, head["latex"]) in text
    assert text.count({"markdown": "\n| :--"}.get(form, r"\begin{tabular}")) == 3  # values, by class, differences
    assert ("Tied: no test says which is better" in text) is (form != "latex-tabular")
    alone = as_plain(folders[:1], None, form)
    assert alone.count({"markdown": "\n| :--"}.get(form, r"\begin{tabular}")) == 1
    assert "less" not in alone


def test_latex_refers_by_folders_alone_and_says_below_the_last_table_what_values_mean() -> None:
    folders = [replace(FIRST, images={**FIRST.images, "real": {"folder": "data/real", "sha256": ""}}), WITHIN]
    text = as_plain(folders, differences(folders), "latex")
    assert re.findall(r"\\label{(.*)}", text) == [
        "tab:first--other-beside-data-real", "tab:-other-by-class-beside-data-real",
        "tab:-other-less-first-beside-data-real",
    ]
    captions = re.findall(r"\\caption{(.*)}", text)
    assert captions[0] == "Generated images beside data/real."
    assert captions[2] == "=other less first, 5 pairs."
    assert "docs/" not in text
    *_, last = text.split(r"\end{tabular}")
    assert "Tied: no test says which is better" in last
    assert text.count("Tied:") == 1


def test_every_form_says_how_the_values_came_about_and_what_holds_for_some_folders_alone() -> None:
    real = {"folder": "data/real", "sha256": ""}
    options = {"side": 32, "fit": None, "channels": "grey-as-rgb", "images": None}
    few = mean_score("ssim", 0.7 + 0.01 * np.array([0.0, 2, 1]), "higher", {**USED, "viewing_blur": 0.7}).score
    other = replace(OTHER, scores=(few,), settings={"ssim": {"sigma": 2}}, notes=("Few images.",))
    folders = [replace(each, images={**each.images, "real": real}, options=options) for each in (FIRST, other)]
    lines = list(csv.DictReader(io.StringIO(as_csv(folders, None))))
    told = [[line[name] for name in ("n", "n_real", "viewing_blur", "interval", "settings", "side")] for line in lines]
    over = "95 % Student's t over cases"
    assert told == [["5", "", "", over, "", "32"], ["3", "9", "0.7", over, "sigma=2", "32"]]
    assert {line["channels"] for line in lines} == {"grey-as-rgb"}
    notes = [
        "In brackets: 95 % intervals.", "All images: side=32, channels=grey-as-rgb",
        f"first: ssim \u2191: n = 5, interval: {over}",
        f"=other: ssim \u2191: n = 3 beside 9 real, seen with blur 0.7 and noise 0, sigma=2, interval: {over}",
    ]
    found = differences([FIRST, OTHER])
    assert all(f"- {note}\n" in as_plain(folders, found, "markdown") for note in [*notes, "=other: Few images."])
    assert "n = 3 beside 9 real" in as_plain(folders, found, "latex")
    assert all(note in " ".join(as_text(folders, found, 100).split()) for note in notes)
