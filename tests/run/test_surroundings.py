"""A run in a caller's process: it finds torch as new, and leaves all as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ldbench.run.surroundings import caller_kept
from ldbench.testing.surroundings import states

CPU = torch.device("cpu")


def process() -> list[object]:
    """What torch and the sources of random numbers say of themselves."""
    return [
        states(), torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"),
        torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
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


def test_tf32_that_the_caller_allows_is_allowed_inside(tf32_allowed: None) -> None:
    with caller_kept(CPU):
        assert torch.get_float32_matmul_precision() == "high"
