"""What `ldbench report` refuses, and what it makes of results of which some can't be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ldbench.cli.main import app
from ldbench.data.of_result import task_ref
from ldbench.data.task_data import task_data
from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.records import result, subgroups
from ldbench.records.files import write_json
from ldbench.records.run_folder import SUBGROUPS, RunFolder
from ldbench.records.subgroups import Breakdown, Group, Subgroups
from ldbench.records.unfinished import note_beginning
from ldbench.task import card
from tests.conftest import small_card
from tests.report.conftest import FULL, TASK, measured
from tests.report.html.conftest import Page, make_samples


@pytest.mark.parametrize("form", ["html", "site"])
def test_pages_need_a_folder_and_results_are_not_read_without_one(form: str) -> None:
    with pytest.raises(UsageError, match=rf"--format {form}: expected a folder .* add --out FOLDER"):
        CliRunner().invoke(app, ["report", "no-such-results", "--format", form], catch_exceptions=False)


@pytest.mark.parametrize("options", ["", "--format html --out OUT", "--format json --metric fid"])
def test_one_bad_result_is_named_and_all_others_are_reported(options: str, tmp_path: Path) -> None:
    for index, one in enumerate(FULL):
        result.write(measured(*one), tmp_path / f"runs/{index}/result.json")
    bad = tmp_path / "runs/bad/result.json"
    bad.parent.mkdir()
    bad.write_text("{", encoding="utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["report", str(tmp_path / "runs"), *options.replace("OUT", str(out)).split()])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0].startswith(f"error: {bad}: expected JSON")
    assert len(done.stderr.splitlines()) == 2
    shown = (out / f"{TASK.id}.html").read_text(encoding="utf-8") if "OUT" in options else done.stdout
    assert "basic-ft-ld" in shown


def test_where_no_result_can_be_used_nothing_is_made_of_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "runs/bad/result.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{", encoding="utf-8")
    done = CliRunner().invoke(app, ["report", str(tmp_path / "runs"), "--format", "site", "--out", str(tmp_path / "o")])
    assert (done.exit_code, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert not (tmp_path / "o").exists()


def test_unfinished_runs_are_named_in_the_terminal_and_on_pages(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    for index, one in enumerate(FULL):
        result.write(measured(*one), runs / f"{index}/result.json")
    done = measured(*FULL[0])
    for number, (task, model) in enumerate([(TASK.id, "stopped"), ("another", "lonely"), (TASK.id, done.model.name)]):
        folder = RunFolder.of(runs, task, replace(done.model, name=model), 0)
        write_json(folder.state, {"task": task, "model": model, "seed": 0})
        note_beginning(folder, f"ldbench run {number}", 5)
    shown = CliRunner().invoke(app, ["report", str(runs)])
    assert shown.exit_code == 0
    lines = [line for line in shown.stdout.splitlines() if line.startswith("Not finished: ")]
    assert [line.split()[2] for line in lines] == ["stopped,", "lonely,"]  # the third is finished elsewhere
    assert lines[0].endswith("goes on with `ldbench run 0`")
    pages = CliRunner().invoke(app, ["report", str(runs), "--format", "html", "--out", str(out)])
    assert "Not finished: stopped" in (out / f"{TASK.id}.html").read_text(encoding="utf-8")
    assert pages.stderr.startswith("Not finished: lonely")
    assert "Not finished" not in CliRunner().invoke(app, ["report", str(runs), "--format", "markdown"]).stdout


def test_a_folder_without_a_result_names_what_was_begun_there(tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path, TASK.id, measured(*FULL[0]).model, 0)
    write_json(folder.state, {"task": TASK.id, "model": "real", "seed": 0})
    with pytest.raises(ResultError, match=r"`ldbench run` makes one\. Not finished: real, "):
        CliRunner().invoke(app, ["report", str(tmp_path)], catch_exceptions=False)


def pages(runs: Path, *options: str) -> str:
    """What `ldbench report --format html` says of the runs on the card `small`."""
    asked = ["report", str(runs), "--format", "html", "--out", str(runs.parent / "pages"), *options]
    CliRunner().invoke(app, asked, catch_exceptions=False)
    return Page((runs.parent / "pages" / "small.html").read_text(encoding="utf-8")).text()


def test_a_page_shows_real_scans_by_the_path_of_a_card_that_is_not_installed(tmp_path: Path) -> None:
    own, runs = str(small_card(tmp_path)), tmp_path / "runs"
    task = card.load(own)
    make_samples(runs, count=2, side=64)
    for path in runs.rglob("result.json"):
        split = task_data(task, 0).split_hash()
        result.write(replace(result.read(path), task=task_ref(task), split_hash=split), path)
    assert "Results alone, without real test scans' grey levels: unknown task 'small'" in pages(runs)
    assert "Results alone" not in pages(runs, "--task", own)
    with pytest.raises(UsageError, match=r"--task sandbox-brain-t2i: expected the card of small, got that of sand"):
        pages(runs, "--task", own, "--task", "sandbox-brain-t2i")


@pytest.mark.parametrize("option", [("--task", "x.toml"), ("--gallery", "24")])
def test_what_is_for_pages_alone_is_refused_beside_tables(option: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=f"^{option[0]}: expected --format html or site beside it, got csv"):
        CliRunner().invoke(app, ["report", "--format", "csv", *option], catch_exceptions=False)


def test_groups_of_cases_are_tables_by_attribute_and_pages_have_them_anyway(tmp_path: Path) -> None:
    for index, one in enumerate(FULL):
        run = measured(*one)
        result.write(run, tmp_path / f"{index}/result.json")
        groups = {score.metric: {"sex": Breakdown((Group("F", 20, *one[3]),))} for score in run.scores[:1]}
        values = {score.metric: score.value for score in run.scores[:1]}
        subgroups.write(Subgroups(values, groups), tmp_path / f"{index}/{SUBGROUPS}")
    ask = ["report", str(tmp_path), "--by", "sex"]
    shown = CliRunner().invoke(app, ask)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{TASK.id}: fid ↓ by sex\n")
    with pytest.raises(UsageError, match="--by: expected a format of tables beside it, got html"):
        CliRunner().invoke(app, [*ask, "--format", "html", "--out", str(tmp_path / "out")], catch_exceptions=False)
    with pytest.raises(UnknownNameError, match="unknown attribute 'age'"):
        CliRunner().invoke(app, [*ask[:-1], "age"], catch_exceptions=False)


def test_chosen_rows_are_said_to_be_chosen_in_every_format(tmp_path: Path) -> None:
    for index, one in enumerate(FULL):
        result.write(measured(*one), tmp_path / f"runs/{index}/result.json")
    shell, chosen = CliRunner(), ["--only", "basic-ft,sd", "--only", "real", "--without", "real", "--measured-only"]
    said = "Not chosen: basic-ft-ld, mean-image, oracle, real."
    for form in ("terminal", "markdown", "latex", "csv", "json", "latex-tabular"):
        done = shell.invoke(app, ["report", str(tmp_path / "runs"), *chosen, "--format", form], catch_exceptions=False)
        without_notes = form in ("csv", "json", "latex-tabular")
        assert said in " ".join((done.stderr if without_notes else done.stdout).split())
        assert ("oracle" in done.stdout) is not without_notes
    done = shell.invoke(app, ["report", str(tmp_path / "runs"), *chosen, "--format", "html", "--out", str(tmp_path)])
    assert said in (tmp_path / f"{TASK.id}.html").read_text(encoding="utf-8")
    for form, stream in (("terminal", "stdout"), ("csv", "stderr")):
        done = shell.invoke(app, ["compare", str(tmp_path / "runs"), *chosen[:-1], "--format", form])
        assert said in " ".join(getattr(done, stream).split())
        assert "basic-ft-ld" not in done.stdout.partition("These rows")[0]
    apart = shell.invoke(app, ["report", str(tmp_path), *chosen, "--format", "json", "--out", str(tmp_path / "out")])
    assert apart.stdout == f"{tmp_path / 'out' / TASK.id}-chosen.json\n"
    with pytest.raises(UsageError, match="--check: expected no --only or --without beside it"):
        shell.invoke(app, ["report", str(tmp_path), *chosen, "--check", str(tmp_path)], catch_exceptions=False)
