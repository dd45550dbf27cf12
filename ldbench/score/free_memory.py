"""Gives free memory back to the system: glibc's heap keeps what large blocks leave behind, and grows meanwhile.

Torch asks for aligned blocks, and what is cut off them keeps a freed block from serving the next one. Without this a
process grows with every image that it reads, though it holds none (docs/measurements/scoring.md).
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

EVERY = 2**24  # numbers that are read: 21 images of 512 px
EVERY_OF_SEVERAL = 2**21  # of sets that are read together: what the work on them leaves behind comes on top


@dataclass
class ReadingCount:
    """How many numbers have been read since free memory was given back last; it is after `every` of them."""

    every: int = EVERY
    numbers: int = 0

    def add(self, numbers: int) -> None:
        """Count a batch, and give free memory back where it is time."""
        self.numbers += numbers
        if self.numbers >= self.every:
            self.numbers = 0
            give_back()


def give_back() -> None:
    """Return free pages of the heap to the system; nothing where the C library offers no such call."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
