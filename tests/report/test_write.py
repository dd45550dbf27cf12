"""Result folders to printed or written leaderboards."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ldbench import leaderboard
from ldbench.errors import ResultError, UnknownNameError
from ldbench.report.write import report_paths, show
from ldbench.run import Settings, run

from ..conftest import small_card


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for model in ("real", "mean-image"):
        run(str(small_card(tmp_path)), model, Settings(tmp_path / "runs"))
    return tmp_path / "runs"


def test_formats_are_printed_or_written_one_file_a_task(runs: Path, tmp_path: Path) -> None:
    assert "| mean-image" in report_paths([runs], "markdown", None)
    said = report_paths([runs], "json", tmp_path / "boards")
    assert said == f"{tmp_path / 'boards/small.json'}\n"
    board = leaderboard.read(tmp_path / "boards/small.json")
    assert {row.model.name for row in board.rows} == {"real", "mean-image"}
    target = io.StringIO()
    show([runs], Console(file=target, width=90))
    assert "mean-image" in target.getvalue()


def test_a_report_is_rebuilt_byte_for_byte(runs: Path) -> None:
    files = sorted(runs.rglob("result.json"))
    assert report_paths(files, "json", None) == report_paths(files[::-1], "json", None)


def test_nothing_to_report_and_an_unknown_format_are_refused(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match=r"expected a result\.json below it"):
        report_paths([tmp_path / "empty"], "markdown", None)
    with pytest.raises(UnknownNameError, match="markdwon"):
        report_paths([runs], "markdwon", None)
