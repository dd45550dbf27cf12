"""What tests of trainings share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def kept_on_host(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Not empty while the host keeps what a backward pass needs."""
    active: list[bool] = []

    class Watched(torch.autograd.graph.save_on_cpu):
        def __enter__(self) -> None:
            active.append(True)
            super().__enter__()

        def __exit__(self, *error: object) -> None:
            active.pop()
            super().__exit__(*error)

    monkeypatch.setattr(torch.autograd.graph, "save_on_cpu", Watched)
    return active
