"""Whether a warp folds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ldbench_sandbox.brain.warp import Field


def jacobian(warp: Field) -> npt.NDArray[np.float64]:
    """Determinant of the warp's derivative on the pixel grid; positive everywhere means that nothing folds."""
    by_row = np.gradient(warp.astype(np.float64), axis=1)
    by_column = np.gradient(warp.astype(np.float64), axis=2)
    return np.asarray(by_row[0] * by_column[1] - by_row[1] * by_column[0])
