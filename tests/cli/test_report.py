"""What `ldbench report` refuses, and what it makes of results of which some can't be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.cli.report import WITHOUT_NOTES
from ldbench.data.of_result import task_ref
from ldbench.data.task_data import task_data
from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.records import result, subgroups
from ldbench.records.files import write_json
from ldbench.records.run_folder import SUBGROUPS, RunFolder
from ldbench.records.subgroups import Breakdown, Group, Subgroups
from ldbench.records.unfinished import note_beginning
from ldbench.task import card
from tests.command_line import called, raising, said
from tests.conftest import small_card
from tests.report.conftest import RUNS, TASK
from tests.report.html.conftest import Page, make_samples
from tests.result_files import lay, lay_unreadable


@pytest.mark.parametrize("form", ["html", "site"])
def test_pages_need_a_folder_and_results_are_not_read_without_one(form: str) -> None:
    with pytest.raises(UsageError, match=rf"--format {form}: expected a folder .* add --out FOLDER"):
        raising("report", "no-such-results", "--format", form)


@pytest.mark.parametrize("options", ["", "--format html --out OUT", "--format json --metric fid"])
def test_one_bad_result_is_named_and_all_others_are_reported(options: str, tmp_path: Path) -> None:
    runs, out = lay(tmp_path / "runs", RUNS), tmp_path / "out"
    bad = lay_unreadable(runs)
    done = called("report", runs, *options.replace("OUT", str(out)).split())
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0].startswith(f"error: {bad}: expected JSON")
    assert len(done.stderr.splitlines()) == 2
    shown = (out / f"{TASK.id}.html").read_text(encoding="utf-8") if "OUT" in options else done.stdout
    assert "basic-ft-ld" in shown


def test_where_no_result_can_be_used_nothing_is_made_of_the_others(tmp_path: Path) -> None:
    lay_unreadable(tmp_path / "runs")
    done = called("report", tmp_path / "runs", "--format", "site", "--out", tmp_path / "o")
    assert (done.exit_code, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert not (tmp_path / "o").exists()


def test_unfinished_runs_are_named_in_the_terminal_and_on_pages(tmp_path: Path) -> None:
    runs, out, done = lay(tmp_path / "runs", RUNS), tmp_path / "out", RUNS[0]
    for number, (task, model) in enumerate([(TASK.id, "stopped"), ("another", "lonely"), (TASK.id, done.model.name)]):
        folder = RunFolder.of(runs, task, replace(done.model, name=model), 0)
        write_json(folder.state, {"task": task, "model": model, "seed": 0})
        note_beginning(folder, f"ldbench run {number}", 5)
    lines = [line for line in said("report", runs).splitlines() if line.startswith("Not finished: ")]
    assert [line.split()[2] for line in lines] == ["stopped,", "lonely,"]  # the third is finished elsewhere
    assert lines[0].endswith("goes on with `ldbench run 0`")
    pages = called("report", runs, "--format", "html", "--out", out)
    assert "Not finished: stopped" in (out / f"{TASK.id}.html").read_text(encoding="utf-8")
    assert pages.stderr.startswith("Not finished: lonely")
    assert "Not finished" not in called("report", runs, "--format", "markdown").stdout


def test_a_folder_without_a_result_names_what_was_begun_there(tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path, TASK.id, RUNS[0].model, 0)
    write_json(folder.state, {"task": TASK.id, "model": "real", "seed": 0})
    with pytest.raises(ResultError, match=r"`ldbench run` makes one\. Not finished: real, "):
        raising("report", tmp_path)


def pages(runs: Path, *options: str) -> str:
    """What `ldbench report --format html` says of the runs on the card `small`."""
    asked = ["report", str(runs), "--format", "html", "--out", str(runs.parent / "pages"), *options]
    raising(*asked)
    return Page((runs.parent / "pages" / "small.html").read_text(encoding="utf-8")).text()


def test_a_page_shows_real_scans_by_the_path_of_a_card_that_is_not_installed(tmp_path: Path) -> None:
    own, runs = str(small_card(tmp_path)), tmp_path / "runs"
    task = card.load(own)
    make_samples(runs, count=2, side=64)
    for path in runs.rglob("result.json"):
        split = task_data(task, 0).split_hash()
        result.write(replace(result.read(path), task=task_ref(task), split_hash=split), path)
    missing = "Real images are missing on this page"
    assert f"{missing} (no grey levels of real test scans): no card of small is installed; make" in pages(runs)
    assert missing not in pages(runs, "--task", own)
    with pytest.raises(UsageError, match=r"--task sandbox-brain-t2i: expected the card of small, got that of sand"):
        pages(runs, "--task", own, "--task", "sandbox-brain-t2i")


@pytest.mark.parametrize(
    ("option", "formats"), [(("--task", "x.toml"), "html, site or latex"), (("--gallery", "24"), "html or site")]
)
def test_what_tables_have_not_is_refused_beside_them(option: tuple[str, str], formats: str) -> None:
    with pytest.raises(UsageError, match=f"^{option[0]}: expected --format {formats} beside it, got csv"):
        raising("report", "--format", "csv", *option)
    with pytest.raises(UsageError, match=f"^{option[0]}: expected --format html or site beside it, got latex"):
        raising("report", "--format", "latex", "--by", "sex", *option)


def test_a_caption_of_latex_begins_with_the_title_of_the_card(tmp_path: Path) -> None:
    own, runs = str(small_card(tmp_path)), lay(tmp_path / "runs", RUNS)
    installed, task = card.load(TASK.id), card.load(own)
    assert rf"\caption{{{TASK.id}, version 1 (" in said("report", runs, "--format", "latex")  # another version's card
    for known, asked, title in (
        (installed, [], f"{installed.title}: "), (task, [], ""), (task, ["--task", own], f"{task.title}: "),
    ):
        for path in runs.rglob("result.json"):
            result.write(replace(result.read(path), task=task_ref(known)), path)
        text = said("report", runs, "--format", "latex", *asked)
        assert rf"\caption{{{title}{known.id}, version {known.version} (" in text


def test_a_row_has_the_name_that_was_given_in_every_table_and_the_notes_say_what_it_is(tmp_path: Path) -> None:
    runs, given = lay(tmp_path / "runs", RUNS), ["--name", "basic-ft=Ours (δ = 0)", "--name", "oracle=Best"]
    note = "Ours (δ = 0) is basic-ft; Best is oracle †."
    for form in ("terminal", "markdown", "latex", "csv", "latex-tabular"):
        done = called("report", runs, *given, "--format", form)
        assert done.exit_code == 0
        rows = done.stdout.partition("Names given")[0]
        assert "Ours (" in rows or form == "latex-tabular"
        told = " ".join((done.stderr if form in WITHOUT_NOTES else done.stdout).split())
        assert unescaped(note) in unescaped(told)
    named = called("report", runs, *given, "--format", "json")
    assert named.stdout == said("report", runs, "--format", "json")  # a record that can be read again
    assert note in named.stderr
    called("report", runs, *given, "--format", "html", "--out", tmp_path)
    page = Page((tmp_path / f"{TASK.id}.html").read_text(encoding="utf-8")).text()
    assert "Best †" in page
    assert note in page


def unescaped(text: str) -> str:
    return text.replace(r"$\delta$", "δ").replace(r"$^\dagger$", "†")


def test_groups_of_cases_are_tables_by_attribute_and_pages_have_them_anyway(tmp_path: Path) -> None:
    lay(tmp_path, RUNS)
    for index, run in enumerate(RUNS):
        fid = run.scores[0]
        by_sex = Breakdown((Group("F", 20, fid.value, fid.ci_low, fid.ci_high),))
        found = Subgroups({"fid": fid.value}, {"fid": {"sex": by_sex}})
        subgroups.write(found, tmp_path / f"{index}/{SUBGROUPS}")
    ask = ["report", str(tmp_path), "--by", "sex"]
    assert said(*ask).startswith(f"{TASK.id}: fid ↓ by sex\n")
    bare = called(*ask, "--format", "csv")
    assert bare.stderr.startswith(f"{TASK.id}: Not measured by sex: ")  # CSV holds no notes
    assert "Not measured" not in bare.stdout
    with pytest.raises(UsageError, match="--by: expected a format of tables beside it, got html"):
        raising(*ask, "--format", "html", "--out", tmp_path / "out")
    with pytest.raises(UnknownNameError, match="unknown attribute 'age'"):
        raising(*ask[:-1], "age")


@pytest.mark.slow
def test_chosen_rows_are_said_to_be_chosen_in_every_format(tmp_path: Path) -> None:
    lay(tmp_path / "runs", RUNS)
    chosen = ["--only", "basic-ft,sd", "--only", "real", "--without", "real", "--measured-only"]
    named = "Not chosen: basic-ft-ld, mean-image, oracle, real."
    for form in ("terminal", "markdown", "latex", "csv", "json", "latex-tabular"):
        done = raising("report", tmp_path / "runs", *chosen, "--format", form)
        without_notes = form in ("csv", "json", "latex-tabular")
        assert named in " ".join((done.stderr if without_notes else done.stdout).split())
        assert ("oracle" in done.stdout) is not without_notes
    done = called("report", tmp_path / "runs", *chosen, "--format", "html", "--out", tmp_path)
    assert named in (tmp_path / f"{TASK.id}.html").read_text(encoding="utf-8")
    for form, stream in (("terminal", "stdout"), ("csv", "stderr")):
        done = called("compare", tmp_path / "runs", *chosen[:-1], "--format", form)
        assert named in " ".join(getattr(done, stream).split())
        assert "basic-ft-ld" not in done.stdout.partition("These rows")[0]
    apart = called("report", tmp_path, *chosen, "--format", "json", "--out", tmp_path / "out")
    assert apart.stdout == f"{tmp_path / 'out' / TASK.id}-chosen.json\n"
    with pytest.raises(UsageError, match="--check: expected no --only or --without beside it"):
        raising("report", tmp_path, *chosen, "--check", tmp_path)
