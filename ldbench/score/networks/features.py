"""Images to features, cached by content.

An image set is quantised to 8 bits, as its PNG files are, before any extractor sees it, so that real and generated
images are treated alike. Features are kept under the SHA-256 of (pixels, extractor, weights, parameters). Refuses
unknown extractors, images out of range, and cached files that are not what they should be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ParameterValue, Progress, silent
from ldbench.errors import ImageError, MetricError, unknown_name
from ldbench.records.files import user_cache_folder, whole_file
from ldbench.score.networks.weights import unpinned

if TYPE_CHECKING:
    import torch

__all__ = ["EXTRACTORS", "cache_key", "extract", "extractor_parameters", "quantise", "user_cache_folder"]

EXTRACTORS = ("efficientnet-lite0", "inception-v3")
Images = npt.NDArray[np.float32]
Network = Callable[[npt.NDArray[np.uint8]], "torch.Tensor"]
# One image at a time keeps the activations in a CPU's cache: 75 images/s at 224 px against 38 at 16 a batch.
_CPU_BATCH, _ACCELERATOR_BATCH = 1, 64


def extract(
    images: torch.Tensor | Images,
    extractor: str,
    *,
    resize: int | None = None,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    cache_folder: Path | None = None,
    progress: Progress = silent,
) -> npt.NDArray[np.float32]:
    """Features `(N, d) float32` of images `(N, 3, H, W) float32 in [0, 1]`.

    `resize` is the side in pixels that the network sees (None: the extractor's own), `weights` a weight file that
    overrides the cache folder's, `batch_size` None the fastest for the device. `cache_folder` None caches nothing;
    `user_cache_folder() / "features"` is the usual place. Raises `UnknownNameError`, `ImageError`, `WeightsError`.

    >>> extract(np.zeros((2, 3, 64, 64), np.float32), "efficientnet-lite0").shape
    (2, 1280)
    """
    parameters = extractor_parameters(extractor, resize)
    images_nhwc = quantise(images)
    path = None if cache_folder is None else cache_folder / f"{cache_key(images_nhwc, extractor, parameters)}.npy"
    if path is not None and (cached := _read(path, len(images_nhwc))) is not None:
        progress("features", len(cached), len(cached), "cached")
        return cached
    features = _compute(images_nhwc, _network(extractor, resize, weights, device), device, batch_size, progress)
    if not np.isfinite(features).all():
        raise MetricError(f"{extractor}: expected finite features, got NaN or infinity; check the device's arithmetic")
    if path is not None:
        _write(path, features)
    return features


def extractor_parameters(extractor: str, resize: int | None = None) -> dict[str, ParameterValue]:
    """Preprocessing and weights of an extractor, as they stand in a score; loads no network."""
    name, digest = unpinned(extractor)
    if extractor == "efficientnet-lite0":
        from ldbench.score.networks import efficientnet_lite0

        return efficientnet_lite0.parameters(resize or efficientnet_lite0.RESIZE)
    if name == "inception-v3":
        from ldbench.score.networks import inception_v3

        if resize not in (None, inception_v3.RESIZE):
            raise MetricError(
                f"inception-v3: expected resize {inception_v3.RESIZE}, got {resize}; drop it from the card"
            )
        return inception_v3.parameters(digest)
    raise unknown_name("feature extractor", extractor, EXTRACTORS, "choose one of them on the task card")


def quantise(images: torch.Tensor | Images) -> npt.NDArray[np.uint8]:
    """Images `(N, 3, H, W)` in [0, 1] as `(N, H, W, 3) uint8`, to the nearest grey level."""
    array = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
    if array.ndim != 4 or array.shape[1] != 3 or not array.size:
        raise ImageError(f"features: expected images (N, 3, H, W) with N > 0, got shape {array.shape}; check the set")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ImageError(
            f"features: expected finite pixels in [0, 1], got {array.min()} to {array.max()}; rescale the images"
        )
    return np.ascontiguousarray(np.rint(array * 255.0).astype(np.uint8).transpose(0, 2, 3, 1))


def cache_key(images_nhwc: npt.NDArray[np.uint8], extractor: str, parameters: dict[str, ParameterValue]) -> str:
    """SHA-256 of everything the features depend on; `parameters` hold the digest of the weights."""
    header = {"extractor": extractor, "parameters": parameters, "shape": list(images_nhwc.shape)}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(images_nhwc.tobytes())
    return digest.hexdigest()


def _network(extractor: str, resize: int | None, weights: Path | None, device: torch.device | str) -> Network:
    name, digest = unpinned(extractor)
    if name == "inception-v3":
        from ldbench.score.networks import inception_v3

        return inception_v3.load(weights, device, digest)
    import torch

    from ldbench.score.networks import efficientnet_lite0

    if weights is not None:
        raise MetricError(f"{extractor}: its weights come with its package, got weights {weights}; drop the setting")
    network = efficientnet_lite0.load(resize or efficientnet_lite0.RESIZE, device)

    def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
        output: torch.Tensor = network(torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255)
        return output

    return features


def _compute(
    images_nhwc: npt.NDArray[np.uint8],
    network: Network,
    device: torch.device | str,
    batch_size: int | None,
    progress: Progress,
) -> npt.NDArray[np.float32]:
    import torch

    step = batch_size or (_CPU_BATCH if torch.device(device).type == "cpu" else _ACCELERATOR_BATCH)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(images_nhwc), step):
            rows.append(network(images_nhwc[start : start + step]).float().cpu().numpy())
            progress("features", min(start + step, len(images_nhwc)), len(images_nhwc))
    return np.concatenate(rows).astype(np.float32)


def _read(path: Path, count: int) -> npt.NDArray[np.float32] | None:
    """Cached features, or None where there are none or the file is damaged (it is then made again)."""
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = features.dtype == np.float32 and features.ndim == 2 and len(features) == count
    return features if usable and np.isfinite(features).all() else None


def _write(path: Path, features: npt.NDArray[np.float32]) -> None:
    with whole_file(path) as part, part.open("wb") as file:
        np.save(file, features, allow_pickle=False)
