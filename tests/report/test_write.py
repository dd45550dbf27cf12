"""Result folders to printed or written leaderboards."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ldbench.board import leaderboard
from ldbench.board.gather import board_set, fold, read_boards
from ldbench.errors import ResultError, UnknownNameError
from ldbench.records import result as result_file
from ldbench.records.identity import Found
from ldbench.records.result import Result
from ldbench.report.rebuild import rebuild
from ldbench.report.run_pictures import copy_pictures
from ldbench.report.write import report, show, with_metrics
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings

from ..conftest import cheap_card
from .conftest import TASK


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    for model in ("real", "mean-image"):
        run(str(cheap_card(folder)), model, Settings(folder / "runs"))
    return folder / "runs"


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "runs")


def test_formats_are_printed_or_written_one_file_a_task(runs: Path, tmp_path: Path) -> None:
    assert "| mean-image" in report(read_boards([runs]), "markdown", None)
    said = report(read_boards([runs]), "json", tmp_path / "boards")
    assert said == f"{tmp_path / 'boards/small.json'}\n"
    board = leaderboard.read(tmp_path / "boards/small.json")
    assert {row.model.name for row in board.rows} == {"real", "mean-image"}
    target = io.StringIO()
    show(read_boards([runs]), Console(file=target, width=90))
    assert "mean-image" in target.getvalue()


@pytest.mark.parametrize("form", ["terminal", "markdown", "csv", "json", "latex", "latex-tabular"])
def test_a_report_replaces_its_own_files_and_no_others(form: str, runs: Path, tmp_path: Path) -> None:
    boards, out = read_boards([runs]), tmp_path / "boards"
    path = Path(report(boards, form, out).strip())
    first = path.read_bytes()
    alone = read_boards(sorted(runs.rglob("result.json"))[:1])
    assert report(alone, form, out) == report(boards, form, out) == f"{path}\n"
    assert path.read_bytes() == first
    for baseline in (path, out) if form == "json" else ():
        with pytest.raises(ResultError, match=r"got one that `ldbench report` reads .*; choose another --out"):
            report(boards, form, out, baseline=baseline)
    path.write_text("Our own notes\n", encoding="utf-8")
    shutil.rmtree(out / "images", ignore_errors=True)
    with pytest.raises(ResultError, match=rf"{path}: expected a file of `ldbench report` or none, got another; move"):
        report(boards, form, out)
    assert path.read_text(encoding="utf-8") == "Our own notes\n"
    assert list(out.iterdir()) == [path]


def test_the_metrics_of_a_report_can_be_chosen(results: list[Found]) -> None:
    boards = board_set(results)
    latex = report(with_metrics(boards, ["kid"]), "latex", None)
    assert r"kid $\downarrow$" in latex
    assert r"fid $\downarrow$" not in latex
    assert with_metrics(boards, ()) is boards
    with pytest.raises(UnknownNameError, match="'kdi': did you mean kid"):
        with_metrics(boards, ["kdi"])


def test_a_report_is_rebuilt_byte_for_byte(runs: Path) -> None:
    files = sorted(runs.rglob("result.json"))
    assert report(read_boards(files), "json", None) == report(read_boards(files[::-1]), "json", None)


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match=r"expected a result\.json below it"):
        report(read_boards([tmp_path / "empty"]), "markdown", None)


def test_markdown_files_embed_the_pictures_that_lie_beside_the_results(runs: Path, tmp_path: Path) -> None:
    sheets = {path.parent.parent.name.rpartition("-")[0]: path for path in runs.rglob("samples.png")}
    (sheets["real"].parent / "edits.png").write_bytes(b"edits come first")
    report(read_boards([runs]), "markdown", tmp_path / "boards")
    text = (tmp_path / "boards/small.md").read_text(encoding="utf-8")
    plain = report(read_boards([runs]), "markdown", None)
    assert text.startswith(plain)
    links = re.findall(r"^!\[(.*)\]\((images/.*)\)$", text[len(plain):], flags=re.MULTILINE)
    assert sorted(links) == [
        ("mean-image", "images/small--mean-image.png"), ("real", "images/small--real.png"),
    ]
    shown = {name: (tmp_path / "boards" / link).read_bytes() for name, link in links}
    assert shown == {"mean-image": sheets["mean-image"].read_bytes(), "real": b"edits come first"}


def test_without_pictures_markdown_files_are_what_is_printed(runs: Path, tmp_path: Path) -> None:
    for sheet in runs.rglob("samples.png"):
        sheet.unlink()
    report(read_boards([runs]), "markdown", tmp_path / "boards")
    text = (tmp_path / "boards/small.md").read_text(encoding="utf-8")
    assert text == report(read_boards([runs]), "markdown", None)
    assert not (tmp_path / "boards/images").exists()


@pytest.fixture
def pictured(results: list[tuple[str, Result]], tmp_path: Path) -> list[Found]:
    """The results with a picture beside each, that tells its place."""
    found = [(str(tmp_path / path), result) for path, result in results]
    for path, _ in found:
        Path(path).parent.mkdir()
        Path(path).with_name("samples.png").write_bytes(path.encode())
    return found


def test_names_that_a_link_cannot_hold_are_spelled_apart(pictured: list[Found], tmp_path: Path) -> None:
    links = copy_pictures(pictured, fold(pictured)[TASK.id], tmp_path / "out")
    assert {"basic-ft-ld (delta=0.1)", "basic-ft-ld (delta=0.0)", "basic-ft", "oracle †"} < links.keys()
    assert len(set(links.values())) == len(links) == 7  # not the failed one, not the paper's
    assert all(re.fullmatch(r"images/[A-Za-z0-9._-]+\.png", link) for link in links.values())
    assert (tmp_path / "out" / links["sd"]).read_bytes() == pictured[3][0].encode()


def test_the_picture_is_that_of_the_lowest_seed_that_has_one(pictured: list[Found], tmp_path: Path) -> None:
    for seed, (path, result) in enumerate(pictured[4:6]):
        assert (result.model.name, result.seed) == ("basic-ft", seed)
        links = copy_pictures(pictured[::-1], fold(pictured)[TASK.id], tmp_path / "out")
        assert (tmp_path / "out" / links["basic-ft"]).read_bytes() == path.encode()
        Path(path).with_name("samples.png").unlink()
    assert "basic-ft" not in copy_pictures(pictured, fold(pictured)[TASK.id], tmp_path / "out")


def test_a_file_in_place_of_the_folder_for_pictures_is_one_line(runs: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    with pytest.raises(ResultError, match="can't"):
        report(read_boards([runs]), "markdown", taken)
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_task_of_any_name_stays_in_the_folder(results: list[tuple[str, Result]], tmp_path: Path) -> None:
    task = replace(TASK, id="../../escaped")
    result_file.write(replace(results[0][1], task=task), tmp_path / "runs" / "result.json")
    (path,) = report(read_boards([tmp_path / "runs"]), "json", tmp_path / "a/b/boards").split()
    assert Path(path).parent == tmp_path / "a/b/boards"
    built = rebuild(read_boards([tmp_path / "runs"]).boards, tmp_path / "a/b/boards")
    assert {file.parent for file in built} == {Path(path).parent}
    assert {each.name for each in tmp_path.iterdir()} == {"runs", "a"}
    begun = tmp_path / "runs/small/a/seed-0/run.json"
    begun.parent.mkdir(parents=True)
    begun.write_text('{"task": "small", "model": "a", "seed": 0}', encoding="utf-8")
    assert [one.task for one in read_boards([tmp_path / "runs"]).unfinished] == ["small"]
