"""Images to features, cached by content.

An image set is quantised to 8 bits, as its PNG files are, before any extractor sees it, so that real and generated
images are treated alike. Features are kept under the SHA-256 of (pixels, extractor, weights, parameters) and, but for
a CPU's, of the device's type and precision, with which they differ in their last digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Batches, ImageSet, Network, ParameterValue, Progress, silent
from ldbench.errors import ImageError, MetricError, unknown_name
from ldbench.plugins.kinds import NETWORKS
from ldbench.records.files import write_cache
from ldbench.score.arithmetic import tf32_operations
from ldbench.score.image_sets import batches, read_ahead
from ldbench.score.networks.weights import unpinned

if TYPE_CHECKING:
    import torch

Images = npt.NDArray[np.float32]
# One image at a time keeps the activations in a CPU's cache: 75 images/s at 224 px against 38 at 16 a batch.
_CPU_BATCH, _ACCELERATOR_BATCH = 1, 64


def extract(
    images: ImageSet | Images, extractor: str | Network, *, resize: int | None = None, weights: Path | None = None,
    device: torch.device | str = "cpu", batch_size: int | None = None, cache_folder: Path | None = None,
    progress: Progress = silent,
) -> npt.NDArray[np.float32]:
    """Features `(N, d) float32` of images `(N, 3, H, W) float32 in [0, 1]`.

    `extractor` is a network's name on a card, or a network. `resize` is the side in pixels that it sees (None: its
    own), `weights` a weight file that overrides the cache folder's, `batch_size` None the fastest for the device.
    `cache_folder` None caches nothing; `ldbench.records.files.user_cache_folder() / "features"` is the usual place.
    Raises `UnknownNameError`, `ImageError`, `WeightsError`.

    >>> extract(np.zeros((2, 3, 64, 64), np.float32), "efficientnet-lite0").shape
    (2, 1280)
    """
    network, digest = network_of(extractor)
    size = _size(network, resize)
    parameters = dict(network.parameters(resize=size, digest=digest))
    images = _checked(images)
    name, path = extractor if isinstance(extractor, str) else network.name, None
    if cache_folder is not None:
        path = cache_folder / f"{_key_of_set(images, name, parameters, device)}.npy"
    if path is not None and (cached := _read(path, len(images))) is not None:
        progress("features", len(cached), len(cached), "cached")
        return cached
    loaded = network.load(resize=size, device=device, weights=weights, digest=digest)
    features = _compute(images, loaded, device, batch_size, progress)
    if not np.isfinite(features).all():
        raise MetricError(f"{name}: expected finite features, got NaN or infinity; check the device's arithmetic")
    if path is not None:
        write_cache(path, lambda file: np.save(file, features, allow_pickle=False))
    return features


def extractor_parameters(extractor: str | Network, resize: int | None = None) -> dict[str, ParameterValue]:
    """Preprocessing and weights of an extractor, as they stand in a score; loads no network."""
    network, digest = network_of(extractor)
    return dict(network.parameters(resize=_size(network, resize), digest=digest))


def network_of(extractor: str | Network) -> tuple[Network, str]:
    """The network that a card names, and the digest that it pins or ""; UnknownNameError, PluginError, WeightsError."""
    if isinstance(extractor, Network):
        return extractor, ""
    name, digest = unpinned(extractor)
    network = installed_network(name) or NETWORKS.load(name)
    if digest and not network.pinned:
        raise unknown_name(
            "feature network", extractor, [name], f"{name} brings its own weights: give its name without a digest"
        )
    return network, digest


def installed_network(name: str) -> Network | None:
    """The registered network of a name without a digest, `FAMILY:VARIANT` included; None for any other name."""
    family, colon, variant = name.partition(":")
    of_family = NETWORKS.installed(family) if colon else None
    if of_family is not None and of_family.variant is not None:
        return of_family.variant(variant)
    return NETWORKS.installed(name)


def _size(network: Network, resize: int | None) -> int:
    """The side in pixels that the network sees."""
    if network.fixed_size and resize not in (None, network.resize):
        raise MetricError(f"{network.name}: expected resize {network.resize}, got {resize}; drop it from the card")
    return resize or network.resize


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


def _checked(images: ImageSet | Images) -> ImageSet:
    """The images as a set; `ImageError` for one that is empty or of another shape."""
    import torch

    found = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if len(found.shape) != 4 or found.shape[1] != 3 or 0 in found.shape:
        raise ImageError(
            f"features: expected images (N, 3, H, W) with N > 0, got shape {tuple(found.shape)}; check the set"
        )
    return found


def cache_key(
    images_nhwc: npt.NDArray[np.uint8], extractor: str, parameters: dict[str, ParameterValue],
    device: torch.device | str = "cpu",
) -> str:
    """SHA-256 of everything the features depend on; `parameters` hold the digest of the weights."""
    return _key([images_nhwc], images_nhwc.shape, extractor, parameters, device)


def _key(
    blocks_nhwc: Iterable[npt.NDArray[np.uint8]], shape: Sequence[int], extractor: str,
    parameters: dict[str, ParameterValue], device: torch.device | str,
) -> str:
    """`cache_key` of images that come in blocks."""
    header: dict[str, object] = {"extractor": extractor, "parameters": parameters, "shape": list(shape)}
    if (arithmetic := _arithmetic(device)) != "cpu":  # what was kept from CPUs before had no such entry
        header["arithmetic"] = arithmetic
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for block_nhwc in blocks_nhwc:
        digest.update(block_nhwc.data)
    return digest.hexdigest()


def _key_of_set(
    images: ImageSet, extractor: str, parameters: dict[str, ParameterValue], device: torch.device | str
) -> str:
    count, channels, height, width = images.shape
    with read_ahead(images) as (read,):
        blocks = (quantise(read[rows]) for rows in batches(images))
        return _key(blocks, (count, height, width, channels), extractor, parameters, device)


def _arithmetic(device: torch.device | str) -> str:
    """The device's type, and TF32 where it convolves in that."""
    kind = str(device).partition(":")[0]
    return " ".join([kind, *(f"tf32 {name}" for name in tf32_operations())]) if kind == "cuda" else kind


def _compute(
    images: ImageSet, network: Callable[[npt.NDArray[np.uint8]], torch.Tensor],
    device: torch.device | str, batch_size: int | None, progress: Progress,
) -> npt.NDArray[np.float32]:
    import torch

    step = batch_size or (_CPU_BATCH if torch.device(device).type == "cpu" else _ACCELERATOR_BATCH)

    found: list[npt.NDArray[np.float32]] = []  # one array for all rows, once their width is known

    def seen(rows: slice) -> None:
        of_rows: npt.NDArray[np.float32] = network(quantise(read[rows])).float().cpu().numpy()
        if not found:
            found.append(np.empty((len(images), of_rows.shape[1]), np.float32))
        found[0][rows] = of_rows
        progress("features", rows.stop, len(images))

    with torch.inference_mode(), read_ahead(images) as (read,):
        Batches("features", step).run(len(images), seen)
    return found[0]


def _read(path: Path, count: int) -> npt.NDArray[np.float32] | None:
    """Cached features, or None where there are none or the file is damaged (it is then made again)."""
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = features.dtype == np.float32 and features.ndim == 2 and len(features) == count
    return features if usable and np.isfinite(features).all() else None
