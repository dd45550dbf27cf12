"""The cards that docs/clinical.md has its readers write: rows of the paper's tables, and viewing conditions to try."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ldbench.plugins.kinds import METRICS
from ldbench.task import card
from ldbench.task.card import Task

from .markdown_blocks import ROOT, blocks

ROWS = {  # prompt style, patient information, age style
    "brain-aging-word": ("simple", True, "word"),
    "brain-aging-binned": ("simple", True, "binned"),
    "brain-t2i-plain": ("simple", False, None),
    "brain-t2i-diverse": ("diverse", True, None),
    "brain-t2i-diverse-plain": ("diverse", False, None),
    "brain-disease-plain": ("simple", False, None),
    "brain-disease-diverse-plain": ("diverse", False, None),
}


def written(mark: str, folder: Path) -> dict[str, Task]:
    """The cards that the page's only script with this mark writes, by the names of their files."""
    (script,) = [block.text for block in blocks(ROOT / "docs/clinical.md") if mark in block.text]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["sh", "-euc", script], cwd=folder, check=True, env={**os.environ, "PATH": path})
    made = {path.stem: card.load(str(path)) for path in folder.glob("*.toml")}
    assert all(task.id == name for name, task in made.items())
    return made


def test_the_variants_are_the_rows_that_no_installed_card_is(tmp_path: Path) -> None:
    made = written("variant()", tmp_path)
    assert {
        name: (task.protocol.prompt_style, task.protocol.patient_information, task.protocol.age_style)
        for name, task in made.items()
    } == ROWS
    for task in made.values():
        cases = 60 if task.kind == "aging" else 600 if "auc" in task.metrics else 200
        assert (task.protocol.cases, task.data.dataset) == (cases, "adni1+oasis3")
        assert ("intra_fid" if task.edit and task.edit.role is None else "fid") in task.metrics
        if not (task.edit or task.protocol.patient_information):  # no image was asked for by its class
            asked = [name for name in task.metrics if METRICS.load(name).axis in ("condition", "utility")]
            assert (asked, task.judge) == ([], None)


def test_the_candidates_for_viewing_conditions_are_led_by_a_distance_under_them(tmp_path: Path) -> None:
    made, base = written("seen()", tmp_path), card.load("chest-t2i")
    assert len({(task.viewing.blur, task.viewing.noise) for task in made.values() if task.viewing}) == len(made) == 16
    for task in made.values():
        assert dict(task.metrics) == {**base.metrics, "viewed_fid": base.metrics["fid"]}
        assert next(name for name in task.metrics if METRICS.load(name).axis == "fidelity") == "viewed_fid"
        assert (task.judge, task.data) == (base.judge, base.data)
