"""A feature network that costs nothing: grey levels averaged over eight by eight fields, for tests of all but features.

On a card: `extractor = "tests.stand_ins.pooled:POOLED"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ldbench.api import Network, ParameterValue

SIDE = 8


def load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[NDArray[np.uint8]], torch.Tensor]:
    """Means of fields of the images as they are."""
    del resize, weights, digest

    def features(images: NDArray[np.uint8]) -> torch.Tensor:
        grey = torch.from_numpy(images).to(device, torch.float32).mean(dim=-1, keepdim=True).permute(0, 3, 1, 2)
        return torch.nn.functional.adaptive_avg_pool2d(grey, SIDE).flatten(1)

    return features


def parameters(*, resize: int, digest: str) -> Mapping[str, ParameterValue]:
    """There is nothing to state but the fields."""
    del resize, digest
    return {"fields": SIDE}


POOLED = Network(
    name="tests.stand_ins.pooled:POOLED", summary="Grey levels averaged over fields.", load=load, parameters=parameters,
    resize=64,
)
