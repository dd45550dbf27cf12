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
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def copy_of_checkout(target: Path) -> None:
    """The files git would commit, so that building leaves nothing in the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
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
def test_the_wheel_holds_cards_data_backbone_and_nothing_at_top_level(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if ".dist-info" not in top} == {"ldbench", "ldbench_baselines", "ldbench_tasks"}
    needed = {
        "ldbench/py.typed", "ldbench_tasks/sandbox-brain-t2i.toml", "ldbench_tasks/LICENSE-ICBM.txt",
        "ldbench_tasks/prompts/brain-mri.toml", "ldbench_tasks/prompts/chest-x-ray.toml",
        "ldbench_tasks/reported/latent-drifting.toml",
        "ldbench_tasks/sandbox_brain/images.npz", "ldbench_tasks/sandbox_chest/manifest.csv",
        "ldbench_baselines/backbone/tiny-sd/SHA256SUMS", "ldbench_baselines/backbone/tiny-sd/model_index.json",
        "ldbench_baselines/backbone/tiny-sd/unet/diffusion_pytorch_model.safetensors",
    }
    assert needed <= set(names)
    packages = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "ldbench").rglob("*.py")}
    assert packages <= {str(Path(name).parent) for name in names}


@pytest.mark.slow
def test_the_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    script = (
        "import ldbench, torch; from pathlib import Path; from ldbench import card;"
        "from ldbench.data.task_data import task_data; from ldbench_baselines.latent_diffusion import load_backbone;"
        f"assert Path(ldbench.__file__).is_relative_to(Path(r'{target}'));"
        "print(len(task_data(card.load('sandbox-brain-t2i'), 0).cases));"
        "print(load_backbone('tiny-sd', torch.device('cpu')).latent_shape((3, 64, 64)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(target)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["600", "(4, 16, 16)"]
