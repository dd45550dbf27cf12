"""Scores in full float32 on a GPU, whatever the process has set before; settings that can be looked at without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ldbench.score.arithmetic import full_float32, tf32_operations


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    switches = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
    before = [switch.fp32_precision for switch in switches]
    yield
    for switch, precision in zip(switches, before, strict=True):
        switch.fp32_precision = precision


def test_nothing_is_rounded_inside_and_all_is_as_before_after_it() -> None:
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert tf32_operations() == ["convolutions", "matrix products"]
    with pytest.raises(ZeroDivisionError), full_float32():
        assert tf32_operations() == []
        raise ZeroDivisionError
    assert tf32_operations() == ["convolutions", "matrix products"]


def test_what_torch_rounds_of_itself_is_told() -> None:
    """Its own defaults: convolutions alone."""
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    assert tf32_operations() == ["convolutions"]
