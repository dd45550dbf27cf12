"""What an estimator is: it reads one attribute off images, so that an edit can be judged by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimator:
    """A plug-in of `ldbench.estimators`.

    `read` maps grey images `(N, H, W) float32 in [0, 1]` to `(N,)` float64, in `unit`, and raises `ImageError` for
    images that it was not made for.
    """

    name: str
    summary: str
    read: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    unit: str
