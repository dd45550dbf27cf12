"""A distribution of somebody else's: installed for real, listed, checked and loaded by the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def ldbench(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in another working directory, with the site on the path."""
    return subprocess.run(
        [sys.executable, "-m", "ldbench", *arguments], cwd=folder, env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_is_listed_with_its_distribution_beside_the_built_in_ones(site: Path, tmp_path: Path) -> None:
    done = ldbench(site, tmp_path, "list", "models")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["example-noise"] == ["ldbench-example-noise", "0.3.0"]
    assert rows["basic-ft-ld"][0] == "ldbench"


@pytest.mark.slow
def test_it_passes_the_conformance_kit_by_name_and_by_file(site: Path, tmp_path: Path) -> None:
    for name in ("example-noise", f"{PLUGIN}:BlurredNoise", "ldbench_example_noise:BlurredNoise"):
        done = ldbench(site, tmp_path, "check", name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "FAIL" not in done.stdout
        assert "batch size and order" in done.stdout


@pytest.mark.slow
def test_a_parameter_is_set_and_a_wrong_one_refused(site: Path, tmp_path: Path) -> None:
    assert ldbench(site, tmp_path, "check", "example-noise", "--set", "radius=1").returncode == 0
    for setting, message in (
        ("radius=wide", "error: --set radius=wide: expected radius: int = 2, got 'wide'"),
        ("radios=1", "error: unknown parameter of BlurredNoise 'radios': did you mean radius?"),
    ):
        done = ldbench(site, tmp_path, "check", "example-noise", "--set", setting)
        assert done.returncode == 2
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""


def test_a_generator_that_breaks_the_contract_exits_with_2(site: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(PLUGIN.read_text().replace(".clamp(0, 1)", ""))
    done = ldbench(site, tmp_path, "check", f"{broken}:BlurredNoise", "--set", "strength=9")
    assert done.returncode == 2
    assert "FAIL  text-to-image: range: " in done.stdout
    assert "expected finite pixels in [0, 1]" in done.stdout
    assert done.stdout.endswith("10 clauses, 1 broken: text-to-image: range\n")


def test_the_plugin_is_as_short_as_the_readme_promises() -> None:
    assert len(PLUGIN.read_text().splitlines()) < 40
    imports = [line for line in PLUGIN.read_text().splitlines() if "import" in line and "ldbench" in line]
    assert imports == ["from ldbench.api import Context, Generator, Request, TrainingSet"]
