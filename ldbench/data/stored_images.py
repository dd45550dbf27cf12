"""Images by id that are read when asked for, so that a set of any size takes as much memory as a small one.

The first images are kept as the 8-bit levels they were stored as, one channel where all are equal, until a fixed room
is full: a small set is decoded once. What is kept comes back to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from math import prod
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from ldbench.data.ids import Ids

ROOM = 2**23  # bytes: 2,048 grey images of 64 px, 32 of 512 px


class StoredImages(Mapping[str, torch.Tensor]):
    """A mapping of ids to images `(3, H, W) float32 in [0, 1]`, each read by `read(id)` when it is asked for.

    `read` gives such an image, or its levels as uint8, of three channels or of one that is grey. `threads` is how many
    images may be read at once beside other work; 0: none, and only by who asks. `room` is how many bytes are kept.
    """

    def __init__(
        self, ids: Collection[str], read: Callable[[str], torch.Tensor], *, threads: int = 0, room: int | None = None
    ) -> None:
        self._read, self.threads, self._room = read, threads, ROOM if room is None else room
        self._ids = ids
        self._kept: dict[str, tuple[int, torch.Size]] = {}  # where levels start in the buffer, and their shape
        self._used, self._lock = 0, Lock()

    def __getitem__(self, image_id: str) -> torch.Tensor:
        """The image of an id; KeyError for another id, and whatever reading raises."""
        return unpacked(self.packed(image_id))

    def __contains__(self, image_id: object) -> bool:
        """Whether there is such an image; reads none."""
        return image_id in self._ids

    def packed(self, image_id: str) -> torch.Tensor:
        """The image as it is kept or read, for `unpacked`."""
        if image_id in self._kept:
            start, shape = self._kept[image_id]
            return torch.from_numpy(self._buffer[start : start + prod(shape)].reshape(shape))
        image = self._read(image_id)
        if self._room > 0:
            image = image if image.dtype == torch.uint8 else _levels(image)
            self._keep(image_id, image)
        return image

    def __iter__(self) -> Iterator[str]:
        """The ids, in their order."""
        return iter(self._ids)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._ids)

    @cached_property
    def _buffer(self) -> NDArray[np.uint8]:
        # one block, or what is kept would lie scattered among what is given back, and hold its pages
        return np.empty(self._room, np.uint8)

    def _keep(self, image_id: str, levels: torch.Tensor) -> None:
        with self._lock:
            end = self._used + levels.numel()
            if levels.dtype != torch.uint8 or end > self._room or image_id in self._kept:
                return
            self._buffer[self._used : end] = levels.numpy().ravel()
            self._kept[image_id], self._used = (self._used, levels.shape), end


def hash_pixels(
    digest: hashlib._Hash, images: Mapping[str, torch.Tensor], done: Callable[[int, bytes], None] = lambda *_: None
) -> None:
    """Add the id and the 8-bit levels of each image to a digest, in the order of the ids; `done` is told how many they
    are, and the levels of the last."""
    for count, image_id in enumerate(Ids(images).in_order(), 1):
        levels = (images[image_id] * 255).round().byte().numpy().tobytes()
        digest.update(image_id.encode("utf-8", "surrogateescape") + b"\0" + levels)
        done(count, levels)


def unpacked(packed: torch.Tensor) -> torch.Tensor:
    """Levels as an image `(3, H, W) float32 in [0, 1]`; an image as it is."""
    image = packed.to(torch.float32) / 255 if packed.dtype == torch.uint8 else packed
    return image.repeat(3, 1, 1) if len(image) == 1 else image


def _levels(image: torch.Tensor) -> torch.Tensor:
    """The levels of an image whose pixels are such, one channel where all are equal; of any other the image."""
    channels = image[:1] if bool((image == image[:1]).all()) else image
    levels = (channels * 255).round().to(torch.uint8)
    return levels if torch.equal(levels.to(torch.float32) / 255, channels) else image
