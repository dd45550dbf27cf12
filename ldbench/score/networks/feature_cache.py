"""The features that are kept on disk: under which key, how they are written and read.

The key is the SHA-256 of pixels, extractor, weights and parameters, of the code of a network that is not the suite's,
and, but for a CPU's, of the device's type and precision, with which features differ in their last digits. A set of many
numbers is mapped from its file (`ldbench.score.metrics.row_blocks`), so that it takes no memory that the system could
not have back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, ParameterValue
from ldbench.errors import ImageError
from ldbench.records.files import write_cache
from ldbench.score.arithmetic import arithmetic_of
from ldbench.score.image_sets import batches, read_ahead
from ldbench.score.metrics.row_blocks import is_large, row_blocks, rows_of
from ldbench.score.networks.kept_state import content_key

if TYPE_CHECKING:
    import torch

Rows = Callable[[slice, npt.NDArray[np.float32]], None]  # takes the features of some rows


def quantise(images: torch.Tensor | npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Images `(N, 3, H, W)` in [0, 1] as `(N, H, W, 3) uint8`, to the nearest grey level."""
    array = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
    if array.ndim != 4 or array.shape[1] != 3 or not array.size:
        raise ImageError(f"features: expected images (N, 3, H, W) with N > 0, got shape {array.shape}; check the set")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ImageError(
            f"features: expected finite pixels in [0, 1], got {array.min()} to {array.max()}; rescale the images"
        )
    return np.ascontiguousarray(np.rint(array * 255.0).astype(np.uint8).transpose(0, 2, 3, 1))


def cache_key(
    blocks_nhwc: Iterable[npt.NDArray[np.uint8]], shape: Sequence[int], extractor: str,
    parameters: dict[str, ParameterValue], device: torch.device | str = "cpu",
) -> str:
    """SHA-256 of all that features of images in blocks depend on; `parameters` hold the digests of weights and code."""
    header: dict[str, object] = {"extractor": extractor, "parameters": parameters, "shape": list(shape)}
    if (arithmetic := arithmetic_of(device)) != "cpu":  # what was kept from CPUs before had no such entry
        header["arithmetic"] = arithmetic
    return content_key(header, blocks_nhwc)


def key_of_set(
    images: ImageSet, extractor: str, parameters: dict[str, ParameterValue], device: torch.device | str
) -> str:
    """`cache_key` of a set, which is read by rows."""
    count, channels, height, width = images.shape
    with read_ahead(images) as (read,):
        blocks = (quantise(read[rows]) for rows in batches(images))
        return cache_key(blocks, (count, height, width, channels), extractor, parameters, device)


def write_rows(path: Path, count: int, compute: Callable[[Rows], None]) -> npt.NDArray[np.float32] | None:
    """Write the features of `count` images as `compute` gives them, in order, into the `.npy` file that `np.save` would
    write; what `read_features` would give of it. A disk that refuses leaves no file
    (`ldbench.records.files.write_cache`)."""

    def write(file: BinaryIO) -> None:
        def take(rows: slice, features: npt.NDArray[np.float32]) -> None:
            if rows.start == 0:
                header = {"descr": "<f4", "fortran_order": False, "shape": (count, features.shape[1])}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(features.astype("<f4", copy=False).tobytes())

        compute(take)

    write_cache(path, write)
    return _opened(path, count)  # `compute` has seen to it that all are finite


def read_features(path: Path, count: int) -> npt.NDArray[np.float32] | None:
    """The features of `count` images, mapped where they are many numbers; None where there is no file, or a damaged one
    (it is then made again)."""
    features = _opened(path, count)
    finite = features is not None and all(np.isfinite(rows_of(features, rows)).all() for rows in row_blocks(count))
    return features if finite else None


def _opened(path: Path, count: int) -> npt.NDArray[np.float32] | None:
    try:
        features: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if features.dtype != np.float32 or features.ndim != 2 or len(features) != count:
        return None
    if not is_large(*features.shape):
        features = np.array(features)
    return features
