"""A step's memory serves the next step."""

from __future__ import annotations

import resource
import sys

import pytest
import torch
from ldbench_baselines.fitting.heap import kept_heap

BLOCKS, BLOCK = 64, 2**18  # of 1 MiB each


def pages() -> int:
    """Pages in 64 MiB."""
    return BLOCKS * BLOCK * 4 // resource.getpagesize()


def step() -> int:
    """Page faults while 64 MiB are written and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(BLOCK) for _ in range(BLOCKS)]
    assert len(blocks) == BLOCKS
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_a_second_step_touches_the_pages_of_the_first_and_they_go_back_afterwards() -> None:
    with kept_heap():
        step()
        assert step() < pages() / 10
    assert step() > pages() / 2


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_it_may_be_asked_for_anywhere(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # a C library without the calls
    with kept_heap():
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_the_memory_goes_back_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), kept_heap():
        assert step() / 0
    assert step() > pages() / 2
