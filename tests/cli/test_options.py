"""What commands share: one option means one thing, and results are read from where runs are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ldbench.cli.main import app
from ldbench.errors import ResultError, UsageError
from tests.command_line import called
from tests.report.gate.conftest import BASELINE
from tests.result_files import lay

# the same everywhere; of the rest --out, say, is a folder here and a file there
ONE_MEANING = {
    "--device", "--batch-size", "--seeds", "--measured-only", "--tolerance", "--allow-missing", "--junit", "--summary",
    "results", "task", "model",
}


def options(command: Any, name: str = "ldbench") -> Iterator[tuple[str, str, str]]:
    """Command, option or argument, and help, of all commands."""
    for sub, child in getattr(command, "commands", {}).items():
        yield from options(child, f"{name} {sub}")
    for item in command.params:
        yield name, item.opts[0], item.help or ""


EVERY = list(options(typer.main.get_command(app)))


@pytest.mark.parametrize("option", sorted(ONE_MEANING))
def test_an_option_has_one_help(option: str) -> None:
    helps = {help_ for command, name, help_ in EVERY if name == option and " data " not in command}
    assert len(helps) == 1, helps
    assert helps != {""}


@pytest.mark.parametrize("command", [["report"], ["compare"], ["gate", "--against", "runs"]])
def test_without_a_path_results_are_read_from_runs(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = called(*command).exception
    assert isinstance(missing, UsageError)
    assert str(missing) == (
        "expected result files or folders, got none, and no folder runs here, where `ldbench run` writes; name what "
        "to read"
    )
    Path("runs").mkdir()
    empty = called(*command).exception
    assert isinstance(empty, ResultError)
    assert str(empty).startswith("runs: expected a result.json below it, got none")


def test_what_a_run_wrote_is_reported_without_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay(Path("runs"), BASELINE)
    for command in (["report"], ["compare"]):
        assert called(*command).output == called(*command, "runs").output != ""


def test_published_rows_alone_need_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = called("report", "--reported", "chest-t2i").output
    assert shown.startswith("chest-t2i (text-to-image; reported rows alone)\n")
