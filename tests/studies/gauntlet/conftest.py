"""Material of noise in two classes, on which every failure can be checked pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from ldbench.studies.gauntlet.failure import Images, Material

SIDE = 32


def images(count: int, seed: int, side: int = SIDE) -> Images:
    """Grey images with a black rim, no two alike."""
    drawn = np.random.default_rng(seed).uniform(0.2, 0.8, (count, 1, side, side)).astype(np.float32)
    drawn[..., : side // 8, :] = 0
    return np.repeat(drawn, 3, axis=1)


@pytest.fixture(scope="session")
def material() -> Material:
    """Twelve perfect images, thirty training scans and sixteen test scans of classes a and b; and an edit's images."""
    return Material(
        perfect=images(12, 0), labels=("a", "b") * 6, train=images(30, 1), train_labels=("a",) * 15 + ("b",) * 15,
        test=images(16, 2), sources=images(12, 3), subjects=images(12, 4), elsewhere=images(5, 5),
    )
