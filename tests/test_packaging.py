"""A wheel built from the sdist installs and runs outside the checkout, with cards, data and backbone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# and their folders
PACKAGES = {
    "ldbench": "ldbench", "ldbench_baselines": "baselines", "ldbench_sandbox": "sandbox", "ldbench_tasks": "tasks",
}
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def committed(folder: str = ".") -> list[str]:
    """The files that git would commit below a folder of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", folder],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_of_checkout(target: Path) -> None:
    """What git would commit, so that building leaves nothing in the checkout."""
    for name in committed():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def build(step: str, source: Path, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, step, str(out)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    copy_of_checkout(folder / "checkout")
    sdist = build("build_sdist", folder / "checkout", folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return build("build_wheel", next((folder / "unpacked").iterdir()), folder)


@pytest.mark.slow
def test_the_wheel_holds_every_module_card_template_and_weight_and_nothing_at_top_level(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if ".dist-info" not in top} == set(PACKAGES)
    for package, folder in PACKAGES.items():
        shipped = {f"{package}/{name.partition('/')[2]}" for name in committed(folder)}
        assert len(shipped) > 20
        assert shipped - names == set(), "add them to packages or package-data in pyproject.toml"


@pytest.mark.slow
def test_the_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    script = (
        "import ldbench, torch; from pathlib import Path; from ldbench.task import card;"
        "from ldbench.data.task_data import task_data;"
        "from ldbench_baselines.diffusion.latent_diffusion import load_backbone;"
        f"assert Path(ldbench.__file__).is_relative_to(Path(r'{target}'));"
        "print(len(task_data(card.load('sandbox-brain-t2i'), 0).cases));"
        "print(load_backbone('tiny-sd', torch.device('cpu')).latent_shape((3, 64, 64)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(target)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["600", "(4, 32, 32)"]
