"""The number format that a device computes in, unless the user chooses."""

from __future__ import annotations

import pytest
import torch
from ldbench_baselines.backbone.precision import automatic_precision


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((6, 1), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_a_card_computes_in_bfloat16_from_compute_capability_8_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    asked: list[torch.device] = []

    def of_device(device: torch.device) -> tuple[int, int]:
        asked.append(device)
        return capability

    monkeypatch.setattr(torch.cuda, "get_device_capability", of_device)
    assert automatic_precision(torch.device("cuda:1")) == expected
    assert asked == [torch.device("cuda:1")]  # the run's own, not the current one


def test_a_cpu_computes_in_float32() -> None:
    assert automatic_precision(torch.device("cpu")) == "float32"
