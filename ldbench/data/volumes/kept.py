"""Slices by number that are kept on disk as they are cut, so that no volume is read twice and none is held.

A `.nii.gz` can't be entered in the middle: whoever read its slices one by one, in each of many passes over a set, would
unpack it as often. The file has no name and goes with the process, however that ends.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ldbench.errors import ImageError


class KeptSlices:
    """Levels `(H, W) uint8` of `count` slices of any sizes, in a file in `folder`, None: where such files lie."""

    def __init__(self, count: int, folder: Path | None) -> None:
        self._folder, self._end, self._lock = folder, 0, Lock()
        self._starts = np.full(count, -1, np.int64)
        self._sizes = np.zeros((count, 2), np.int32)
        self.blank = np.zeros(count, np.bool_)  # those of one level all over

    def __contains__(self, place: int) -> bool:
        """Whether the slice was put."""
        return bool(self._starts[place] >= 0)

    def put(self, place: int, levels_hw: NDArray[np.uint8]) -> None:
        """Keep a slice. `ImageError` where the disk refuses."""
        content = levels_hw.tobytes()
        with self._lock:
            try:
                written = os.pwrite(self._file, content, self._end)
            except OSError as error:
                raise self._refused(error.strerror) from error
            if written < len(content):
                raise self._refused("no space left")
            self._sizes[place], self.blank[place] = levels_hw.shape, levels_hw.min() == levels_hw.max()
            self._starts[place], self._end = self._end, self._end + len(content)

    def get(self, place: int) -> NDArray[np.uint8]:
        """A slice that was put; any number of threads may ask."""
        height, width = map(int, self._sizes[place])
        content = os.pread(self._file, height * width, int(self._starts[place]))
        return np.frombuffer(bytearray(content), np.uint8).reshape(height, width)

    @cached_property
    def _file(self) -> int:
        """The descriptor of the file; `ImageError` where it cannot be made."""
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(prefix="ldbench-slices-", dir=self._folder)
        except OSError as error:
            raise self._refused(error.strerror) from error
        Path(path).unlink()
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def _refused(self, reason: str | None) -> ImageError:
        return ImageError(
            f"can't keep slices in {self._folder or tempfile.gettempdir()}: {reason or 'the disk refuses'}; free space "
            "there, or set LDBENCH_CACHE to a folder that has some"
        )
