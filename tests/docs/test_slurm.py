"""The SLURM recipe of the guide, under a stand-in for SLURM: what a cluster's machines did is what one process does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.board.gather import collect as read_results
from ldbench.run.collect.contradictions import answer
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import cheap_card
from tests.markdown_blocks import ROOT, blocks
from tests.run.matrix.conftest import SLOW

GUIDE = ROOT / "docs/guides/running.md"
RECIPE = ROOT / "docs/guides/matrix.sbatch"
BIN = ROOT / "tests/stand_ins/slurm"


def edited(**changes: str) -> str:
    """The recipe with other lists and options, as its reader edits it."""
    text = RECIPE.read_text(encoding="utf-8")
    for name, value in changes.items():
        pattern, new = (rf"^{name}=\(.*\)", f"{name}=({value})")
        if name in ("array", "cpus_per_task"):
            option = f"#SBATCH --{name.replace('_', '-')}="
            pattern, new = f"^{option}.*$", option + value
        text, count = re.subn(pattern, lambda _, new=new: new, text, flags=re.MULTILINE)
        assert count == 1
    return text


def shell(commands: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BIN), str(Path(sys.executable).parent), os.environ["PATH"]])
    python = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))  # the card's network is a test's
    return subprocess.run(
        ["bash", "-euc", commands], cwd=folder, capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, "PATH": path, "PYTHONPATH": python, "SLURM_STATE": str(folder / "state"), **environment},
    )  # fmt: skip


def commands() -> str:
    """The guide's commands: the array, then what waits for it."""
    [block] = [block.text for block in blocks(GUIDE) if "sbatch" in block.text]
    return block


@pytest.mark.slow
def test_a_preempted_array_is_collected_to_what_one_process_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = str(cheap_card(tmp_path, cases=4))
    slow = f'"{SLOW} --set pause=2 --batch-size 2"'
    recipe = edited(array="0-1", cpus_per_task="1", tasks=card, models=f"mean-image {slow}", seeds="0")
    (tmp_path / "matrix.sbatch").write_text(recipe, encoding="utf-8")
    done = shell(commands(), tmp_path, PREEMPT="1 runs/task-1/*/*/seed-0/images/*.png")
    log = (tmp_path / "job-1.log").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr + log
    assert "task 1 preempted" in log
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    single = Settings(tmp_path / "single", batch_size=2, overrides={"pause": "2"})
    results = [run(card, "mean-image", replace(single, overrides={})), run(card, SLOW, single)]
    collected = [answer(result) for _, result in read_results([tmp_path / "runs/all"])]
    assert sorted(collected) == sorted(answer(result) for result, _ in results)


def test_an_array_that_is_longer_than_the_lists_is_refused(tmp_path: Path) -> None:
    done = shell(f"sbatch --parsable --array=6 {RECIPE}", tmp_path)
    said = (tmp_path / "job-6.log").read_text(encoding="utf-8")
    assert said == "task 6: expected --array=0-5, as the lists make 6 runs\n"
    assert (tmp_path / "state" / done.stdout.strip()).read_text(encoding="utf-8") == "1\n"


def test_the_array_of_the_recipe_has_a_task_a_run() -> None:
    text = RECIPE.read_text(encoding="utf-8")
    lists = [re.search(rf"^{name}=\((.*?)\)", text, flags=re.MULTILINE) for name in ("tasks", "models", "seeds")]
    count = 1
    for found in lists:
        assert found is not None
        count *= len(found[1].split())
    assert f"#SBATCH --array=0-{count - 1}\n" in text
