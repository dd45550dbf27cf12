"""`ldbench leaderboard build` as a user meets it: exit codes, and refusals that name both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.errors import LdbenchError
from ldbench.records import result
from ldbench.records.result import Result
from tests.command_line import called
from tests.report.conftest import RUNS, TASK
from tests.result_files import lay, lay_unreadable

pytestmark = pytest.mark.slow

COMMITTED = Path(__file__).parents[2] / "leaderboards"


def ldbench(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `ldbench leaderboard ...`, an error as `ldbench.cli.main` turns it into a line."""
    done = called("leaderboard", *arguments)
    if isinstance(done.exception, LdbenchError):
        return done.exception.exit_code, f"error: {done.exception}\n"
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.skipif(not (COMMITTED / "results").exists(), reason="no results are committed")
def test_committed_leaderboards_are_what_their_results_make() -> None:
    code, said = ldbench("build", str(COMMITTED / "results"), "--out", str(COMMITTED), "--check")
    assert (code, said.splitlines()[-1]) == (0, f"{COMMITTED}: as the results make it, byte for byte")


def test_build_then_check_then_a_slip(tmp_path: Path) -> None:
    results, boards = lay(tmp_path / "results", RUNS), tmp_path / "boards"
    code, said = ldbench("build", str(results), "--out", str(boards))
    assert (code, said.split()) == (0, [str(boards / f"sandbox-brain-t2i.{end}") for end in ("json", "md")])
    assert ldbench("build", str(results), "--out", str(boards), "--check")[0] == 0
    file = boards / "sandbox-brain-t2i.json"
    slip = file.read_text(encoding="utf-8").replace('"kid"', '"kit"', 1)
    file.write_text(slip, encoding="utf-8")
    code, said = ldbench("build", str(results), "--out", str(boards), "--check")
    assert (code, said) == (1, f'{file}: metrics[1].metric: "kit" there, "kid" by the results\n')
    assert file.read_text(encoding="utf-8") == slip


def other_parameters(one: Result) -> Result:
    scores = [replace(score, parameters={**score.parameters, "resize": "bicubic"}) for score in one.scores]
    return replace(one, scores=scores)


@pytest.mark.parametrize(
    ("change", "first", "second"),
    [
        (lambda one: replace(one, task=replace(TASK, version=2)), "version 1 (text-", "version 2 (text-to-image"),
        (lambda one: replace(one, split_hash="7" * 64), "has 555555555555", "split_hash 777777777777"),
        (other_parameters, "resize=(absent)", 'fid measured with resize="bicubic"'),
    ],
)
def test_results_that_were_not_measured_alike_are_refused_with_both_sides_named(
    change: Callable[[Result], Result], first: str, second: str, tmp_path: Path
) -> None:
    for name, one in (("a", RUNS[0]), ("b", change(RUNS[1]))):
        result.write(one, tmp_path / name / "result.json")
    code, said = ldbench("build", str(tmp_path), "--out", str(tmp_path / "boards"))
    assert code == 2
    assert said.count("\n") == 1
    for part in (first, second, str(tmp_path / "a/result.json"), str(tmp_path / "b/result.json")):
        assert part in said
    assert not (tmp_path / "boards").exists()


def test_a_bad_file_costs_its_own_row_and_a_check_compares_nothing_then(tmp_path: Path) -> None:
    results, boards = lay(tmp_path / "results", RUNS), tmp_path / "boards"
    ldbench("build", str(results), "--out", str(boards))
    before = (boards / "sandbox-brain-t2i.json").read_bytes()
    bad = lay_unreadable(results)
    code, said = ldbench("build", str(results), "--out", str(boards), "--check")
    assert code == 2
    assert [line[:5] for line in said.splitlines()] == ["error"] * 2
    assert "nothing was compared" in said
    code, said = ldbench("build", str(results), "--out", str(boards))
    assert code == 2
    assert str(bad) in said
    assert (boards / "sandbox-brain-t2i.json").read_bytes() == before
