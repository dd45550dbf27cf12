"""Scores that a CUDA device computes are the CPU's, whatever arithmetic a program before had asked for."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.api import Generator
from ldbench.plugins.generators import load_generator
from ldbench.records import result as results
from ldbench.score.metrics.lpips import lpips_values
from ldbench.score.networks.features import extract
from ldbench.score.networks.inception_v3 import WEIGHTS
from ldbench.testing import assert_generator
from tests.conftest import cheap_card
from tests.stand_ins.networks import write_alexnet, write_inception

pytestmark = pytest.mark.gpu
CLOSE = 1e-4  # float32 sums in another order, through a network's layers


@pytest.fixture
def images() -> torch.Tensor:
    coarse = torch.rand((6, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, size=(128, 128), mode="bicubic").clamp(0, 1)
    return (smooth * 255).round() / 255


@pytest.mark.usefixtures("tf32_allowed")
def test_features_and_distances_are_the_cpus_also_where_tf32_was_allowed(
    images: torch.Tensor, device: torch.device, tmp_path: Path
) -> None:
    inception, alexnet = tmp_path / WEIGHTS.name, tmp_path / "alexnet.pth"
    write_inception(inception)
    write_alexnet(alexnet)
    pinned, network = (
        f"{name}@sha256:{sha256(path.read_bytes()).hexdigest()[:16]}"
        for name, path in (("lpips-alex", alexnet), ("inception-v3", inception))
    )
    features, distances = zip(*(
        (
            extract(images, network, weights=inception, device=where),
            lpips_values(images[:3], images[3:], extractor=pinned, alexnet=alexnet, device=where),
        )
        for where in ("cpu", device)
    ), strict=True)
    assert np.abs(features[0] - features[1]).max() <= CLOSE * np.abs(features[0]).max()
    assert np.allclose(distances[0], distances[1], rtol=10 * CLOSE)


def test_a_run_on_the_device_says_so_and_its_images_score_as_on_the_cpu(device: torch.device, tmp_path: Path) -> None:
    found = [run(tmp_path, name) for name in ("cpu", "cuda:0")]
    assert found[1].environment.device == torch.cuda.get_device_name(device)
    assert {stage.name for stage in found[1].stages} == {"fit", "generate", "score"}
    on_cpu, on_gpu = ({score.metric: score for score in one.scores} for one in found)
    assert on_cpu.keys() == on_gpu.keys()
    for name, score in on_cpu.items():
        width = score.ci_high - score.ci_low
        assert abs(on_gpu[name].value - score.value) <= 0.25 * width, name


def run(tmp_path: Path, device: str) -> results.Result:
    """The untuned backbone with two sampling steps in float32, through the command line."""
    place = tmp_path / device.replace(":", "-")
    place.mkdir()
    words = ["run", str(cheap_card(place)), "sd", "--device", device, "--out", str(place / "runs")]
    sets = ("--set", "precision=float32", "--set", "sampling_steps=2", "--set", "sampler=ddim")
    done = subprocess.run(
        [sys.executable, "-m", "ldbench", *words, *sets], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return results.read(next((place / "runs").glob("*/*/*/result.json")))


@pytest.mark.parametrize("name", ["basic-ft", "lora-ld"])
def test_the_contract_holds_on_the_device(name: str, device: torch.device) -> None:
    generator: type[Generator] = load_generator(name)
    assert_generator(generator(steps=2, sampling_steps=2), device=str(device), backbone="tiny-sd")  # type: ignore[call-arg]
