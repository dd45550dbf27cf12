"""A seed is what torch takes, and another is one line before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench.errors import UsageError
from ldbench.records.seed import check_seed
from tests.command_line import called


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_torch_takes_every_seed(seed: int) -> None:
    check_seed(seed)
    assert torch.Generator().manual_seed(seed).initial_seed() == seed


@pytest.mark.parametrize("seed", [-1, 2**64, 2**128])
def test_another_is_one_line(seed: int) -> None:
    with pytest.raises(UsageError, match=rf"--seed: expected an int from 0 to 2\^64 - 1, got {seed}$"):
        check_seed(seed)


@pytest.mark.parametrize("options", [["--seed", str(2**64)], ["--seeds", str(2**64)]])
def test_the_command_refuses_it_before_anything_is_done(options: list[str], tmp_path: Path) -> None:
    shown = called("run", "sandbox-brain-t2i", "lora", *options, "--out", tmp_path / "runs")
    assert isinstance(shown.exception, UsageError)  # which the program ends on with one line and exit code 2
    assert str(shown.exception).startswith("--seed: expected an int from 0 to 2^64 - 1")
    assert not (tmp_path / "runs").exists()
