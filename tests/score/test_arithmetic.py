"""Scores in full float32 on a GPU, whatever the process has set before; settings that can be looked at without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ldbench.score.arithmetic import full_float32, tf32_operations

CUDNN: Any = torch.backends.cudnn


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    switches = (CUDNN.conv, torch.backends.cuda.matmul)
    before = [switch.fp32_precision for switch in switches]
    yield
    for switch, precision in zip(switches, before, strict=True):
        switch.fp32_precision = precision


def test_nothing_is_rounded_inside_and_all_is_as_before_after_it() -> None:
    CUDNN.conv.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert tf32_operations() == ["convolutions", "matrix products"]
    with full_float32():
        assert tf32_operations() == []
    assert tf32_operations() == ["convolutions", "matrix products"]


def test_what_torch_rounds_of_itself_is_told() -> None:
    """Its own defaults: convolutions alone."""
    CUDNN.conv.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    assert tf32_operations() == ["convolutions"]
