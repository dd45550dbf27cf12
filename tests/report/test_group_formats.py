"""Groups of cases in print: the same numbers in every form, what is too small is said, and bad names are refused."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import pytest

from ldbench.board.gather import BoardSet, board_set, collect
from ldbench.errors import UnknownNameError, UsageError
from ldbench.records import result as result_file
from ldbench.records import subgroups
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Pair, Subgroups
from ldbench.report.by_group import by_attributes
from ldbench.report.group_formats import COLUMNS, report_groups
from ldbench.report.html.gaps import attribute_views
from ldbench.report.html.write import write_pages
from ldbench.report.write import with_metrics
from tests.report.conftest import FULL, TASK, measured

SEX = (Group("F|x", 40, 70.0, 60.0, 80.0, 2.5), Group("M", 60, 60.0, 55.0, 66.0, 2.0))
BY_SEX = Breakdown(SEX, "F|x", "M", 9.5, 0.01, 20.0, (Pair("F|x", "M", 9.5, 0.01, 20.0),))
FEW = Group("=other", 9, 0.8, 0.6, 0.9)
AUC = (Group("F|x", 40, 0.9, 0.8, 0.95), Group("M", 60, 0.9, 0.8, 0.95), FEW)
BY_AUC = Breakdown(AUC, "F|x", "M", 0.0, 0.0, 0.1, (Pair("F|x", "M", 0.0, -0.1, 0.1),))


@pytest.fixture
def results(tmp_path: Path) -> BoardSet:
    """Eight runs, of which two seeds of a row and one of another have groups."""
    for index, one in enumerate(FULL):
        run = measured(*one)
        result_file.write(run, tmp_path / f"{index}/result.json")
        if one[0] == "basic-ft" or one[0] == "sd":
            metrics = {"fid": {"sex": BY_SEX, "site": replace(BY_SEX, gap_low=0.0)}, "auc": {"sex": BY_AUC}}
            values = {score.metric: score.value for score in run.scores if score.metric in metrics}
            subgroups.write(Subgroups(values, metrics), tmp_path / f"{index}/{SUBGROUPS}")
    return board_set(collect([tmp_path]))


def test_the_terminal_says_values_gap_sizes_and_seeds(results: BoardSet) -> None:
    text = report_groups(by_attributes(results, ["sex"]), "terminal", None, width=200)
    lines = text.splitlines()
    assert lines[0] == f"{TASK.id}: fid ↓ by sex"
    head, line = lines[1], next(line for line in lines if line.startswith("sd "))
    assert head.split("  ")[0] == "model"
    assert "F|x, n = 40" in head
    assert "70 [60, 80], 2 by chance, 68 beyond" in line
    assert "gap beyond chance" in head
    assert "10 [>0, 20] *" in line
    auc = lines[next(place for place, line in enumerate(lines) if "auc ↑" in line) :]
    of_auc = next(line for line in auc if line.startswith("sd "))
    assert "(0.80 [0.60, 0.90])" in of_auc  # too few cases
    assert of_auc.split()[1:7] == ["0", "[0,", "0.100]", "-", "-", "-"]  # no group is worse
    said = " ".join(lines)
    assert "2 of 4 gaps leave out 0" in said
    assert "In round brackets: not compared" in said
    assert "Too small to be measured by fid: =other." in said
    assert "One seed does not say" in said
    assert "Without groups in their results: " in said
    assert "± seeds" in said


@pytest.mark.parametrize("width", [80, 100, 120])
def test_many_groups_fit_and_none_is_lost(tmp_path: Path, width: int) -> None:
    run, names = measured(*FULL[3]), [f"finding {number} and no support devices" for number in range(14)]
    groups = tuple(Group(name, 20, 60 + place, 50, 77.5 + place, 20.0) for place, name in enumerate(names))
    of_names = combinations(enumerate(names), 2)
    pairs = tuple(Pair(worse, better, last - first, 0.5, 14) for (first, better), (last, worse) in of_names)
    result_file.write(run, tmp_path / "result.json")
    value = {score.metric: score.value for score in run.scores if score.metric == "fid"}
    wide = Breakdown(groups, names[-1], names[0], 13, 0.5, 14, pairs)
    subgroups.write(Subgroups(value, {"fid": {"findings": wide}}), tmp_path / SUBGROUPS)
    tasks = by_attributes(board_set(collect([tmp_path])), ["findings"])
    text = report_groups(tasks, "terminal", None, width=width)
    assert max(map(len, text.splitlines())) <= width
    *parts, _ = text.split("\n\n")
    rows = [next(line.split() for line in part.splitlines() if line.startswith("sd ")) for part in parts]
    assert rows[0][1] == "13.0"  # what is asked for stands first
    assert "[0.5, 14.0] *" in parts[0]
    assert len(rows) > 2
    for form in ("terminal", "markdown", "latex", "latex-tabular"):
        printed = report_groups(tasks, form, None, width=width)
        assert [len(re.findall(rf"\b{value}\b", printed)) for value in range(60, 74)] == [1] * 14
    assert "60<br>\\[50, 78\\],<br>20 by chance,<br>40 beyond" in report_groups(tasks, "markdown", None)


def test_all_attributes_and_every_metric_that_has_groups(results: BoardSet) -> None:
    record = json.loads(report_groups(by_attributes(results, ["all"]), "json", None))[TASK.id]
    assert {name: set(of_name) for name, of_name in record.items()} == {"sex": {"fid", "auc"}, "site": {"fid"}}
    folded, alone = (next(row for row in record["sex"]["fid"] if name in row["model"]) for name in ("basic-ft", "sd"))
    assert (folded["gap_runs"], folded["gap_spread"], alone["gap_runs"], alone["gap_spread"]) == (2, 0.0, 1, None)
    assert (alone["gap"], alone["gap_low"], alone["worst"]) == (9.5, 0.01, "F|x")
    assert (alone["groups"][0]["chance"], alone["groups"][0]["compared"]) == (2.5, 67.5)
    assert len(by_attributes(results, ["sex", "site"])[TASK.id].by_attribute) == 2


def test_csv_has_a_line_a_group_with_every_number(results: BoardSet) -> None:
    text = report_groups(by_attributes(results, ["sex"]), "csv", None)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    alone = [row for row in rows if row["model"] == "sd"]
    assert [row["group"] for row in alone] == ["F|x", "M", "F|x", "M", "'=other"]
    assert (alone[0]["value"], alone[0]["gap_low"], alone[0]["gap_spread"]) == ("70.0", "0.01", "")
    assert [(row["chance"], row["compared"]) for row in alone[1:3]] == [("2.0", "58.0"), ("", "0.9")]


def test_markdown_and_latex_hold_every_metric_and_break_no_table(results: BoardSet) -> None:
    tasks = by_attributes(results, ["sex"])
    markdown = report_groups(tasks, "markdown", None)
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {7, 9}  # two groups, and three with the best
    assert markdown.count("### ") == 2
    latex = report_groups(tasks, "latex", None)
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    assert latex.count("leave out 0") == 1
    assert r"=other, & F\textbar{}x, & M, " in latex
    assert r"n = 9 & n = 40 & n = 60" in latex
    bare = report_groups(tasks, "latex-tabular", None)
    assert (bare.count(r"\begin{tabular}"), r"\begin{table}" in bare) == (2, False)


def test_files_are_written_beside_those_of_the_board(results: BoardSet, tmp_path: Path) -> None:
    tasks, out = by_attributes(results, ["sex"]), tmp_path / "out"
    for form, end in (("csv", "csv"), ("latex", "tex"), ("terminal", "txt")):
        assert report_groups(tasks, form, out) == f"{out / f'{TASK.id}-groups.{end}'}\n"
        assert (out / f"{TASK.id}-groups.{end}").read_text(encoding="utf-8") == report_groups(tasks, form, None)


def test_what_no_result_has_is_one_line(results: BoardSet) -> None:
    with pytest.raises(UnknownNameError, match="unknown attribute 'sexx': did you mean sex"):
        by_attributes(results, ["sexx"])
    of_kid = with_metrics(results, ["kid"])
    with pytest.raises(UsageError, match=r"--by sex: expected a metric .*, got none\. Not measured by sex: kid\."):
        by_attributes(of_kid, ["sex"])
    with pytest.raises(UnknownNameError, match="unknown attribute 'sexx': did you mean sex"):
        by_attributes(of_kid, ["sexx"])
    bare = replace(results, subgroups={})
    with pytest.raises(UsageError, match=r"--by: expected results with a subgroups.json .* name folders of runs"):
        by_attributes(bare, ["sex"])


def test_groups_of_few_subjects_make_no_gap_and_are_not_said_to_have_few_cases(tmp_path: Path) -> None:
    run = measured(*FULL[3])
    result_file.write(run, tmp_path / "result.json")
    value = {score.metric: score.value for score in run.scores if score.metric == "auc"}
    why = {"auc": {"age": "60 to 69: 7, 70 to 79: 8 subjects, 10 needed"}}
    subgroups.write(Subgroups(value, {"auc": {"age": Breakdown(AUC[:2])}}, why), tmp_path / SUBGROUPS)
    tasks = by_attributes(board_set(collect([tmp_path])), ["age"])
    text = " ".join(report_groups(tasks, "terminal", None).split())
    assert "No row has two groups that are large enough to be compared" in text
    assert "leave out 0" not in text
    assert "In round brackets: not compared. That takes ten subjects" in text
    assert "Not compared by age: auc (60 to 69: 7, 70 to 79: 8 subjects, 10 needed)." in text
    [view] = attribute_views(tasks[TASK.id])
    assert (view.sure, view.count) == (0, 0)


def test_metrics_that_no_group_is_measured_by_are_named_with_the_usual_reason(results: BoardSet) -> None:
    every = " ".join(report_groups(by_attributes(results, ["all"]), "terminal", None).split())
    said = "Not measured by sex: kid. Not measured by site: kid, auc. The usual reason: a group has too few cases, or"
    assert said in every
    assert "Not measured by sex: kid. The usual reason" in report_groups(by_attributes(results, ["sex"]), "latex", None)
    lone = by_attributes(with_metrics(results, ["auc"]), ["sex", "site"])
    text = " ".join(report_groups(lone, "markdown", None).split())
    assert "Not measured by site: auc. The usual reason" in text
    assert text.count("### ") == 1


def test_a_run_that_says_why_a_metric_measures_no_group_is_heard(tmp_path: Path) -> None:
    run = measured(*FULL[3])
    result_file.write(run, tmp_path / "result.json")
    value = {score.metric: score.value for score in run.scores if score.metric == "auc"}
    few = "F: 12 real images, 20 needed"
    none = "it has no scores by group"
    why = {"fid": {"sex": few}, "kid": {"sex": few, "site": "F: kid: refused"}, "auc": {"site": none}}
    for metrics in ({"auc": {"sex": BY_AUC}}, {}):
        subgroups.write(Subgroups(value if metrics else {}, metrics, why), tmp_path / SUBGROUPS)
        found = board_set(collect([tmp_path]))
        if metrics:
            text = " ".join(report_groups(by_attributes(found, ["sex"]), "terminal", None).split())
            assert f"Not measured by sex: fid, kid ({few})." in text
            assert "The usual reason" not in text
    with pytest.raises(UsageError) as refused:
        by_attributes(found, ["site"])
    assert f"Not measured by site: fid; kid (F: refused); auc ({none}). The usual" in str(refused.value)


def test_a_gap_between_labels_is_told_from_being_served_worse(tmp_path: Path) -> None:
    for attribute in ("label", "sex"):
        run = measured(*FULL[3])
        folder = tmp_path / attribute
        result_file.write(run, folder / "result.json")
        value = {score.metric: score.value for score in run.scores if score.metric == "auc"}
        subgroups.write(Subgroups(value, {"auc": {attribute: BY_AUC}}), folder / SUBGROUPS)
        text = " ".join(
            report_groups(by_attributes(board_set(collect([folder])), ["all"]), "terminal", None).split()
        )
        assert ("not equally hard to see" in text) == (attribute == "label")
        assert ("Not measured by sex: fid, kid." in text) == (attribute == "sex")
        assert "Not measured by label" not in text  # few metrics know labels
        assert not re.search(r"\bwith it\b", text.casefold())  # a file of before does not know


@pytest.mark.parametrize(("kind", "attribute", "told"), [
    ("disease-counterfactual", "sex", True), ("aging", "sex", True), ("disease-counterfactual", "label", False),
    ("text-to-image", "sex", False),
])  # fmt: skip
def test_on_edits_the_groups_are_told_to_be_those_asked_for(
    kind: str, attribute: str, told: bool, tmp_path: Path
) -> None:
    run = measured(*FULL[3])
    result_file.write(replace(run, task=replace(run.task, kind=kind)), tmp_path / "result.json")
    value = {score.metric: score.value for score in run.scores if score.metric == "auc"}
    subgroups.write(Subgroups(value, {"auc": {attribute: BY_AUC}}), tmp_path / SUBGROUPS)
    found = board_set(collect([tmp_path]))
    for form in ("terminal", "markdown", "latex"):
        text = " ".join(report_groups(by_attributes(found, ["all"]), form, None).split())
        assert ("A case has the attributes that were asked for" in text) == told
    [page] = write_pages(found, tmp_path / "page", site=False)
    assert ("A case has the attributes that were asked for" in page.read_text(encoding="utf-8")) == told


def test_a_label_says_how_many_images_have_it(tmp_path: Path) -> None:
    run = measured(*FULL[3])
    result_file.write(run, tmp_path / "result.json")
    value = {score.metric: score.value for score in run.scores if score.metric == "auc"}
    labels = tuple(replace(group, with_it=group.n // 4) for group in AUC)
    subgroups.write(Subgroups(value, {"auc": {"label": replace(BY_AUC, groups=labels)}}), tmp_path / SUBGROUPS)
    tasks = by_attributes(board_set(collect([tmp_path])), ["label"])
    for form, (many, few) in product(("terminal", "markdown", "latex"), [(60, 15), (9, 2)]):
        text = re.sub(r"<br>", " ", report_groups(tasks, form, None, width=200))
        assert re.search(rf"n = {many}\b", text)
        assert f"{few} with it" in text
    of_csv = csv.DictReader(io.StringIO(report_groups(tasks, "csv", None)))
    assert [(row["n"], row["with_it"]) for row in of_csv] == [("40", "10"), ("60", "15"), ("9", "2")]
    [row] = json.loads(report_groups(tasks, "json", None))[TASK.id]["label"]["auc"]
    assert [group["with_it"] for group in row["groups"]] == [10, 15, 2]
