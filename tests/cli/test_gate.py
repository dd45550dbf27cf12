"""`ldbench gate` and its older spelling, `ldbench report --check`: one answer, one exit code, the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board import leaderboard
from ldbench.board.gather import collect
from ldbench.board.ranks import comparisons
from ldbench.errors import LdbenchError, ResultError, UsageError
from ldbench.records.files import write_json
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import note_beginning
from tests.command_line import called, said
from tests.report.conftest import TASK
from tests.report.gate.conftest import BASELINE, bent, folded
from tests.result_files import lay, lay_unreadable

pytestmark = pytest.mark.slow

NOW = {"same": BASELINE, "worse": bent(BASELINE, "ours", "fid", 9.0), "missing": BASELINE[1:]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline's folder beside folders of results that are the same, worse and missing."""
    root = tmp_path_factory.mktemp("gate")
    leaderboard.write(folded(BASELINE)[TASK.id], root / "boards" / f"{TASK.id}.json")
    for name, results in NOW.items():
        lay(root / name, results)
    return root


@pytest.mark.parametrize("options", ["", "--tolerance fid=10", "--allow-missing", "--measured-only"])
@pytest.mark.parametrize("name", NOW)
def test_the_command_and_the_alias_say_the_same(place: Path, name: str, options: str, tmp_path: Path) -> None:
    answers = []
    for command in (("gate", place / name, "--against"), ("report", place / name, "--check")):
        files = [tmp_path / "junit.xml", tmp_path / "summary.md"]
        done = called(*command, place / "boards", *options.split(), "--junit", files[0], "--summary", files[1])
        answers.append((done.exit_code, done.output, [file.read_text(encoding="utf-8") for file in files]))
    assert answers[0] == answers[1]
    passes = name == "same" or f"{name} {options}" in ("worse --tolerance fid=10", "missing --allow-missing")
    assert answers[0][0] == (0 if passes else 1)
    assert answers[0][1].splitlines()[-1].startswith("check passed: " if passes else "check failed: ")


@pytest.mark.parametrize(
    ("options", "error"), [(("--tolerance", "x"), UsageError), (("--tolerance", "fdi=1"), LdbenchError)]
)
def test_both_refuse_the_same(place: Path, options: tuple[str, ...], error: type[LdbenchError]) -> None:
    one = called("gate", place / "same", "--against", place / "boards", *options).exception
    two = called("report", place / "same", "--check", place / "boards", *options).exception
    assert isinstance(one, error)
    assert str(one) == str(two)


def test_a_gate_needs_a_baseline_and_a_wrong_request_is_refused_before_results_are_read(place: Path) -> None:
    assert called("gate", place / "same").exit_code == 2
    wrong = called("gate", "nowhere", "--against", place / "boards", "--tolerance", "x").exception
    assert isinstance(wrong, UsageError)
    assert isinstance(called("gate", place / "same", "--against", "nowhere").exception, ResultError)


def test_a_page_beside_a_gate_reads_and_compares_the_results_once(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def counted(name: str, function: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            calls.append(name)
            return function(*arguments, **named)  # type: ignore[operator]
        return call

    monkeypatch.setattr("ldbench.board.gather.collect", counted("collect", collect))
    for module in ("board.gather", "report.comparisons"):
        monkeypatch.setattr(f"ldbench.{module}.comparisons", counted("compare", comparisons))
    page = ("--format", "html", "--out", tmp_path)
    printed = said("report", place / "same", "--check", place / "boards", *page)
    assert printed.splitlines()[-1] == str(tmp_path / f"{TASK.id}.html")
    assert calls == ["collect", "compare"]


def test_a_killed_run_of_a_row_closes_the_gate_and_one_that_is_finished_elsewhere_does_not(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        folder = RunFolder.of(tmp_path, TASK.id, BASELINE[0].model, seed)
        write_json(folder.state, {"task": TASK.id, "model": "ours", "seed": seed})
        note_beginning(folder, f"ldbench run {seed}", 5)
    lay(tmp_path, BASELINE)
    done = called("gate", tmp_path, "--against", place / "boards", "--allow-missing")
    assert done.exit_code == 1
    [first, verdict] = done.stdout.splitlines()
    assert first.startswith("UNFINISHED sandbox-brain-t2i: ours: seed 1: 0 of 5 images; stopped without an error")
    assert first.endswith("goes on with `ldbench run 1`")
    assert verdict.startswith("check failed: 1 unfinished, ")
    elsewhere = [path for path in tmp_path.iterdir() if path.name != TASK.id]
    monkeypatch.chdir(tmp_path / TASK.id)
    lay(Path("copy"), BASELINE[:1])  # so that there is a result
    within = called("gate", ".", *elsewhere, "--against", place / "boards", "--allow-missing")
    assert within.stdout.splitlines()[-1:] == [verdict], within.output


@pytest.mark.parametrize("command", ["gate --against", "report --check"])
def test_a_gate_judges_all_results_or_none(command: str, place: Path, tmp_path: Path) -> None:
    lay(tmp_path, BASELINE[:1])
    bad = lay_unreadable(tmp_path)
    name, option = command.split()
    done = called(name, tmp_path, option, place / "boards", "--allow-missing", "--junit", tmp_path / "junit.xml")
    assert done.exit_code == 2
    assert "nothing was judged" in done.output
    assert str(bad) in done.output
    assert "check passed" not in done.output
    assert not (tmp_path / "junit.xml").exists()
