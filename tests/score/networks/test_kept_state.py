"""The key of what a training gives: what makes it another one, and what all models' scores share one network over."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from ldbench.score.networks import kept_state
from ldbench.score.networks.kept_state import training_key

BLOCK = np.arange(6, dtype=np.float32)


def module(path: Path, text: str) -> ModuleType:
    path.write_text(text, encoding="utf-8")
    made = ModuleType("training")
    made.__file__ = str(path)
    return made


def test_settings_code_data_torch_and_arithmetic_make_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = module(tmp_path / "training.py", "steps = 1")
    keys = [training_key({"seed": 0}, [code], [BLOCK], device) for device in ("cpu", torch.device("cpu"))]
    assert len(set(keys)) == 1
    keys += [training_key({"seed": 1}, [code], [BLOCK], "cpu"), training_key({"seed": 0}, [code], [BLOCK + 1], "cpu")]
    module(tmp_path / "training.py", "steps = 2")
    keys.append(training_key({"seed": 0}, [code], [BLOCK], "cpu"))
    monkeypatch.setattr(kept_state, "arithmetic_of", lambda device: "cuda tf32 convolutions")
    keys.append(training_key({"seed": 0}, [code], [BLOCK], "cpu"))
    monkeypatch.setattr(torch, "__version__", "99")
    keys.append(training_key({"seed": 0}, [code], [BLOCK], "cpu"))
    assert len(set(keys)) == len(keys) - 1


def test_threads_and_processor_make_no_other_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = module(tmp_path / "training.py", "")
    before = training_key({}, [code], [], "cpu")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    assert training_key({}, [code], [], "cpu") == before
