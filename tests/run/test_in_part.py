"""Some metrics of a run: it counts nowhere until it is completed, and is then what it would have been at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import unfinished_below
from ldbench.run import in_part
from ldbench.run.collect.merge import plan
from ldbench.run.context import RunContext
from ldbench.run.pipeline import carried_out
from ldbench.run.submission.pack import pack
from ldbench.run.verify import verify
from tests.command_line import called, said
from tests.stand_ins.toy_simulator import card as toy_card

MODEL = "tests.stand_ins.disc_generators:Honest"


def run(card: Path, out: Path, *options: str) -> list[str]:
    return said("run", card, MODEL, "--device", "cpu", "--out", out, *options).splitlines()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_card(tmp_path_factory.mktemp("card"))


def folder_of(out: Path) -> RunFolder:
    [state] = out.rglob("seed-0/run.json")
    return RunFolder(state.parent)


def kept(folder: RunFolder) -> dict[str, bytes]:
    """What a run leaves of its images and their scores, but for what says when it was and how long it took."""
    files = [folder.units, folder.subgroups, folder.manifest, *sorted(folder.path.rglob("*.png"))]
    return {file.relative_to(folder.path).as_posix(): file.read_bytes() for file in files}


def test_a_run_in_part_is_completed_from_what_is_kept_as_if_it_had_been_whole_at_once(
    tmp_path: Path, card: Path
) -> None:
    *scores, last = run(card, tmp_path / "in-part", "--metric", "minimality,psnr")
    assert [line.split()[0] for line in scores] == ["psnr", "minimality"]  # as on the card
    folder = folder_of(tmp_path / "in-part")
    assert last == f"{folder.path}: no result, as metrics were chosen; the same command without --metric completes it"
    times = {path: path.stat().st_mtime_ns for path in folder.path.rglob("images/*.png")}
    assert len(times) == 24 + 4 + 4  # those of the further passes, too
    assert run(card, tmp_path / "in-part", "--metric", "psnr")[0].split() == scores[0].split()
    completed = run(card, tmp_path / "in-part")
    assert {path: path.stat().st_mtime_ns for path in times} == times  # none was made again
    assert completed[:-1] == run(card, tmp_path / "at-once")[:-1]
    whole = folder_of(tmp_path / "at-once")
    assert kept(folder) == kept(whole)
    ours, theirs = folder.read(), whole.read()
    assert len(ours.scores) == 4
    assert (ours.scores, ours.images_hash, ours.note) == (theirs.scores, theirs.images_hash, theirs.note)
    *of_finished, path = run(card, tmp_path / "in-part", "--metric", "psnr")
    assert (of_finished[0].split(), path) == (completed[0].split(), str(folder.result))


def test_nothing_takes_a_run_in_part_for_a_whole_one(tmp_path: Path, card: Path) -> None:
    out = tmp_path / "runs"
    run(card, out, "--metric", "psnr")
    folder = folder_of(out)
    assert not any(file.exists() for file in (folder.result, folder.units, folder.subgroups))
    [begun] = unfinished_below([out])
    assert "24 of 24 images; scored by psnr alone; goes on with `ldbench run" in begun.line
    assert "--metric" not in begun.line
    for words in (("report", out), ("compare", out), ("leaderboard", "build", out, "--out", tmp_path / "boards")):
        assert called(*words).exit_code != 0
    with pytest.raises(ResultError, match=r"make them. Not finished: .* scored by psnr alone; goes on with `ldbench"):
        plan([out], tmp_path / "all")
    whole = "got no result.json; finish the run there with `ldbench run` without --metric, or name its own folder"
    with pytest.raises(ResultError, match=whole):
        verify(folder.path)
    with pytest.raises(ResultError, match=whole):
        pack(folder.path, tmp_path / "archive.zip")


def test_a_run_that_another_process_completes_meanwhile_has_each_score_once(
    tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "runs"

    def carried_out_and_completed(*given: Any) -> RunContext:
        context = carried_out(*given)
        run(card, out)
        return context

    monkeypatch.setattr(in_part, "carried_out", carried_out_and_completed)
    scored, path = run(card, out, "--metric", "psnr")
    assert (scored.split()[0], path) == ("psnr", str(folder_of(out).result))


def test_what_no_card_has_and_what_needs_a_whole_result_is_refused_before_anything_is_made(
    tmp_path: Path, card: Path
) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown metric of discs.* 'psrn': did you mean psnr"):
        run(card, tmp_path / "runs", "--metric", "psrn")
    with pytest.raises(UsageError, match="--metric: expected no --fresh beside it"):
        run(card, tmp_path / "runs", "--metric", "psnr", "--fresh", "7")
    assert "scores: psnr alone, and no result" in run(card, tmp_path / "runs", "--metric", "psnr", "--dry-run")
    assert not (tmp_path / "runs").exists()
