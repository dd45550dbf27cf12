"""A gate in print: lines, JUnit and the summary, whatever the names hold."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.report.gate import junit, lines, summary
from ldbench.report.gate.findings import Gate, GateFinding
from ldbench.report.gate.judge import check
from ldbench.report.gate.tolerance import Tolerances
from tests.report.conftest import TASK, measured

from .conftest import BASELINE, Boards, bent, folded

NEW = measured("newcomer", 0, {}, (300.0, 290.0, 310.0), (0.5, 0.4, 0.6), (0.5, 0.4, 0.6))
NOW = folded([*bent(bent(BASELINE[::2], "ours", "fid", 9.0), "ours", "auc", 0.06), NEW])


@pytest.fixture(scope="module")
def gate() -> Gate:
    """fid of ours got worse, its auc better, theirs is missing, there is a newcomer."""
    return check(NOW, folded(BASELINE), Tolerances(0.01))


def test_lines_say_what_fails_first_and_the_verdict_last(gate: Gate) -> None:
    assert lines.text(gate).splitlines() == [
        "WORSE   sandbox-brain-t2i: ours: fid: 60.0 then, 69.0 now, worse by 9.0, allowed 6.0",
        "MISSING sandbox-brain-t2i: theirs: no result of this row",
        "better  sandbox-brain-t2i: ours: auc: 0.870 then, 0.930 now, better by 0.060, allowed 0.040",
        "new     sandbox-brain-t2i: newcomer: not in the baseline",
        "check failed: 1 worse, 1 missing, 1 better, 1 new, 4 same; tolerance 0.01 of the baseline's value",
    ]


def test_junit_has_a_case_a_row_and_metric_and_a_failure_where_the_gate_closes(gate: Gate) -> None:
    root = ElementTree.fromstring(junit.render(gate))
    suites = root.findall("testsuite")
    assert [suite.attrib["name"] for suite in suites] == [TASK.id]
    counted = {key: root.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "8", "failures": "2", "errors": "0", "skipped": "1"}
    assert {key: suites[0].attrib[key] for key in counted} == counted
    cases = {(case.attrib["classname"].split(".")[1], case.attrib["name"]): case for case in suites[0]}
    assert len(cases) == 8
    failed = {key: case.find("failure") for key, case in cases.items() if case.find("failure") is not None}
    assert set(failed) == {("ours", "fid"), ("theirs", "row")}
    failure = failed["ours", "fid"]
    assert failure is not None
    assert failure.attrib == {"type": "worse", "message": "60.0 then, 69.0 now, worse by 9.0, allowed 6.0"}
    assert cases["newcomer", "row"].find("skipped") is not None
    told = cases["ours", "kid"].findtext("system-out")
    assert told == "same    sandbox-brain-t2i: ours: kid: 0.0400 then, 0.0400 now, unchanged, allowed 0.0050"
    assert all(len(case) == 1 for case in cases.values())


@pytest.mark.parametrize("fails", [False, True])
def test_an_unfinished_run_is_a_line_a_case_and_a_row_of_the_summary(fails: bool, gate: Gate) -> None:
    told = "seed 0: 3 of 8 images"
    one = replace(gate, findings=(GateFinding(TASK.id, "theirs", "unfinished", fails, detail=told), gate.findings[0]))
    word = "UNFINISHED" if fails else "unfinished"
    assert f"{word} sandbox-brain-t2i: theirs: {told}" in lines.text(one).splitlines()
    case = ElementTree.fromstring(junit.render(one)).find("testsuite/testcase")
    assert case is not None
    assert (case.attrib["name"], [child.tag for child in case]) == ("run", ["failure" if fails else "skipped"])
    text = summary.render(NOW, one)
    section = "### Fails" if fails else "### Not compared"
    assert text.index(section) < text.index(f"| theirs | all |  |  |  |  | {told} |")


def test_the_summary_says_the_verdict_first_and_holds_the_leaderboard(gate: Gate) -> None:
    text = summary.render(NOW, gate)
    assert text.startswith("## ldbench: the gate is closed\n\ncheck failed: 1 worse, 1 missing")
    assert "| **worse** | sandbox-brain-t2i | ours | fid | 60.0 | 69.0 | worse by 9.0 | 6.0 |  |\n" in text
    parts = ("### Fails", "### Better", "### sandbox-brain-t2i", "<details open><summary>Same (4)", "### Not compared")
    order = [text.index(part) for part in parts]
    assert order == sorted(order)
    assert "| same | sandbox-brain-t2i | ours | kid | 0.0400 | 0.0400 | unchanged | 0.0050 |  |\n" in text
    assert "| newcomer |" in text


def test_many_unchanged_scores_are_folded_and_an_unsure_row_stands_before_the_leaderboards(gate: Gate) -> None:
    unsure = GateFinding(TASK.id, "ours", "unsure", False, detail="fid up to 290 would pass")
    text = summary.render(NOW, Gate((unsure, *gate.of("same") * 4), gate.tolerances))
    assert text.startswith("## ldbench: nothing got visibly worse\n\ncheck passed: 1 unsure, 16 same; ")
    assert text.index("### Unsure") < text.index("| fid up to 290 would pass |") < text.index("### sandbox-brain-t2i")
    _, begin, rest = text.partition("<details><summary>Same (16)</summary>\n\n| ")
    assert begin
    assert rest.partition("\n\n</details>\n")[1]
    assert summary.render(NOW, Gate(gate.of("same"), gate.tolerances)).startswith("## ldbench: nothing got worse\n")


def test_without_a_baseline_the_summary_is_the_leaderboards(baseline: Boards) -> None:
    text = summary.render(baseline)
    assert text.startswith("## ldbench report\n\n### sandbox-brain-t2i")
    assert "gate" not in text


def finding(name: str) -> GateFinding:
    return GateFinding(name, name, "worse", True, "fid", "lower", 1.0, 2.0, 1.0, 0.1, name)


@given(st.text(max_size=30))
def test_any_name_stays_in_its_place(name: str) -> None:
    gate = Gate((finding(name), GateFinding(name, name, "new", False, detail=name)), Tolerances())
    assert lines.text(gate).count("\n") == 3
    root = ElementTree.fromstring(junit.render(gate).encode("utf-8"))
    legal = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name)
    assert [suite.attrib["name"] for suite in root] == [legal]
    assert [case.attrib["classname"] for case in root[0]] == [f"{legal}.{legal}"] * 2
    rows = [line for line in summary.render({}, gate).split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {10}
    assert len(rows) == 6
