"""The prepared script in small, on the CPU: every stage runs, a page is written, and a second try has nothing to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu_day import markdown, run_and_show, stages
from benchmarks.stages import FAILED, Outcome, Record, Stage

ROOT = Path(__file__).parents[2]
# takes the script's arguments and its number of steps, of a layer's training
SCRIPT = """
import sys
import torch

steps = int(sys.argv[sys.argv.index("--max_train_steps") + 1])
layer = torch.nn.Linear(2, 2)
optimiser = torch.optim.AdamW(layer.parameters())
for _ in range(steps):
    layer(torch.ones(1, 2)).sum().backward()
    optimiser.step()
"""


def day(out: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SMALL": "1", "OUT": str(out), "PYTHON": sys.executable, **variables}
    return subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu_day.sh"), *words], env=environment, capture_output=True, text=True,
        timeout=1600, check=False,
    )


@pytest.mark.slow
def test_the_day_in_small(tmp_path: Path) -> None:
    examples, out = tmp_path / "examples", tmp_path / "out"
    (examples / "text_to_image").mkdir(parents=True)
    (examples / "text_to_image/train_text_to_image.py").write_text(SCRIPT, encoding="utf-8")
    only = ("--only", "layouts", "tests", "basic-ft", "lora", "generation", "fid")
    done = day(out, *only, EXAMPLES=str(examples), SECONDS_LEFT="1500")
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((out / "gpu_day.json").read_text(encoding="utf-8"))["stages"]
    assert {name: stage["outcome"] for name, stage in record.items()} == {
        "layouts": "ok", "tests": "ok", "basic-ft": "ok", "generation": "ok", "lora": "left out", "fid": "ok",
    }
    assert record["basic-ft"]["figures"]["rows"][0]["images/s, ours"] > 0
    assert record["generation"]["figures"]["rows"][0]["grey levels apart, at most"] <= 1
    assert "| ldbench |" in (out / "gpu_day.md").read_text(encoding="utf-8")
    (again := tmp_path / "again").mkdir()
    day(again, *only, BEFORE=str(out / "gpu_day.json"))
    repeated = json.loads((again / "gpu_day.json").read_text(encoding="utf-8"))["stages"]
    assert {name: repeated[name] for name in record if name != "lora"} == {
        name: record[name] for name in record if name != "lora"
    }
    assert not (again / "gpu_day.log").exists()
    assert "| ldbench |" in (again / "gpu_day.md").read_text(encoding="utf-8")


def test_without_the_scripts_fine_tuning_is_left_out_and_the_backbone_is_for_a_gpu(tmp_path: Path) -> None:
    small, large = ({stage.name: stage for stage in stages(None, tmp_path, small)} for small in (True, False))
    assert "no dreambooth/train_dreambooth.py in EXAMPLES" in small["dreambooth"].lacks
    assert large.keys() - small.keys() == {"backbone"}
    assert "--large" in large["basic-ft"].command
    assert "--large" not in small["basic-ft"].command
    assert list(large)[:3] == ["tests", "run", "layouts"]
    assert sum(stage.limit for stage in large.values()) > 0


def test_the_page_is_there_before_the_next_stage_ends(tmp_path: Path) -> None:
    python = [sys.executable, "-S", "-c"]
    record = Record(tmp_path / "day.json", {"device": "a card"})
    page = f"print(open({str(tmp_path / 'day.md')!r}).read())"
    chosen = [Stage("first", [*python, "pass"], 60), Stage("second", [*python, page], 60)]
    run_and_show(chosen, record, time.monotonic() + 120, os.environ)
    assert any(line.startswith("| first | ok |") for line in record.outcomes["second"].said)
    assert "| second | ok |" in (tmp_path / "day.md").read_text(encoding="utf-8")


def test_the_page_has_a_table_of_figures_and_the_words_of_what_failed(tmp_path: Path) -> None:
    record = Record(tmp_path / "day.json", {"device": "a card"})
    rows = [{"method": "lora", "images/s": 12.3456}, {"method": "basic-ft", "ratio": 2.0}]
    record.outcomes = {
        "good": Outcome("ok", 3.2, "python x", {"settings": "64 px", "rows": rows}),
        "bad": Outcome(FAILED, 1.0, "python y", None, ["Traceback", "ValueError: no"]),
    }
    lines = list(markdown(record))
    assert "| device | a card |" in lines
    assert "| bad | failed | 1 |" in lines
    start = lines.index("| method | images/s | ratio |")
    assert lines[start + 1 : start + 4] == ["|---|---|---|", "| lora | 12.35 |  |", "| basic-ft |  | 2 |"]
    assert lines[-4:] == ["```", "Traceback", "ValueError: no", "```"]


def test_the_script_asks_for_its_folder() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OUT"}
    done = subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu_day.sh")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "expected OUT, the folder for the results" in done.stderr
