"""Scores in full float32 on a GPU, trainings with one order of sums, whatever was set before: settings that can be
looked at without a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from ldbench.score.arithmetic import deterministic, full_float32, tf32_operations

CUDNN: Any = torch.backends.cudnn
PRODUCTS: Any = torch.backends.cuda.matmul
OF_CPU: Any = torch.backends.mkldnn
SWITCHES = (CUDNN.conv, CUDNN.rnn, PRODUCTS, OF_CPU.matmul)


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    before = [switch.fp32_precision for switch in SWITCHES]
    yield
    CUDNN.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    for switch, precision in zip(SWITCHES, before, strict=True):
        switch.fp32_precision = precision


def settings() -> list[object]:
    """All settings as they can be read, newer and older ones."""

    def older(read: Callable[[], object]) -> object:
        try:
            return read()
        except RuntimeError:
            return "unreadable"

    return [
        *(switch.fp32_precision for switch in SWITCHES), older(lambda: CUDNN.allow_tf32),
        older(lambda: PRODUCTS.allow_tf32), older(torch.get_float32_matmul_precision),
    ]


def set_older(convolutions: bool, products: str) -> None:
    CUDNN.allow_tf32 = convolutions
    torch.set_float32_matmul_precision(products)


def set_newer(convolutions: str, products: str) -> None:
    CUDNN.conv.fp32_precision, PRODUCTS.fp32_precision = convolutions, products


@pytest.mark.parametrize(
    "choose",
    [
        lambda: None, lambda: set_older(False, "highest"), lambda: set_older(False, "high"),
        lambda: set_older(True, "medium"), lambda: set_newer("ieee", "tf32"), lambda: set_newer("tf32", "ieee"),
        lambda: (set_older(True, "high"), set_newer("ieee", "ieee")),
        lambda: (set_older(False, "highest"), set_newer("tf32", "tf32")),
    ],
)
def test_older_settings_can_be_read_inside_and_all_are_as_before_after_it(choose: Callable[[], object]) -> None:
    choose()
    before = settings()
    with full_float32():
        assert (CUDNN.allow_tf32, PRODUCTS.allow_tf32) == (False, False)
        assert torch.get_float32_matmul_precision() == "highest"
        with CUDNN.flags(enabled=True, allow_tf32=False):
            assert tf32_operations() == []
        assert tf32_operations() == []
    assert settings() == before


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


MEMORY: Any = torch.utils.deterministic


def order_of_sums() -> tuple[bool, ...]:
    """All settings that decide it, and whether new tensors are filled meanwhile."""
    return (
        torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
        CUDNN.benchmark, MEMORY.fill_uninitialized_memory,
    )


def fail_inside() -> None:
    with deterministic("cuda"):
        raise ZeroDivisionError


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("asked", [(False, False), (True, False), (True, True)])
def test_a_gpu_sums_in_one_order_inside_and_as_before_after_it(
    filled: bool, asked: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CUDNN, "benchmark", True)
    monkeypatch.setattr(MEMORY, "fill_uninitialized_memory", filled)
    torch.use_deterministic_algorithms(asked[0], warn_only=asked[1])
    try:
        before = order_of_sums()
        with deterministic("cpu"):
            assert order_of_sums() == before
        with deterministic(torch.device("cuda:0")):
            assert order_of_sums() == (True, True, False, False)
        assert order_of_sums() == before
        with pytest.raises(ZeroDivisionError):
            fail_inside()
        assert order_of_sums() == before
    finally:
        torch.use_deterministic_algorithms(False)


def test_inside_no_new_tensor_costs_a_kernel_that_fills_it() -> None:
    def kernels() -> set[str]:
        with torch.profiler.profile() as profile:
            torch.empty(8)
        return {event.key for event in profile.key_averages()}

    with deterministic("cuda"):
        assert not {"aten::fill_"} & kernels()
        MEMORY.fill_uninitialized_memory = True
        assert {"aten::fill_"} & kernels()
    assert MEMORY.fill_uninitialized_memory
