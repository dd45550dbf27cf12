"""A run in a caller's process: it finds torch as new, and leaves all as it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.run.surroundings import caller_kept, states_kept
from ldbench.testing.surroundings import states
from tests.markdown_blocks import ROOT

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def process() -> list[object]:
    """What torch and the sources of random numbers say of themselves."""
    return [
        states(), torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"),
        torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(), Path.cwd(),
    ]


def disturb() -> None:
    """What generators do that keep no contract."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the legacy state is what is put back
    torch.manual_seed(1)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_default_dtype(torch.float16)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("high")
    os.chdir("/")


@pytest.mark.parametrize("fails", [False, True])
def test_all_is_put_back(fails: bool) -> None:
    before = process()
    try:
        with caller_kept(CPU):
            disturb()
            assert process() != before
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert process() == before


def test_a_run_finds_no_mode_of_the_caller() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            before = process()
            with caller_kept(CPU):
                weight = torch.ones(2, 2, requires_grad=True)
                product = weight @ weight
                product.sum().backward()
                assert (product.dtype, product.is_inference()) == (torch.float32, False)
                assert weight.grad is not None
            assert process() == before
    finally:
        torch.set_default_dtype(torch.float32)


def choices() -> list[object]:
    """What of torch's settings decides values."""
    backends: Any = torch.backends
    switches = [backends, backends.cudnn, backends.cudnn.conv, backends.cuda.matmul, backends.mkldnn.matmul]
    return [
        *(switch.fp32_precision for switch in switches), torch.are_deterministic_algorithms_enabled(),
        backends.cudnn.enabled, backends.cudnn.benchmark, backends.cudnn.deterministic, backends.mkldnn.enabled,
        torch.get_default_dtype(), torch.get_default_device(), torch.is_anomaly_enabled(),
    ]


NEW = """
import torch
from tests.run.test_surroundings import choices
print(choices())
"""


@pytest.mark.parametrize("asked", ["0", "1"])
def test_a_run_finds_torch_as_a_new_process_would(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", asked)
    new = subprocess.run([sys.executable, "-c", NEW], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with caller_kept(CPU):
        disturb()
        backends: Any = torch.backends
        torch.set_float32_matmul_precision("medium")
        backends.fp32_precision, backends.cudnn.enabled, backends.mkldnn.enabled = "tf32", False, False
        torch.set_default_device("meta")
        torch.autograd.set_detect_anomaly(True)
        before = choices()
        with caller_kept(CPU):
            assert f"{choices()}\n" == new
            disturb()
            torch.set_default_device("meta")
        assert choices() == before
    assert torch.get_default_device() == CPU


@pytest.mark.parametrize("inside", [None, "cpu", "meta"])
def test_the_default_device_is_the_cpu_inside_and_that_of_before_after_it(inside: str | None) -> None:
    for of_block in (False, True):
        with torch.device("meta") if of_block else nullcontext():
            torch.set_default_device(None if of_block else "meta")
            try:
                with caller_kept(CPU):
                    assert torch.zeros(1).device == CPU
                    torch.set_default_device(inside)
                assert torch.zeros(1).device.type == "meta"
            finally:
                torch.set_default_device(None)
        assert torch.zeros(1).device == CPU


@pytest.mark.parametrize(("device", "in_use", "forked"), [("cpu", False, 0), ("cpu", True, 3), ("cuda:1", False, 3)])
def test_random_states_of_all_gpus_are_kept_where_one_is_in_use(
    device: str, in_use: bool, forked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[int]()

    def forking(devices: Sequence[int]) -> AbstractContextManager[None]:
        seen.extend(devices)
        return nullcontext()

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.random, "fork_rng", forking)
    with states_kept(torch.device(device)):
        assert seen == [*range(forked)]


def test_what_is_as_in_a_new_process_already_imports_no_compiler() -> None:
    program = (
        "import sys, torch\nfrom ldbench.run.surroundings import caller_kept\n"
        "with caller_kept(torch.device('cpu')): pass\n"
        "print([name for name in sys.modules if name.startswith('torch._inductor')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
