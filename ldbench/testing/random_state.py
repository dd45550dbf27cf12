"""The three global random states (Python's, numpy's, torch's): set, compare and put back.

For the conformance kit alone, which must move them to see whether a generator depends on them. Refuses to
draw from them: nothing in the suite does.
"""
# ruff: noqa: NPY002 - the legacy global state is the very thing that is looked at here

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def kept() -> Iterator[None]:
    """Put the global states back as they were, whatever happens inside."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def seed_all(seed: int) -> None:
    """Seed the three global states (torch's on every device)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def digests() -> dict[str, str]:
    """A hash of each global state, by name; equal hashes mean that nobody drew from it."""
    legacy = np.random.get_state(legacy=False)["state"]
    states = {
        "random": repr(random.getstate()).encode(),
        "numpy.random": legacy["key"].tobytes() + repr(legacy["pos"]).encode(),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
    return {name: hashlib.sha256(state).hexdigest() for name, state in states.items()}
