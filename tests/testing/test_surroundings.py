"""What the kit does to global states on a GPU, looked at without one."""

from __future__ import annotations

import pytest
import torch

from ldbench.run.surroundings import states_kept
from ldbench.testing.surroundings import seed_all, states

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


