"""The moving average on its own device, and passing by from the host's memory in portions: the same numbers."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest
import torch
from ldbench_baselines.fitting import average
from ldbench_baselines.fitting.average import Average, HostAverage, decay_at


class Queue:
    """A stream that does all at once, and notes who waited for whom."""

    waits: list[str]

    def __init__(self, device: object = None) -> None:
        self.waits = []

    def wait_stream(self, other: object) -> None:
        self.waits.append("stream")

    def synchronize(self) -> None:
        self.waits.append("host")


@pytest.fixture
def one_queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """The main stream of a device that is really the CPU."""
    main = Queue()
    monkeypatch.setattr(average, "pinned", torch.empty)
    monkeypatch.setattr(torch.cuda, "Stream", Queue)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    return main


def values() -> dict[str, torch.nn.Parameter]:
    source = torch.Generator().manual_seed(0)
    drawn = {"a": torch.randn(7, generator=source), "b": torch.randn(2, 3, 2, 2, generator=source)}
    drawn["b"] = drawn["b"].to(memory_format=torch.channels_last)
    drawn["c"] = torch.randn(5, 4, generator=source)
    return {name: torch.nn.Parameter(value) for name, value in drawn.items()}


@pytest.mark.parametrize("at_once", [1, 8, 31, 1000])
def test_on_the_host_it_is_the_same_to_the_bit(
    at_once: int, one_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(average, "VALUES_AT_ONCE", at_once)
    trained = values()
    here, there = Average(trained, 0.9), HostAverage(trained, 0.9)
    for step in range(4):
        with torch.no_grad():
            for value in trained.values():
                value.add_(torch.randn(value.shape))
        here.update(step)
        there.update(step)
        there.hold_back()
    there.wait()
    assert one_queue.waits == ["stream"] * 8  # of both queues, each step
    for name, value in trained.items():
        assert torch.equal(there.values[name], here.values[name])
        assert there.values[name].stride() == value.stride()
        assert not torch.equal(here.values[name], value)


@pytest.mark.parametrize("pins", [0, 1, 2])
def test_what_the_host_cannot_pin_stays_on_the_device_and_one_line_says_so(
    pins: int, one_queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[int] = []

    def few(count: int) -> torch.Tensor:
        asked.append(count)
        if len(asked) > pins:
            raise torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'")
        return torch.empty(count)

    monkeypatch.setattr(average, "VALUES_AT_ONCE", 1)
    monkeypatch.setattr(average, "pinned", few)
    trained = values()
    with caplog.at_level(logging.WARNING, "ldbench.memory"):
        here, there = Average(trained, 0.9), HostAverage(trained, 0.9)
        for step in range(2):
            with torch.no_grad():
                for value in trained.values():
                    value.add_(1)
            here.update(step)
            there.update(step)
    assert all(torch.equal(there.values[name], here.values[name]) for name in trained)
    assert caplog.messages == [
        "fit: the host has no memory to pin for 0 MiB of the moving average, kept on the device"
    ]
    assert len(asked) == pins + 1


def test_another_error_of_pinning_passes(one_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(count: int) -> torch.Tensor:
        raise RuntimeError("CUDA error: initialization error")

    monkeypatch.setattr(average, "pinned", broken)
    with pytest.raises(RuntimeError, match="initialization error"):
        HostAverage(values(), 0.9)


@pytest.mark.parametrize("kind", [Average, HostAverage])
def test_without_decay_nothing_is_kept(kind: type[Average], one_queue: Queue) -> None:
    nothing = kind(values(), 0.0)
    nothing.update(0)
    nothing.hold_back()
    nothing.wait()
    assert nothing.values == {}


def test_what_was_at_the_start_is_soon_forgotten() -> None:
    assert [decay_at(step, 0.99) for step in (0, 9, 10_000)] == pytest.approx([0.1, 10 / 19, 0.99])
