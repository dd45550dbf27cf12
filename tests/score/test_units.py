"""The lists of a run's units: metrics whose jackknives have different numbers of groups share no list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.api import Measured
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import MetricError
from ldbench.records import units as units_file
from ldbench.score.units import units_of
from ldbench.task import card
from tests.command_line import said
from tests.conftest import small_card

NETWORK = 'extractor = "tests.stand_ins.pooled:POOLED"\nresize = 16\n'
METRICS = f"[metrics.fid]\n{NETWORK}[metrics.vendi]\n{NETWORK}[metrics.kid]\n{NETWORK}"
CARD = """
id = "own"
version = 1
kind = "text-to-image"
title = "Own"
summary = "Few scans."
citation = "none"

[data]
dataset = "mine"
revision = "1"
source = "made up"
licence = "CC0"
split = "by subject"
class_attribute = "diagnosis"
classes = ["CN", "AD"]

[protocol]
resolution = 16
channels = "grey-as-rgb"
quantisation = "8-bit, round half up"
cases = 30
evaluation_cases = 30
prompt_style = "simple"
patient_information = false
template_set = "brain-mri"
backbone = "tiny-sd"
seeds = [0]

[protocol.words.diagnosis]
CN = "CN"
AD = "AD"

"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    return task_data(card.load(str(small_card(tmp_path_factory.mktemp("units"), metrics=METRICS))), 0)


def score(metric: str, **contributions: int) -> Measured:
    parts = {kind: np.linspace(-1, 1, count) for kind, count in contributions.items()}
    return Measured(metric, 1.0, 0.0, 2.0, 8, "higher" if metric == "vendi" else "lower", contributions=parts)


@pytest.mark.parametrize(("fid", "vendi"), [(12, 20), (20, 12), (12, 12), (20, 20), (7, 3)])
def test_each_number_of_groups_has_a_list_and_the_usual_one_keeps_its_name(
    fid: int, vendi: int, small: TaskData, tmp_path: Path
) -> None:
    units = units_of(small, [score("fid", groups=fid), score("vendi", groups=vendi), score("kid", cases=8)], {})
    units_file.write(units, tmp_path / "units.json")
    assert units_file.read(tmp_path / "units.json") == units
    named = {count: "groups" if count == 20 else f"groups-{count}" for count in (fid, vendi)}
    assert set(units.ids) == {"cases", *named.values()}
    assert set(units.metrics["fid"].by_unit) == {named[fid]}
    assert {name: len(ids) for name, ids in units.ids.items() if name != "cases"} == {
        name: count for count, name in named.items()
    }
    assert units.subjects == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (score("kid", cases=7), r"small: kid: expected one contribution for each of 8 cases, got 7; this is a defect"),
        (score("kid", pixels=7), r"small: kid: expected contributions of cases, scans or groups, got 'pixels'; this"),
        (score("kid", back=7), r"small: kid: expected contributions of cases, scans or groups, got 'back'; this"),
    ],
)
def test_contributions_of_no_unit_are_a_defect(wrong: Measured, message: str, small: TaskData) -> None:
    with pytest.raises(MetricError, match=message):
        units_of(small, [wrong], {})


@pytest.mark.slow
def test_twelve_real_and_thirty_generated_images_are_run_reported_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, lines = np.random.default_rng(0), ["image,subject,diagnosis"]
    for n in range(80):
        Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(tmp_path / f"{n}.png")
        lines.append(f"{n}.png,person{n},{'AD' if n % 2 else 'CN'}")
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "own.toml").write_text(CARD + METRICS, encoding="utf-8")
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    said(
        "data", "prepare", "folder", "--csv", "m.csv", "--root", ".", "--name", "mine", "--size", 16, "--jobs", 1,
        "--fractions", "0.6,0.1,0.3", "--test-per-class", 6,
    )
    for model in ("real", "copies"):
        said("run", "own.toml", model, "--seed", 0, "--device", "cpu")
    [run] = (tmp_path / "runs" / "own").glob("real*/seed-0")
    units = units_file.read(run / "units.json")
    assert {name: len(ids) for name, ids in units.ids.items() if name.startswith("groups")} == {
        "groups": 20, "groups-12": 12
    }
    assert "real" in said("report", "runs", "--format", "markdown")
    assert "equal" in said("verify", run, "--task", "own.toml")
