"""Image sets by rows: what is asked for is read, decoded and held; the whole set never is.

An `ldbench.api.ImageSet` is a tensor that holds all its images, or one of the sets here, which read rows from their
images' files. Metrics take either. A set over another one computes rows from its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from ldbench.api import Batches, ImageSet
from ldbench.errors import MetricError
from ldbench.score.free_memory import EVERY, EVERY_OF_SEVERAL, ReadingCount

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

_Result = TypeVar("_Result")
_STEP = 64  # images of a batch, at most
_NUMBERS = 2**21  # of a batch: two images of 512 px; larger batches are no faster on a CPU
_AHEAD = 8  # images that are decoded beside the work on a batch, at least


@dataclass(frozen=True)
class StoredSet:
    """The images of some ids as `(N, 3, H, W) float32 in [0, 1]`; `seen` is what is done to each batch of them.

    Raises `MetricError` for pixels outside [0, 1].
    """

    images: Mapping[str, torch.Tensor]
    ids: Sequence[str]
    seen: Callable[[torch.Tensor], torch.Tensor] | None = None

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(N, 3, H, W)."""
        return len(self.ids), *(self.images[self.ids[0]].shape if self.ids else (0, 0, 0))

    @cached_property
    def _count(self) -> ReadingCount:
        return ReadingCount()

    @property
    def threads(self) -> int:
        """How many threads may read from it."""
        return int(getattr(self.images, "threads", 0))

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.ids)

    def __getitem__(self, rows: Any) -> torch.Tensor:
        """The images of a slice, or of a sequence, array or tensor of indices."""
        batch = self.of([self.images[self.ids[index]] for index in _indices(rows, len(self))])
        self._count.add(batch.numel())
        return batch

    def of(self, images: Sequence[torch.Tensor]) -> torch.Tensor:
        """A batch of images that have been read."""
        import torch

        batch = torch.stack(list(images))
        low, high = float(batch.min()), float(batch.max())
        if not (low >= 0 and high <= 1):  # also false for NaN
            raise MetricError(f"expected images with pixels in [0, 1], got {low} to {high}; rescale the images")
        return batch if self.seen is None else self.seen(batch)


@dataclass(frozen=True)
class DerivedSet:
    """Rows that `compute` makes of the same rows of other sets."""

    compute: Callable[..., torch.Tensor]
    sets: tuple[ImageSet, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The number of rows, and the shape of one."""
        return len(self), *self[:1].shape[1:]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.sets[0])

    def __getitem__(self, rows: Any) -> torch.Tensor:
        """Some rows."""
        return self.compute(*(each[rows] for each in self.sets))


@dataclass(frozen=True)
class PickedSet:
    """Some images of a set, in any order and as often as their index stands in `indices`."""

    images: ImageSet
    indices: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows, and the shape of one."""
        return len(self.indices), *self.images.shape[1:]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.indices)

    def __getitem__(self, rows: Any) -> torch.Tensor:
        """Some rows."""
        return self.images[[self.indices[index] for index in _indices(rows, len(self))]]


def batches(images: ImageSet, most: int = _STEP) -> Iterator[slice]:
    """Slices over all rows, each of at most `most` images and of not many more numbers than work best."""
    size = batch_size(images, most)
    for start in range(0, len(images), size):
        yield slice(start, min(start + size, len(images)))


def batch_size(images: ImageSet, most: int = _STEP) -> int:
    """How many images to take at a time; for rows that are computed, as many as of what they are computed from."""
    return max(1, min(most, _NUMBERS // max(_row_numbers(images), 1)))


def _row_numbers(images: ImageSet) -> int:
    of_sets = map(_row_numbers, images.sets) if isinstance(images, DerivedSet) else ()
    return max(prod(images.shape[1:]), *of_sets, 0)


def pixel_blocks(images: ImageSet) -> Iterator[npt.NDArray[Any]]:
    """The pixels of a set as contiguous arrays, a batch each, in order: what its digest is taken of."""
    import numpy as np

    with read_ahead(images) as (read,):
        for rows in batches(images):
            yield np.ascontiguousarray(read[rows].cpu().numpy())


def over_batches(work: Callable[..., _Result], *sets: ImageSet, most: int = _STEP) -> list[_Result]:
    """What `work` gives for the same rows of all sets, for batches of at most `most` of them, in order."""
    import torch

    with torch.inference_mode(), read_ahead(*sets) as ahead:
        return Batches("images", batch_size(sets[0], most)).run(
            len(sets[0]), lambda rows: work(*(images[rows] for images in ahead))
        )


def pixel_range(images: ImageSet) -> tuple[float, float]:
    """The smallest and the largest pixel of a set, which is read by rows; NaN where it holds one."""
    import torch

    lowest, highest = zip(*(torch.aminmax(images[rows]) for rows in batches(images)), strict=True)
    return float(torch.stack(lowest).min()), float(torch.stack(highest).max())


@contextmanager
def read_ahead(*sets: ImageSet) -> Iterator[list[ImageSet]]:
    """The same sets, to be read by slices from the first row to the last: threads decode what comes next meanwhile."""
    threads = max(map(_threads, sets), default=0)
    if not threads:
        yield list(sets)
        return
    count = ReadingCount(EVERY if sum(map(_stored, sets)) == 1 else EVERY_OF_SEVERAL)
    with ThreadPoolExecutor(threads, "decode") as pool:
        try:
            yield [_ahead(each, pool, count) for each in sets]
        finally:
            pool.shutdown(cancel_futures=True)


def _threads(images: ImageSet) -> int:
    if isinstance(images, DerivedSet):
        return max(map(_threads, images.sets))
    return images.threads if isinstance(images, StoredSet) else 0


def _stored(images: ImageSet) -> int:
    """How many stored sets are read for it."""
    return sum(map(_stored, images.sets)) if isinstance(images, DerivedSet) else 1


def _ahead(images: ImageSet, pool: ThreadPoolExecutor, count: ReadingCount) -> ImageSet:
    if isinstance(images, DerivedSet):
        return DerivedSet(images.compute, tuple(_ahead(each, pool, count) for each in images.sets))
    return _Ahead(images, pool, count) if isinstance(images, StoredSet) and images.threads else images


class _Ahead:
    """A stored set whose next rows are read by a pool while the last ones are worked on."""

    def __init__(self, images: StoredSet, pool: ThreadPoolExecutor, count: ReadingCount) -> None:
        from ldbench.data.stored_images import StoredImages

        self._images, self._pool, self._count, self.shape = images, pool, count, images.shape
        assert isinstance(images.images, StoredImages)  # no other mapping has threads
        self._read = images.images.packed
        self._coming: dict[int, Future[torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> torch.Tensor:
        from ldbench.data.stored_images import unpacked

        start, stop, _ = rows.indices(len(self))
        for index in range(start, min(stop + max(stop - start, _AHEAD), len(self))):
            if index not in self._coming:
                self._coming[index] = self._pool.submit(self._read, self._images.ids[index])
        batch = self._images.of([unpacked(self._coming.pop(index).result()) for index in range(start, stop)])
        self._count.add(batch.numel())
        return batch


def _indices(rows: Any, count: int) -> Sequence[int]:
    """The indices that a slice, a mask or a sequence of indices stands for."""
    import numpy as np

    if isinstance(rows, slice):
        return range(*rows.indices(count))
    chosen = np.asarray(rows)
    return [int(index) for index in (np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen)]
