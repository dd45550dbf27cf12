"""Which arithmetic trains faster on this processor: float32, or bfloat16 by autocast.

Only processors with AVX-512 or AMX multiply bfloat16; others emulate it at a tenth of the speed. So it is tried.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch

_log = logging.getLogger(__name__)
_REPEATS = 3


def faster_precision(step: Callable[[torch.dtype], object]) -> torch.dtype:
    """`torch.float32` or `torch.bfloat16`, whichever takes less processor time for `step(dtype)` (best of three)."""
    seconds = {dtype: _best(step, dtype) for dtype in (torch.float32, torch.bfloat16)}
    chosen = min(seconds, key=lambda dtype: seconds[dtype])
    _log.info("a step takes %s s; %s", {str(k): round(v, 3) for k, v in seconds.items()}, chosen)
    return chosen


def _best(step: Callable[[torch.dtype], object], dtype: torch.dtype) -> float:
    step(dtype)  # the first one chooses kernels
    spans = []
    for _ in range(_REPEATS):
        began = time.process_time()
        step(dtype)
        spans.append(time.process_time() - began)
    return min(spans)
