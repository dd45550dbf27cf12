"""The benchmark of scoring, in miniature: it runs, its sides agree, and a value that is not ours ends it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
def test_sides_agree_and_every_value_has_a_row() -> None:
    small = ("--images", "5", "--side", "64", "--peers", "torchmetrics", "lpips")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "scoring.py", *small],
        cwd=BENCHMARKS.parent, env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, filter(None, sys.path)))},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "one after another: " in done.stdout
    assert "values agree within" in done.stdout
    for value in ("fid", "kid", "ssim", "psnr", "lpips"):
        assert sum(f" {value} " in line for line in done.stdout.splitlines() if line.startswith("|")) == 2, value


@pytest.mark.slow
def test_the_cheapest_way_to_every_value_and_a_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    scoring = importlib.import_module("scoring")

    def part(side: str, seconds: float, **values: float) -> object:
        return scoring.Part(side, side, seconds, seconds, values)

    both, one, other = part("both", 5, fid=1.0, kid=2.0), part("one", 2, fid=1.0), part("other", 2, kid=2.0)
    assert scoring.cheapest([both, one, other]) == (one, other)
    assert scoring.cheapest([both, one]) == (both,)
    scoring.check([both], [one, other])
    with pytest.raises(SystemExit, match=r"other: expected kid 2, got 2\.01"):
        scoring.check([both], [one, part("other", 2, kid=2.01)])
