"""What the kit does to global states on a GPU, looked at without one."""

from __future__ import annotations

import os

import pytest
import torch

from ldbench.run.surroundings import states_kept
from ldbench.testing.surroundings import deterministic, seed_all, states

GPU = torch.device("cuda:0")


def test_a_kit_on_the_cpu_seeds_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    with states_kept(torch.device("cpu")):
        seed_all(1)
        one = states()
        seed_all(1)
        assert states() == one
        seed_all(2)
        assert states() != one


def test_a_draw_on_the_gpu_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = torch.zeros(16, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: drawn)
    before = states(GPU)
    drawn[0] = 1
    after = states(GPU)
    assert {name for name in before if before[name] != after[name]} == {"torch.cuda"}


def test_a_gpu_computes_deterministically_inside_and_as_before_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with deterministic(GPU):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()
