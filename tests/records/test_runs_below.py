"""Which runs below a folder count, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.records.runs_below import counts, or_its_ablation, runs_below


@pytest.mark.parametrize(
    ("below", "run", "counted"),
    [
        ("runs", "runs/brain/ours-1/seed-0", True),
        ("runs", "runs/ablation/brain/ours-1/seed-0", False),
        (".", "runs/ablation/scored/brain/ours-1/seed-0", False),
        ("runs/ablation", "runs/ablation/brain/ours-1/seed-0", True),
        ("runs", "runs/ablation/ours-1/seed-0", True),  # a task of that name
        ("runs/brain/ours-1/seed-0", "runs/brain/ours-1/seed-0", True),
    ],
)
def test_the_runs_of_an_ablation_count_below_its_own_folder_alone(below: str, run: str, counted: bool) -> None:
    assert counts(Path(run), Path(below)) is counted


def test_runs_are_those_that_count(tmp_path: Path) -> None:
    inside = tmp_path / "ablation/brain/ours-1/seed-0/result.json"
    inside.parent.mkdir(parents=True)
    assert or_its_ablation([tmp_path]) == ""
    inside.touch()
    assert list(runs_below(tmp_path)) == []
    assert or_its_ablation([tmp_path]) == ", or name its ablation/ itself"
    assert list(runs_below(tmp_path / "ablation")) == [inside.parent]


@pytest.mark.parametrize("name", ["result.json", "run.json"])
def test_runs_are_found_behind_links_and_around_a_file_of_that_name_but_in_no_run(name: str, tmp_path: Path) -> None:
    out, scratch = tmp_path / "runs", tmp_path / "scratch"
    own, moved = out / "brain/ours-1/seed-0", scratch / "ours-1/seed-0"
    for folder in (own, moved, own / "fit" / "half", own / "fit-1", own / "null", own / "images"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (out / "chest").symlink_to(scratch)
    (scratch / "back").symlink_to(out)
    behind = out / "chest/ours-1/seed-0"
    assert list(runs_below(out)) == [own, behind]
    (out / name).touch()
    assert list(runs_below(out)) == [out, own, behind]
