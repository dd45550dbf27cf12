"""Every method on the pretended device: it fits, samples, shows its trajectory, and how often the host waits for it.

What a real device refuses is refused there too: operations over two devices, of two types of numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.made_once import MadeOnce
from tests.stand_ins.backbone import save_random_backbone

ROOT = Path(__file__).parents[2]
ROWS = (
    "sd-ld", "basic-ft-ld", "lora-ld", "textual-inversion-ld", "custom-diffusion-ld", "dreambooth-ld", "sdedit-ld",
    "pix2pix-zero-ld", "instruct-pix2pix-ld", "instruct-pix2pix-cd-ld", "instruct-pix2pix-ft-ld", "autoencoder",
    "basic-ft=float16",
)
# Copies to the device from ordinary memory: for each of these the host waits. A training step has none; in sampling one
# is the drift's, and whitening sends the offsets of all its rolls.
MOST_A_TRAINING_STEP = 0
MOST_A_SAMPLING_STEP = {"basic-ft=float16": 2, "pix2pix-zero-ld": 7}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counted(library: Path, made_once: MadeOnce) -> dict[str, dict[str, Any]]:
    """What each row asked of the device, from one process."""

    def count(folder: Path) -> None:
        backbone = save_random_backbone(folder / "backbone")  # the same layers as the shipped one's, fewer of each
        run = subprocess.run(
            [sys.executable, "-m", "tests.pretend_gpu.rows", str(library), str(backbone), *ROWS], cwd=ROOT,
            capture_output=True, text=True, timeout=900, check=False,
        )
        assert run.returncode == 0, run.stderr[-2000:]
        (folder / "lines").write_text(run.stdout, encoding="utf-8")

    lines = (made_once.folder("counted", count) / "lines").read_text(encoding="utf-8").splitlines()
    return {line["row"]: line for line in map(json.loads, lines)}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_runs_on_a_gpu(row: str, counted: dict[str, dict[str, Any]]) -> None:
    found = counted[row]
    assert "error" not in found, found["error"]
    assert (found["device"], found["dtype"], found["shape"]) == ("cuda", "torch.float32", [3, 3, 64, 64])
    assert found["moments"] == 2
    assert not found["autocast"]
    assert found["network"] == ["torch.float16" if row.endswith("=float16") else "torch.bfloat16"]


@pytest.mark.parametrize("row", ROWS)
def test_the_host_waits_seldom(row: str, counted: dict[str, dict[str, Any]]) -> None:
    found = counted[row]
    assert sum(found["step_waits"].values()) <= MOST_A_TRAINING_STEP, found["step_waits"]
    one, two = found["sampling"]
    assert two - one <= MOST_A_SAMPLING_STEP.get(row, 3)


def test_the_device_counts_and_refuses(library: Path) -> None:
    program = f"""
from pathlib import Path
from tests.pretend_gpu import guard
guard.load(Path({str(library)!r}))
import torch
from tests.pretend_gpu.device import DEVICE, Meter, install, leave
install()
with Meter() as meter:
    x = torch.zeros(1000, device=DEVICE)
    print(meter.current, meter.waits.total())
    y = x + x
    print(meter.current, meter.peak, float(y.sum()))
    print(sum(meter.waits.values()), type(y.cpu()).__name__, meter.waits.total(), y.device)
    host = torch.full((1000,), float("nan")).copy_(y)
    print(bool(host.isfinite().all()))
    del x
    print(meter.current, meter.peak)
    meter.reset()
    try:
        y + torch.zeros(1000)
    except RuntimeError as error:
        print("refused", "device" in str(error))
    w = torch.ones(3, requires_grad=True, device=DEVICE)
    (w * 2).sum().backward()
    print(w.grad.device)
leave()
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.stdout.splitlines() == [
        "4096 0", "8192 8192 0.5", "1 Tensor 2 cuda:0", "True", "4096 8704", "refused True", "cuda:0",
    ], run.stderr[-2000:]
