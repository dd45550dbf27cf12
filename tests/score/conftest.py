"""What tests of trainings, and tests of two folders, share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.score.folders.disc_folders import fill


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


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real, training and generated images, all alike as sets."""
    root = tmp_path_factory.mktemp("folders")
    for seed, name in enumerate(("real", "training", "generated")):
        fill(root / name, 24, seed)
    return root
