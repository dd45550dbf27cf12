"""Images written in threads while the caller makes the next ones; compression leaves Python's lock to others.

Each file is there whole or not at all, as `write_image` writes it, and has the same bytes. At most one batch waits in
memory, as 8-bit pixels. The first error of a file is raised in the caller's own thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from ldbench.data.images import pixels_of, write_pixels

THREADS = 4  # one writes about 30 images of 512 pixels a second, and waits for the disk meanwhile


class ImageWriter:
    """A context whose `write` returns before the files stand; they all do when the context is left.

    Left by an exception, it first writes what it was given: an interrupted run keeps what it has made.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, "image-writer")
        self._pending: list[Future[None]] = []

    def write(self, images: Iterable[torch.Tensor], paths: Iterable[Path]) -> None:
        """Hand over images `(3, H, W) float32 in [0, 1]`, once those handed over before are written.

        Raises `ImageError` for an image that `write_image` would refuse, and for a file of the earlier ones that could
        not be written.
        """
        batch = [(pixels_of(image, path), path) for image, path in zip(images, paths, strict=True)]
        self._wait()
        self._pending = [self._pool.submit(write_pixels, pixels, path) for pixels, path in batch]

    def _wait(self) -> None:
        pending, self._pending = self._pending, []
        for written in pending:
            written.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._pool:  # waits for every file
            if error is None:
                self._wait()
