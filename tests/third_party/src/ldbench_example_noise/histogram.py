"""A feature network without weights: the histogram of grey levels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ldbench.api import Network, ParameterValue


def _load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[NDArray[np.uint8]], torch.Tensor]:
    def features(images: NDArray[np.uint8]) -> torch.Tensor:
        counts = [np.histogram(image, bins=resize, range=(0, 256), density=True)[0] for image in images]
        return torch.from_numpy(np.stack(counts).astype(np.float32) * 256)

    return features


def _parameters(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    return {"features": f"histogram of {resize} bins", "weights_sha256": "none"}


HISTOGRAM = Network("example-histogram", "Histogram of grey levels; no weights.", _load, _parameters, resize=8)
