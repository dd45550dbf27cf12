"""The cards that docs/clinical.md has its readers write are the rows of the paper's Tables 2 to 4."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ldbench.task import card

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


def test_the_variants_are_the_rows_that_no_installed_card_is(tmp_path: Path) -> None:
    (script,) = [block.text for block in blocks(ROOT / "docs/clinical.md") if "variant()" in block.text]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, env={**os.environ, "PATH": path})
    made = {path.stem: card.load(str(path)) for path in tmp_path.iterdir()}
    assert {
        name: (task.protocol.prompt_style, task.protocol.patient_information, task.protocol.age_style)
        for name, task in made.items()
    } == ROWS
    for name, task in made.items():
        assert task.id == name
        cases = 60 if task.kind == "aging" else 600 if "auc" in task.metrics else 200
        assert (task.protocol.cases, task.data.dataset) == (cases, "adni1+oasis3")
        assert ("intra_fid" if task.edit and task.edit.role is None else "fid") in task.metrics
