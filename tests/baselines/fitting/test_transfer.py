"""What every step reads stays on a device that has room for it; looked at without one."""

from __future__ import annotations

import pytest
import torch
from ldbench_baselines.fitting import transfer
from ldbench_baselines.fitting.encoded import EncodedSet
from ldbench_baselines.fitting.transfer import resident

GPU = torch.device("cuda", 0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is sent to a device of which 1000 bytes are free."""
    sizes: list[int] = []

    def note(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        sizes.append(tensor.nbytes)
        return tensor

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        raise AssertionError("pinned memory of the set's size was asked for")

    monkeypatch.setattr(torch.Tensor, "to", note)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(transfer, "free_bytes", lambda device: 1000 if device.type == "cuda" else None)
    return sizes


def test_what_takes_little_of_the_free_memory_is_sent_once(sent: list[int]) -> None:
    for count in (1, 12, 13, 1000):
        resident(torch.zeros(count), GPU)
    assert sent == [4, 48]
    moments = torch.zeros(2, 1, 1, 1, 5)
    assert EncodedSet(moments, torch.zeros(1), ("a scan",)).resident(GPU).moments is moments
    assert sent == [4, 48, 40]


def test_on_a_cpu_nothing_is_copied(sent: list[int]) -> None:
    tensor = torch.zeros(3)
    assert resident(tensor, torch.device("cpu")) is tensor
    assert sent == []
