"""Runs that have no result: named by their folders alone."""

from __future__ import annotations

from pathlib import Path

from ldbench.records.files import write_json
from ldbench.records.result import ModelRef, Result, TaskRef, write
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import note_beginning, unfinished_below

CARD, MODEL = TaskRef("small", 2, "aging", "c" * 64), ModelRef("noise", "ldbench", "0.1.0")


def begun(root: Path, seed: int = 0) -> RunFolder:
    folder = RunFolder.of(root, CARD.id, MODEL, seed)
    write_json(folder.state, {"task": CARD.id, "model": MODEL.name, "seed": seed})
    return folder


def test_a_line_says_how_far_why_and_what_goes_on(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    note_beginning(folder, "ldbench run small noise --seed 0", 8)
    for name in "ab":
        folder.image(name).parent.mkdir(exist_ok=True)
        folder.image(name).touch()
    (found,) = unfinished_below([tmp_path, folder.path])
    assert found.line == (
        "Not finished: noise, small, seed 0: 2 of 8 images; stopped without an error (interrupted or killed); "
        "goes on with `ldbench run small noise --seed 0`"
    )
    folder.error.write_text("Noise: out of luck\n\nTraceback", encoding="utf-8")
    (found,) = unfinished_below([tmp_path])
    assert "2 of 8 images; Noise: out of luck; goes on" in found.line
    with folder.claimed():
        (found,) = unfinished_below([tmp_path])
    assert found.line.endswith(f"2 of 8 images; a process is at work in {folder.path}")
    write(Result(CARD, MODEL, "measured", [], seed=0), folder.result)
    assert unfinished_below([tmp_path]) == []


def test_a_folder_of_an_older_version_and_other_files_of_that_name(tmp_path: Path) -> None:
    folder = begun(tmp_path, 3)
    for name, text in {"cut": "{", "other": "[]", "another": '{"name": "x"}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text, encoding="utf-8")
    (found,) = unfinished_below([tmp_path])
    assert "noise, small, seed 3: 0 images;" in found.line
    assert found.line.endswith(f"goes on with `the command that began {folder.path}`")
