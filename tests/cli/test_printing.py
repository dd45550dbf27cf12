"""Whatever is printed is printed: in ASCII where the terminal has nothing better."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.board.row_labels import TRUTH_MARK
from ldbench.cli.main import app
from ldbench.cli.printing import print_anything
from ldbench.records import subgroups
from ldbench.records.result import Environment, Stage
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import Breakdown, Group, Subgroups
from ldbench.report.tables.headline import ARROWS
from tests.command_line import said
from tests.report.conftest import RUNS
from tests.result_files import lay

WIDTHS = ("60", "80", "200")
OTHERS = ("latex-tabular", "csv", "json")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    """A standard output that is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Timed runs that have many groups of cases."""
    stages = [Stage("fit", 60.0, 2048.0, True), Stage("generate", 9.0, 1024.0, True, 9), Stage("score", 9.0)]
    timed = {"stages": stages, "environment": Environment("cpu", 2, "3.12", "Linux-x86_64")}
    folder = lay(tmp_path_factory.mktemp("runs"), [replace(run, **timed) for run in RUNS[-2:]])
    for place, run in enumerate(RUNS[-2:]):
        score = run.scores[0]
        groups = [Group(f"finding number {one}", 20, score.value, score.ci_low, score.ci_high) for one in range(14)]
        by_finding = {score.metric: {"finding": Breakdown(tuple(groups))}}
        subgroups.write(Subgroups({score.metric: score.value}, by_finding), folder / f"{place}/{SUBGROUPS}")
    return folder


def printed(text: str, encoding: str, errors: str = "strict") -> str:
    """What reaches a standard output of that encoding."""
    raw, before = io.BytesIO(), sys.stdout
    sys.stdout = io.TextIOWrapper(raw, encoding, errors, newline="\n", write_through=True)
    try:
        print_anything()
        sys.stdout.write(text)
        return raw.getvalue().decode(encoding)
    finally:
        sys.stdout = before


@given(st.text(st.characters()), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8", "koi8-r", "utf-16"]))
def test_no_text_stops_a_command_and_what_can_be_encoded_stays(text: str, encoding: str) -> None:
    after = printed(text, encoding)
    if text.encode(encoding, "ignore").decode(encoding) == text:
        assert after == text
    else:
        assert after != text


@given(st.binary(max_size=20).filter(lambda raw: b"\0" not in raw))
def test_a_file_name_of_any_bytes_is_printed(raw: bytes) -> None:
    for encoding in ("ascii", "utf-8"):
        assert printed(os.fsdecode(raw), encoding)[:1] == os.fsdecode(raw)[:1] or raw[:1] > b"\x7f"


def test_the_signs_of_tables_have_likes_in_ascii() -> None:
    signs = "".join(ARROWS.values()) + TRUTH_MARK + "±≤≥─"
    assert printed(signs, "ascii") == "v^++-<=>=-"
    assert printed(signs, "utf-8") == signs
    assert printed("±", "latin-1") == "±"
    assert printed("\U0001f9e0 \udce4", "ascii") == "\\U0001f9e0 \\udce4"


def test_a_stream_that_takes_everything_or_is_none_of_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed("é", "ascii", "replace") == "?"
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        print_anything()


def test_the_program_prints_to_a_latin_1_log() -> None:
    script = "import ldbench.cli.main as m, typer; m.app = lambda: typer.echo('FID \u2193'); m.main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"FID v\n"), done.stderr


@pytest.mark.parametrize("instead", ["--all-metrics", "--by=all", "--cost"])
@pytest.mark.parametrize(
    "form", ["terminal", "markdown", "latex", *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)]
)
def test_a_file_is_the_same_from_any_terminal(
    form: str, instead: str, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, files, piped = ["report", str(runs), "--measured-only", instead, "--format", form], set(), set()
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", width)
        piped.add(said(*asked))
        with monkeypatch.context() as within:
            within.setattr(sys, "stdout", Terminal())
            app([*asked, "--out", str(tmp_path / width)], standalone_mode=False)
        [file] = (tmp_path / width).iterdir()
        files.add(file.read_bytes())
    assert len(files) == len(piped) == 1


@pytest.mark.parametrize("instead", ["--all-metrics", "--by=all"])
def test_a_terminal_is_filled_and_one_that_is_claimed_is_not(
    instead: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def widest(width: str) -> int:
        monkeypatch.setenv("COLUMNS", width)
        monkeypatch.setattr(sys, "stdout", stream := Terminal())
        app(["report", str(runs), instead], standalone_mode=False)
        return max(map(len, COLOUR.sub("", stream.getvalue()).splitlines()))

    asked = [widest(width) for width in WIDTHS]
    monkeypatch.undo()
    assert asked[0] <= 60 < asked[2] <= 200
    monkeypatch.setenv("FORCE_COLOR", "1")  # as continuous integration sets it
    claimed = set()
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", width)
        claimed.add(said("report", str(runs), instead))
    assert len(claimed) == 1
