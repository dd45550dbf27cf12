"""What the tests on the pretended device share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.made_once import MadeOnce
from tests.pretend_gpu import guard


@pytest.fixture(scope="session")
def library(made_once: MadeOnce) -> Path:
    """The device's guard."""
    if guard.compiler() is None:
        pytest.skip("needs g++ or clang++ to build the pretended device's guard")
    if torch.version.cuda is not None:
        pytest.skip("needs a torch without CUDA, in whose place the pretended device stands")
    return made_once.folder("guard", guard.build) / guard.LIBRARY
