"""The clinical cards on stand-ins in the owners' formats: prepared by the command, then run, in small.

What is smaller than on the real thing: the images, the cases, the backbone, and Inception's numbers, which are random.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from ldbench import card
from ldbench.card_file import complete, installed_text
from ldbench.cli import app
from ldbench.data.task_data import task_data
from ldbench.errors import LdbenchError

from .stand_ins.adni1 import write_adni1
from .stand_ins.chexpert import write_chexpert
from .stand_ins.oasis3 import write_oasis3

SMALL = ("--size", "64", "--jobs", "1", "--fractions", "0.4,0.1,0.5")


def said(*command: str) -> str:
    """What a command prints; it must end well."""
    shown = CliRunner().invoke(app, list(command))
    assert shown.exit_code == 0, f"{shown.output}\n{shown.exception!r}"
    return shown.output


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the three prepared data sets, as LDBENCH_DATA names it."""
    root, data = tmp_path_factory.mktemp("owners"), tmp_path_factory.mktemp("prepared")
    sources = {
        "oasis3": write_oasis3(root / "oasis3", 30), "adni1": write_adni1(root / "adni1", 24),
        "chexpert": write_chexpert(root / "chexpert", 160),
    }
    for name, folder in sources.items():
        said("data", "prepare", name, "--root", str(folder), "--out", str(data / name), "--test-per-class", "2", *SMALL)
    return data


@pytest.fixture(autouse=True)
def _own_data(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(prepared))


def small(base: str, folder: Path) -> Path:
    """A clinical card in small: as the installed one but for sizes, backbone and the networks that need weights."""
    table = complete(installed_text(base), base) | {"id": f"{base}-small"}
    table["protocol"] |= {"resolution": 64, "backbone": "tiny-sd", "cases": 4, "evaluation_cases": 4}
    for name, metric in table["metrics"].items():
        networks = {"inception-v3": ("efficientnet-lite0", 224), "lpips-alex": ("stlpips-alex", None)}
        if metric.get("extractor") in networks:
            metric["extractor"], resize = networks[metric["extractor"]]
            metric |= {"resize": resize} if resize else {}
        metric |= {"cases": 2} if "cases" in metric else {}
        metric |= {"epochs": 1, "margin_epochs": 1} if name == "auc" else {}
    if "judge" in table:
        table["judge"]["epochs"] = 1
    if base == "chest-disease":  # one scan without a finding can't be turned into each of three
        del table["metrics"]["target_auc"]
    path = folder / f"{base}.toml"
    path.write_text(as_toml(table), encoding="utf-8")
    return path


def as_toml(table: dict[str, Any], name: str = "") -> str:
    """A table as TOML, its own values first."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    parts = ["\n".join(([f"[{name}]"] if name else []) + lines)]
    parts += [as_toml(value, f"{name}.{key}".strip(".")) for key, value in table.items() if isinstance(value, dict)]
    return "\n".join(parts) + "\n"


BRAINS = ("brain-t2i", "brain-aging", "brain-disease")
CHESTS = ("chest-t2i", "chest-disease")


@pytest.mark.slow
@pytest.mark.parametrize("base", [*BRAINS, *CHESTS])
def test_a_clinical_card_hands_out_what_was_prepared(base: str, tmp_path: Path) -> None:
    data = task_data(card.load(str(small(base, tmp_path))), 0)
    assert len(data.cases) == 4
    splits = {record.id: record.split for record in data.dataset.records}
    assert all(splits[data.train[index].id] == "train" for index in range(len(data.train)))
    for case in data.cases:
        assert splits[case.id] == ("train" if base.endswith("t2i") else "test")
        assert (case.source is None) == base.endswith("t2i")
    assert (data.truth is None) == (base != "brain-aging")
    assert data.split_hash() != task_data(card.load("sandbox-brain-t2i"), 0).split_hash()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "model"),
    [("brain-t2i", "sd-ld"), ("brain-aging", "copy-source"), ("brain-aging", "other-subject"),
     ("brain-disease", "sdedit"), ("chest-t2i", "sd"), ("chest-disease", "copy-source")],
)
def test_a_clinical_card_runs_from_prepared_data_to_a_result(base: str, model: str, tmp_path: Path) -> None:
    path, out = small(base, tmp_path), tmp_path / "runs"
    settings = ["--set", "start=sd", "--set", "sampling_steps=2"] if model == "sdedit" else []
    settings = ["--set", "sampling_steps=2"] if model.startswith("sd-") or model == "sd" else settings
    said("run", str(path), model, "--out", str(out), *settings)
    (result,) = out.rglob("result.json")
    record = json.loads(result.read_text(encoding="utf-8"))
    wanted = card.load(str(path)).metrics.names()
    assert [score["metric"] for score in record["scores"]] == wanted
    assert record["split_hash"] == task_data(card.load(str(path)), 0).split_hash()
    text = result.read_text(encoding="utf-8")
    assert not any(owner in text for owner in ("OAS3", "patient0", "_S_0"))  # no owner's id leaves


@pytest.mark.slow
def test_an_image_that_changed_stops_the_run(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(prepared, tmp_path / "copy")
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "copy"))
    data = task_data(card.load(str(small("chest-t2i", tmp_path))), 0)
    for image in (tmp_path / "copy" / "chexpert" / "images").glob("*.png"):
        image.write_bytes(image.read_bytes()[:-1] + b"\0")
    with pytest.raises(LdbenchError, match="SHA-256"):
        torch.stack([data.train[index].image for index in range(3)])


def test_without_prepared_data_one_line_says_which_command_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "nowhere"))
    shown = CliRunner().invoke(app, ["run", "chest-t2i", "sd", "--out", str(tmp_path / "runs")])
    assert isinstance(shown.exception, LdbenchError)
    assert "ldbench data prepare chexpert" in str(shown.exception)
