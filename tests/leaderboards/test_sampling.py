"""The study of drift: cells are made once and read again, and drift is paired by seed with the same without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from PIL import Image

from leaderboards import sampling_table
from leaderboards.sampling_cells import drift_changes, read_scores
from leaderboards.sampling_table import drawn_from

from ..conftest import cheap_card

ROOT = Path(__file__).parents[2]


def call(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"leaderboards.{script}", *map(str, arguments)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))  # the card's network is in tests
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)


Table = Callable[..., tuple[object, str, str]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Table:
    """Calls the program that makes tables of cells: its exit code, and what it prints."""

    def call_it(*arguments: object) -> tuple[object, str, str]:
        code: object = 0
        monkeypatch.setattr(sys, "argv", ["sampling_table", *map(str, arguments)])
        try:
            sampling_table.main()
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return call_it


def cell(seed: int, value: float, fit: dict[str, str], sampling: dict[str, str]) -> dict[str, Any]:
    scores = {"viewed_fid": [value, value - 1, value + 1]}
    return {"task": "t", "model": "m", "fit": fit, "sampling": sampling, "seed": seed, "scores": scores}


def write(folder: Path, cells: list[dict[str, Any]]) -> None:
    (folder / "scores.jsonl").write_text("".join(json.dumps(one) + "\n" for one in cells), encoding="utf-8")


def test_a_drift_is_paired_with_none_by_seed_and_drawn(tmp_path: Path, table: Table) -> None:
    pndm = {"sampler": "pndm"}
    gains = (1.0, 2.0, 3.0)
    none = [cell(seed, 50.0 + 10 * seed, {"delta": "0"}, pndm) for seed in range(3)]
    leak = [
        cell(seed, 50.0 + 10 * seed - gain, {"delta": "0"}, pndm | {"delta_sample": "signal-leak"})
        for seed, gain in enumerate(gains)
    ]
    write(tmp_path, [*none, *leak, cell(0, 49.0, {"delta": "0.1"}, pndm)])
    code, out, err = table(tmp_path, "--figure", tmp_path / "gain.png")
    assert code == 0, err
    heading, _, row = out.splitlines()
    assert heading == r"|  | viewed\_fid without | 0 → signal-leak | 0.1 → 0.1 | seeds |"
    # mean -2, standard deviation 1: half-width 4.3027 / sqrt(3) = 2.484, so zero lies within
    assert row == r"| t m sampler=pndm | 60.00 | -2.0 \[-4.5, 0.5\] | -1.0 | 1-3 |"
    assert (tmp_path / "gain.png").stat().st_size > 1000


def test_settings_stand_in_the_order_of_their_numbers(tmp_path: Path, table: Table) -> None:
    write(tmp_path, [cell(0, 50.0, {"delta": delta, "steps": steps}, {})
                     for steps in ("1150", "50", "250") for delta in ("0", "0.1")])
    code, out, err = table(tmp_path)
    assert code == 0, err
    assert [line.split(" |")[0] for line in out.splitlines()[2:]] == ["| steps=50", "| steps=250", "| steps=1150"]


@pytest.mark.parametrize("name", ["samplers", "little"])
def test_committed_cells_that_are_paired_are_of_one_device(name: str) -> None:
    devices: dict[str, set[str]] = {}
    for line in read_scores(ROOT / "leaderboards/drift" / name):
        fit = {key: value for key, value in line["fit"].items() if key != "delta"}
        sampling = {key: value for key, value in line["sampling"].items() if key != "delta_sample"}
        devices.setdefault(json.dumps([line["task"], fit, sampling, line["seed"]]), set()).add(line["device"])
    assert {len(found) for found in devices.values()} == {1}


def test_a_seed_on_a_gpu_is_that_on_a_cpu_as_the_page_says() -> None:
    def values(name: str) -> dict[str, list[float]]:
        return {
            json.dumps([line[key] for key in ("task", "model", "fit", "sampling", "seed")], sort_keys=True):
            line["scores"]["viewed_fid"] for line in read_scores(ROOT / "leaderboards/drift" / name)
        }

    on_cpu, on_gpu = values("samplers"), values("devices")
    pairs = [(on_cpu[cell], on_gpu[cell][0]) for cell in on_gpu]
    shares = [abs(other - one[0]) / one[0] for one, other in pairs]
    halves = [abs(other - one[0]) / ((one[2] - one[1]) / 2) for one, other in pairs]
    page = (ROOT / "docs/measurements/gpu.md").read_text(encoding="utf-8")
    assert f"({len(pairs)}\ncells, `leaderboards/drift/devices`)" in page
    assert f"{100 * fmean(shares):.1f} % on average and {100 * max(shares):.1f} % at most" in page
    assert round(fmean(halves), 2) == 0.25
    assert f"and {max(halves):.2f} of it at most" in page


def test_the_committed_figure_was_drawn_from_the_committed_cells() -> None:
    found = drift_changes(read_scores(ROOT / "leaderboards/drift/samplers"))
    with Image.open(ROOT / "docs/images/drift-gain.png") as figure:
        assert figure.info.get("Source") == drawn_from(found, "viewed_fid"), "see leaderboards/drift.sh"


@pytest.mark.parametrize("cells", [[], [cell(0, 50.0, {}, {})]], ids=["none", "no drift"])
def test_cells_without_a_pair_are_refused_in_one_line(
    tmp_path: Path, table: Table, cells: list[dict[str, Any]]
) -> None:
    write(tmp_path, cells)
    code, out, err = table(tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("error: expected cells with drift and without")


def test_the_study_of_the_page_asks_for_every_sampler_and_drift(tmp_path: Path) -> None:
    """`drift.sh` with a stand-in for Python that writes down its arguments, an argument a line."""
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" --- "$@" >> {tmp_path}/asked\n', encoding="utf-8")
    stand_in.chmod(0o755)
    subprocess.run(["sh", str(ROOT / "leaderboards/drift.sh"), str(stand_in), "0,1", str(tmp_path / "out")], check=True)
    calls = [call.split("\n")[1:-1] for call in (tmp_path / "asked").read_text(encoding="utf-8").split("---")[1:]]
    *studies, table = calls
    assert table[:3] == ["-m", "leaderboards.sampling_table", str(tmp_path / "out/samplers")]
    assert len(studies) == 2 * (1 + 2 * 3)
    for study in studies:
        words = [dict(word.split("=") for word in one.split()) for one in study if "=" in one]
        assert {one["delta"] for one in words if "delta" in one} == {"0", "0.1"}
        assert {one["delta_sample"] for one in words if "delta_sample" in one} == {"0", "0.05", "0.1", "signal-leak"}


@pytest.mark.slow
def test_cells_are_made_once(tmp_path: Path) -> None:
    card = cheap_card(tmp_path)
    arguments = (card, "mean-image", "--metrics", "kid", "--seeds", "0,1", "--out", tmp_path / "out")
    first = call("sampling_study", *arguments)
    assert first.returncode == 0, first.stderr
    lines = [json.loads(line) for line in (tmp_path / "out/scores.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["seed"], list(line["scores"])) for line in lines] == [(0, ["kid"]), (1, ["kid"])]
    assert len(first.stdout.splitlines()) == 2
    again = call("sampling_study", *arguments)
    assert (again.returncode, again.stdout) == (0, "")
