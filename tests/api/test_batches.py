"""Batches that are halved where memory runs out: every row once, in order, whatever fits."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Batches, out_of_memory
from ldbench.errors import UsageError

RAN_OUT = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia.com"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
)
OTHERS = (
    "CUDA error: device-side assert triggered", "CUDA error: an illegal memory access was encountered",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "mat1 and mat2 shapes cannot be multiplied",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "ALLOC_FAILED", "out of memory", "CUDA error: unknown error\nout of memory",
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
)


def limited(fits: int, sizes: list[int], error: Exception = RAN_OUT[0]) -> Callable[[slice], list[int]]:
    """Work that gives its rows back and that has memory for so many of them."""

    def work(rows: slice) -> list[int]:
        sizes.append(rows.stop - rows.start)
        if sizes[-1] > fits:
            raise error
        return list(range(rows.start, rows.stop))

    return work


@given(st.integers(0, 40), st.integers(1, 20), st.integers(1, 25), st.sampled_from(RAN_OUT))
def test_every_row_is_done_once_and_in_order(count: int, size: int, fits: int, error: Exception) -> None:
    sizes: list[int] = []
    batches = Batches("work", size)
    results = batches.run(count, limited(fits, sizes, error))
    assert [row for rows in results for row in rows] == list(range(count))
    assert all(len(rows) <= min(size, fits) for rows in results)
    assert len(sizes) - len(results) <= size.bit_length()  # attempts in vain: one a halving


def test_what_did_not_fit_once_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    sizes: list[int] = []
    batches, work = Batches("decode", 8), limited(3, sizes)
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        batches.run(8, work)
        batches.run(4, work)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 2]
    assert caplog.messages == [
        "decode: out of memory with 8 at a time, goes on with 4",
        "decode: out of memory with 4 at a time, goes on with 2",
    ]


def test_one_row_that_does_not_fit_is_the_devices_error() -> None:
    sizes: list[int] = []
    with pytest.raises(torch.OutOfMemoryError, match="Tried to allocate"):
        Batches("work", 3).run(3, limited(0, sizes))
    assert sizes == [3, 1]


@given(st.sampled_from(OTHERS) | st.text(), st.sampled_from([RuntimeError, torch.AcceleratorError]))
def test_other_errors_pass_at_once(text: str, kind: type[RuntimeError]) -> None:
    sizes: list[int] = []
    with pytest.raises(kind) as caught:
        Batches("work", 4).run(4, limited(0, sizes, kind(text)))
    assert str(caught.value) == text
    assert sizes == [4]


def test_an_error_of_another_kind_is_none_of_a_device() -> None:
    with pytest.raises(ZeroDivisionError):
        Batches("work", 4).run(4, lambda rows: rows.stop // rows.start)
    assert not any(out_of_memory(kind("CUDA error: out of memory")) for kind in (ValueError, MemoryError))


def test_the_machine_may_ask_for_fewer_at_a_time_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LDBENCH_IMAGES_AT_ONCE", "3")
    sizes: list[int] = []
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        Batches("decode", 8).run(7, limited(8, sizes))
        Batches("read", 2).run(2, limited(8, sizes))
    assert sizes == [3, 3, 1, 2]
    assert caplog.messages == ["decode: 3 at a time and not 8, as LDBENCH_IMAGES_AT_ONCE says"]
    for wrong in ("0", "-1", "few"):
        monkeypatch.setenv("LDBENCH_IMAGES_AT_ONCE", wrong)
        with pytest.raises(UsageError, match=f"LDBENCH_IMAGES_AT_ONCE: expected a whole number, .* got '{wrong}'"):
            Batches("decode", 8)
