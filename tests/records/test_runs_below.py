"""Which runs below a folder count, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.records.runs_below import counts, files_below, or_its_ablation


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


def test_files_are_those_of_runs_that_count(tmp_path: Path) -> None:
    inside = tmp_path / "ablation/brain/ours-1/seed-0/result.json"
    inside.parent.mkdir(parents=True)
    assert or_its_ablation([tmp_path]) == ""
    inside.touch()
    assert files_below(tmp_path, inside.name) == []
    assert or_its_ablation([tmp_path]) == ", or name its ablation/ itself"
    assert files_below(tmp_path / "ablation", inside.name) == [inside]
