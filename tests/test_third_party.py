"""A distribution of somebody else's with a plug-in of every kind: installed, listed, checked and run for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.in_turn import Ended, in_turn

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parent / "third_party"
PLUGIN = SOURCE / "src" / "ldbench_example_noise" / "__init__.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip has installed the distribution into, with nothing else in it."""
    folder = tmp_path_factory.mktemp("third-party")
    leftovers = shutil.ignore_patterns("*.egg-info", "build", "__pycache__")
    copy = shutil.copytree(SOURCE, folder / "source", ignore=leftovers)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--disable-pip-version-check", "--target", folder / "site", copy], check=True)
    return folder / "site"


def ldbench(site: Path, folder: Path, *lines: list[str]) -> list[Ended]:
    """Command lines in another working directory, with the site on the path."""
    return in_turn(lines, folder, os.environ | {"PYTHONPATH": str(site)})


LISTED = [
    ("models", "example-noise", "text-to-image"),
    ("models", "example-noise-faint", "The same with a third of the noise."),
    ("metrics", "brightness_gap", "lower"),
    ("networks", "example-histogram", "Histogram of grey levels"),
    ("datasets", "example-ward", "Films of a ward"),
    ("estimators", "example-brightness", "of 1"),
]
OF_AGING = "models --task sandbox-brain-aging"


@pytest.fixture(scope="module")
def lists(site: Path) -> dict[str, Ended]:
    """What `ldbench list` says of each kind."""
    kinds = sorted({OF_AGING, *(kind for kind, _, _ in LISTED)})
    return dict(zip(kinds, ldbench(site, site.parent, *(["list", *kind.split()] for kind in kinds)), strict=True))


@pytest.mark.parametrize(("kind", "name", "said"), LISTED)
def test_each_is_listed_with_its_distribution(lists: dict[str, Ended], kind: str, name: str, said: str) -> None:
    assert lists[kind].returncode == 0, lists[kind].stderr
    rows = {line.split()[0]: line for line in lists[kind].stdout.splitlines()}
    assert said in rows[name]
    assert rows[name].endswith("[ldbench-example-noise 0.3.0]")
    assert any(line.endswith("[ldbench 0.1.0]") for line in rows.values())


def test_models_are_listed_by_what_they_can_do(lists: dict[str, Ended]) -> None:
    assert "copy-source" in lists[OF_AGING].stdout
    assert "example-noise" not in lists[OF_AGING].stdout


CARD = """id = "ward-ageing"
version = 1
kind = "aging"
title = "Films, years later"
summary = "A third party's data set, metric, network and estimator on one card."
citation = "none: generated"

[data]
dataset = "example-ward"
revision = "1"
source = "generated"
licence = "none"
split = "by subject"
class_attribute = "finding"
classes = ["clear", "effusion"]

[protocol]
resolution = 64
channels = "grey-as-rgb"
quantisation = "8-bit, round half up"
cases = 6
evaluation_cases = 6
prompt_style = "simple"
patient_information = true
templates = ["A film of a {age} year old, {finding}"]
age_style = "numerical"
backbone = "tiny-sd"

[edit]
attribute = "age"
role = "later"
instructions = ["Age this {source_age} year old to {target_age}"]
region_threshold = 0.02

[metrics.fid]
extractor = "example-histogram"
resize = 8

[metrics.age_error]
estimator = "example-brightness"

[metrics.minimality]

[metrics.brightness_gap]
levels = 100
"""


def films(root: Path) -> None:
    """Sixty patients with two films each; the later one is brighter."""
    random = np.random.default_rng(0)
    for patient in range(60):
        finding = ("clear", "effusion")[patient % 2]
        for age in (50, 60):
            grey = random.normal(90 + age - 50 + 40 * (patient % 2), 4, (64, 64)).clip(0, 255).astype(np.uint8)
            path = root / f"P{patient:02}" / f"{age}_{finding}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(grey).save(path)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(root / "P00" / "notes.png")


@pytest.mark.slow
def test_a_card_that_uses_all_of_them_runs_end_to_end(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(tmp_path / "prepared"))
    films(tmp_path / "films")
    (tmp_path / "ward.toml").write_text(CARD, encoding="utf-8")
    prepared, ran, reported = ldbench(
        site, tmp_path,
        ["data", "prepare", "example-ward", "--root", "films", "--size", "64", "--jobs", "2"],
        ["run", "ward.toml", "copy-source", "oracle"],
        ["report", "runs"],
    )
    assert prepared.returncode == 0, prepared.stderr
    assert "rule name 1" in " ".join(prepared.stdout.split())
    assert ran.returncode == 0, ran.stderr
    copy, oracle = (
        {score["metric"]: score for score in json.loads(path.read_text(encoding="utf-8"))["scores"]}
        for path in sorted(tmp_path.glob("runs/ward-ageing/*/seed-0/result.json"))
    )
    assert list(copy) == ["fid", "age_error", "minimality", "brightness_gap"]
    assert copy["fid"]["extractor"] == "example-histogram"
    assert copy["brightness_gap"]["parameters"]["levels"] == 100
    assert copy["age_error"]["extractor"] == "example-brightness"
    assert copy["minimality"]["value"] == oracle["age_error"]["value"] == 0
    assert 0.02 < copy["age_error"]["value"] < 0.06  # ten grey levels
    assert oracle["brightness_gap"]["value"] > 0
    assert reported.returncode == 0, reported.stderr
    assert "brightness_gap" in reported.stdout
    run = next(tmp_path.glob("runs/ward-ageing/copy-source-*/seed-0"))
    [verified] = ldbench(site, tmp_path, ["verify", str(run), "--task", "ward.toml"])
    assert verified.returncode == 0, verified.stdout + verified.stderr


PASSING = ("example-noise", f"{PLUGIN}:BlurredNoise", "ldbench_example_noise:BlurredNoise")
SET = {"radius=1": None, "radius=wide": "error: --set radius=wide: expected radius: int = 2, got 'wide'",
       "radios=1": "error: unknown parameter of BlurredNoise 'radios': did you mean radius?"}


@pytest.fixture(scope="module")
def checks(site: Path) -> dict[str, Ended]:
    """What the conformance kit says of the generator by every name, of settings, and of one that is broken."""
    broken = site.parent / "broken.py"
    broken.write_text(PLUGIN.read_text().replace(".clamp(0, 1)", ""))
    lines = {name: ["check", name] for name in PASSING}
    lines |= {setting: ["check", "example-noise", "--set", setting] for setting in SET}
    lines["broken"] = ["check", f"{broken}:BlurredNoise", "--set", "strength=9"]
    return dict(zip(lines, ldbench(site, site.parent, *lines.values()), strict=True))


@pytest.mark.parametrize("name", PASSING, ids=["name", "file", "module"])
def test_it_passes_the_conformance_kit_by_name_and_by_file(checks: dict[str, Ended], name: str) -> None:
    assert checks[name].returncode == 0, checks[name].stdout + checks[name].stderr
    assert "FAIL" not in checks[name].stdout
    assert "batch size and order" in checks[name].stdout


@pytest.mark.parametrize("setting", SET)
def test_a_parameter_is_set_and_a_wrong_one_refused(checks: dict[str, Ended], setting: str) -> None:
    done, message = checks[setting], SET[setting]
    assert done.returncode == (0 if message is None else 2)
    if message is not None:
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""


def test_a_generator_that_breaks_the_contract_exits_with_1(checks: dict[str, Ended]) -> None:
    assert checks["broken"].returncode == 1
    assert "FAIL  text-to-image: range: " in checks["broken"].stdout
    assert "expected finite pixels in [0, 1]" in checks["broken"].stdout
    assert checks["broken"].stdout.endswith("10 clauses, 1 broken: text-to-image: range\n")


def test_the_plugin_is_as_short_as_the_readme_promises() -> None:
    assert len(PLUGIN.read_text().splitlines()) < 40
    imports = [line for line in PLUGIN.read_text().splitlines() if "import" in line and "ldbench" in line]
    assert imports == ["from ldbench.api import Context, Generator, Preset, Request, TrainingSet"]
