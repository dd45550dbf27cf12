"""Keeps a training step's memory for the next one: glibc would give it back to the system and fetch it anew.

Activations are freed from the end of the heap, which glibc then cuts off. Every page that a later step touches again
costs a page fault, several thousand a step (docs/measurements.md). Refuses nothing: where the C library has no such
setting, nothing is set.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # mallopt's names for them (glibc, malloc.h)
NEVER = 2**30
LARGEST = 2**25  # the largest block that glibc can be told to take from the heap, and its own choice in the long run


@contextmanager
def kept_heap() -> Iterator[None]:
    """Within, freed memory stays in the process; afterwards it goes back, and the end of the heap is cut again."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    mallopt, malloc_trim = getattr(library, "mallopt", None), getattr(library, "malloc_trim", None)
    if mallopt is None or malloc_trim is None:
        yield
        return
    mallopt(MMAP_THRESHOLD, LARGEST)
    mallopt(TRIM_THRESHOLD, NEVER)
    try:
        yield
    finally:
        mallopt(TRIM_THRESHOLD, 2 * LARGEST)  # what glibc sets beside LARGEST
        malloc_trim(0)
