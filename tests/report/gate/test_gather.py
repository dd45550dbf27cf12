"""The gate over result folders and baseline files, and the files that it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ldbench.board import leaderboard
from ldbench.board.gather import read_boards
from ldbench.errors import ResultError, UsageError
from ldbench.records import result
from ldbench.report.gate.baseline import read
from ldbench.report.gate.gather import GateRequest, gate_of
from tests.report.conftest import TASK
from tests.result_files import lay

from .conftest import BASELINE, Boards, bent, folded


def run_gate(paths: list[Path], request: GateRequest) -> tuple[str, bool]:
    """As the command does: a wrong request is refused before results are read."""
    request.limits()
    return gate_of(read_boards(paths), request)


@pytest.fixture
def file(tmp_path: Path, baseline: Boards) -> Path:
    leaderboard.write(baseline[TASK.id], tmp_path / "boards" / f"{TASK.id}.json")
    return tmp_path / "boards" / f"{TASK.id}.json"


def test_the_gate_is_judged_and_its_files_are_written(tmp_path: Path, file: Path) -> None:
    worse = lay(tmp_path / "worse", bent(BASELINE, "ours", "fid", 9.0))
    wanted = GateRequest(file, ("0.01",), junit=tmp_path / "out/junit.xml", summary=tmp_path / "out/summary.md")
    said, passed = run_gate([worse], wanted)
    assert not passed
    assert said.startswith("WORSE   sandbox-brain-t2i: ours: fid: 60.0 then, 69.0 now")
    assert ElementTree.parse(tmp_path / "out/junit.xml").getroot().attrib["failures"] == "1"
    assert (tmp_path / "out/summary.md").read_text(encoding="utf-8").startswith("## ldbench: the gate is closed")
    assert run_gate([worse], replace(wanted, tolerances=("fid=10",)))[1]
    for path, option in ((wanted.junit, "--junit"), (wanted.summary, "--summary")):
        assert path is not None
        mine = path.read_bytes()
        path.write_text("<testsuites name='pytest tests'/>", encoding="utf-8")
        with pytest.raises(ResultError, match=rf"{path}: expected a file of `ldbench gate` or none, .* {option}$"):
            run_gate([worse], wanted)
        assert path.read_text(encoding="utf-8") == "<testsuites name='pytest tests'/>"
        path.write_bytes(mine)


def test_a_gate_that_compared_nothing_writes_its_files_and_is_refused_also_where_rows_may_be_missing(
    tmp_path: Path, file: Path
) -> None:
    other = lay(tmp_path / "other", [replace(BASELINE[0], model=replace(BASELINE[0].model, parameters={"delta": 0.1}))])
    asked = GateRequest(file, junit=tmp_path / "junit.xml", summary=tmp_path / "summary.md")
    said, passed = run_gate([other], asked)
    assert not passed
    assert said.count("MISSING ") == 3
    message = (
        r"expected a metric of a row of the baseline to compare, got none of ours, theirs, real; ours: no result of "
        r"this row, but of ours \(delta=0\.1\): delta=\(absent\) then, 0\.1 now; name the baseline of these results"
    )
    with pytest.raises(ResultError, match=message):
        run_gate([other], replace(asked, allow_missing=True))
    counts = ElementTree.parse(tmp_path / "junit.xml").getroot().attrib
    assert [counts[name] for name in ("tests", "failures", "skipped")] == ["4", "0", "4"]
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("## ldbench: nothing was compared\n\ncheck compared nothing: 3 missing, 1 new; ")


def test_a_folder_is_a_baseline_of_every_task_in_it(tmp_path: Path, file: Path) -> None:
    same = lay(tmp_path / "same", BASELINE)
    (file.parent / "results").mkdir()
    (file.parent / "results/result.json").write_text("{}", encoding="utf-8")  # below, not in it
    assert run_gate([same], GateRequest(file.parent)) == run_gate([same], GateRequest(file))
    assert run_gate([same], GateRequest(file))[1]


def test_a_summary_needs_no_baseline(tmp_path: Path) -> None:
    same = lay(tmp_path / "same", BASELINE)
    assert run_gate([same], GateRequest(summary=tmp_path / "summary.md")) == ("", True)
    assert "| ours |" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        (GateRequest(tolerances=("0.1",)), "--tolerance"), (GateRequest(allow_missing=True), "--allow-missing"),
        (GateRequest(junit=Path("x.xml")), "--junit"),
    ],
)
def test_what_means_nothing_without_a_baseline_is_refused(wanted: GateRequest, option: str) -> None:
    with pytest.raises(UsageError, match=f"{option}: expected --check BASELINE beside it"):
        run_gate([], wanted)
    assert wanted.anything
    assert not GateRequest().anything


def test_baselines_that_are_none_are_refused(tmp_path: Path, file: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match=r"expected leaderboard files .* got none; .* build` makes them$"):
        read(tmp_path / "empty")
    with pytest.raises(ResultError, match=r"can't read .*nowhere\.json"):
        read(tmp_path / "nowhere.json")
    result.write(BASELINE[0], tmp_path / "result.json")
    with pytest.raises(ResultError, match=r"result\.json"):
        read(tmp_path / "result.json")
    leaderboard.write(folded(BASELINE)[TASK.id], file.with_name("twice.json"))
    with pytest.raises(ResultError, match=r"twice\.json: sandbox-brain-t2i stands in .*sandbox-brain-t2i\.json too"):
        read(file.parent)
