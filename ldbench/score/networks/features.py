"""Images to features, cached by content.

An image set is quantised to 8 bits, as its PNG files are, before any extractor sees it, so that real and generated
images are treated alike. `feature_cache` keeps the features; those of many images are never held in memory whole.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Batches, ImageSet, Network, ParameterValue, Progress, silent
from ldbench.errors import ImageError, MetricError, PluginError, unknown_name
from ldbench.plugins.blame import blamed, module_of
from ldbench.plugins.code import remember, source_digest
from ldbench.plugins.kinds import NETWORKS
from ldbench.records.files import write_cache
from ldbench.score.arithmetic import full_float32
from ldbench.score.image_sets import read_ahead
from ldbench.score.networks.feature_cache import Rows, key_of_set, quantise, read_features, write_rows
from ldbench.score.networks.weights import unpinned

if TYPE_CHECKING:
    import torch

Images = npt.NDArray[np.float32]
# One image at a time keeps the activations in a CPU's cache: 75 images/s at 224 px against 38 at 16 a batch.
_CPU_BATCH, _ACCELERATOR_BATCH = 1, 64
_MANY = 2**12  # features of more images go to the disk as they are computed


@full_float32()
def extract(
    images: ImageSet | Images, extractor: str | Network, *, resize: int | None = None, weights: Path | None = None,
    device: torch.device | str = "cpu", batch_size: int | None = None, cache_folder: Path | None = None,
    progress: Progress = silent,
) -> npt.NDArray[np.float32]:
    """Features `(N, d) float32` of images `(N, 3, H, W) float32 in [0, 1]`.

    `extractor` is a network's name on a card, or a network. `resize` is the side in pixels that it sees (None: its
    own), `weights` a weight file that overrides the cache folder's, `batch_size` None the fastest for the device.
    `cache_folder` None caches nothing; the usual place is `ldbench.records.caches.FEATURES` below the cache folder.
    With a cache, features of many images are a read-only map of its file (`ldbench.score.metrics.row_blocks.rows_of`).
    On a GPU float32 is computed as such, whatever the program around it allows.
    Raises `UnknownNameError`, `ImageError`, `WeightsError`.

    >>> extract(np.zeros((2, 3, 64, 64), np.float32), "efficientnet-lite0").shape
    (2, 1280)
    """
    network, digest = network_of(extractor)
    size = _size(network, resize)
    parameters = dict(network.parameters(resize=size, digest=digest))
    images = _checked(images)
    name, path = extractor if isinstance(extractor, str) else network.name, None
    code = None if cache_folder is None else foreign_code(network)
    if cache_folder is not None and code is not None:
        path = cache_folder / f"{key_of_set(images, name, {**parameters, **code}, device)}.npy"
    if path is not None and (cached := read_features(path, len(images))) is not None:
        progress(f"features of {name}", len(cached), len(cached), "cached")
        return cached
    with _blamed(network, "load"), _random_state_kept():
        loaded = network.load(resize=size, device=device, weights=weights, digest=digest)

    compute = partial(
        _compute, images, _Checked(network, loaded), name=name, device=device, batch_size=batch_size, progress=progress
    )
    if path is not None and len(images) > _MANY:
        written = write_rows(path, len(images), lambda take: compute(take=take))
        if written is not None:
            return written
    in_memory = _InMemory(len(images))  # few images, or a disk that keeps nothing
    compute(take=in_memory)
    if path is not None and len(images) <= _MANY:
        write_cache(path, lambda file: np.save(file, in_memory.all, allow_pickle=False))
    return in_memory.all


def extractor_parameters(extractor: str | Network, resize: int | None = None) -> dict[str, ParameterValue]:
    """Preprocessing and weights of an extractor, as they stand in a score; loads no network."""
    network, digest = network_of(extractor)
    return dict(network.parameters(resize=_size(network, resize), digest=digest))


def network_of(extractor: str | Network) -> tuple[Network, str]:
    """The network that a card names, and the digest that it pins or ""; UnknownNameError, PluginError, WeightsError."""
    if isinstance(extractor, Network):
        return extractor, ""
    name, digest = unpinned(extractor)
    network = installed_network(name) or _remembered(NETWORKS.load(name))
    if digest and not network.pinned:
        raise unknown_name(
            "feature network", extractor, [name], f"{name} brings its own weights: give its name without a digest"
        )
    return network, digest


def find_weights(extractor: str) -> None:
    """Looks for the weights of the network that a card names, where it can; loads nothing. Raises as
    `network_of`, and `WeightsError` where they are missing or others."""
    network, digest = network_of(extractor)
    if network.find is not None:
        network.find(digest)


def installed_network(name: str) -> Network | None:
    """The registered network of a name without a digest, `FAMILY:VARIANT` included; None for any other name."""
    family, colon, variant = name.partition(":")
    of_family = NETWORKS.installed(family) if colon else None
    if of_family is not None and of_family.variant is not None:
        return _remembered(of_family.variant(variant))
    found = NETWORKS.installed(name)
    return None if found is None else _remembered(found)


def _remembered(network: Network) -> Network:
    """The network that was just loaded, its code noted as it was then."""
    if _is_foreign(network):
        remember(module_of(network.load))
    return network


def _is_foreign(network: Network) -> bool:
    return module_of(network.load).partition(".")[0] != "ldbench"


def _blamed(network: Network, what: str) -> AbstractContextManager[None]:
    """What somebody else's network raises is said of it; a batch that the memory can't hold is tried in halves."""
    return blamed(PluginError, f"{network.name}: {what}", module_of(network.load), halving=True)


def _random_state_kept() -> AbstractContextManager[None]:
    """Initial weights are drawn from torch's global state, then replaced: who measures may be training."""
    import torch

    return torch.random.fork_rng(devices=[])


def foreign_code(network: Network) -> dict[str, ParameterValue] | None:
    """The code of somebody else's network: edited, it gives other features by the same name and weights. None where it
    can't be read, or was edited since; features are then not kept."""
    if not _is_foreign(network):
        return {}
    digest = source_digest(module_of(network.load))
    return None if digest is None else {"code": digest}


def _size(network: Network, resize: int | None) -> int:
    """The side in pixels that the network sees."""
    if network.fixed_size and resize not in (None, network.resize):
        raise MetricError(f"{network.name}: expected resize {network.resize}, got {resize}; give {network.resize}")
    if resize is not None and resize < 1:
        raise MetricError(f"{network.name}: expected resize 1 or more, got {resize}; give {network.resize}")
    return network.resize if resize is None else resize


def _checked(images: ImageSet | Images) -> ImageSet:
    """The images as a set; `ImageError` for one that is empty or of another shape."""
    import torch

    found = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if len(found.shape) != 4 or found.shape[1] != 3 or 0 in found.shape:
        raise ImageError(
            f"features: expected images (N, 3, H, W) with N > 0, got shape {tuple(found.shape)}; check the set"
        )
    return found


def _compute(
    images: ImageSet, network: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]], take: Rows, name: str, *,
    device: torch.device | str, batch_size: int | None, progress: Progress,
) -> None:
    """Gives the features of all images to `take`, in order."""
    import torch

    step = batch_size or (_CPU_BATCH if torch.device(device).type == "cpu" else _ACCELERATOR_BATCH)

    def seen(rows: slice) -> None:
        take(rows, network(quantise(read[rows])))
        progress(f"features of {name}", rows.stop, len(images))

    with torch.inference_mode(), read_ahead(images) as (read,):
        Batches("features", step).run(len(images), seen)


class _Checked:
    """A network that was loaded, each batch of its features `(N, d) float32` held against the contract."""

    def __init__(self, network: Network, loaded: Callable[[npt.NDArray[np.uint8]], torch.Tensor]) -> None:
        self._network, self._loaded, self._width = network, loaded, 0

    def __call__(self, levels_nhwc: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with _blamed(self._network, "its features"):
            returned = self._loaded(levels_nhwc)
            return self._checked(returned, len(levels_nhwc))

    def _checked(self, returned: object, count: int) -> npt.NDArray[np.float32]:
        """`PluginError` for what is no tensor of one row an image, all of one width; `MetricError` for NaN."""
        import torch

        width, remedy = self._width, "repair the network"
        if isinstance(returned, torch.Tensor):
            rows, d = returned.shape if returned.ndim == 2 else (0, 0)
            if returned.is_floating_point() and rows == count and d == (width or d) > 0:
                self._width = d
                return self._finite(returned.detach().float().cpu().numpy())
            got = f"{str(returned.dtype).removeprefix('torch.')} of shape {tuple(returned.shape)}"
        else:
            got = "None" if returned is None else type(returned).__name__
            remedy = "return them" if returned is None else "make it one (torch.from_numpy)"
        as_before = f", d = {width} as in the first batch" if width else ""
        raise PluginError(
            f"{self._network.name}: expected a float tensor of features (N, d), N = {count}{as_before}, got {got}; "
            f"{remedy}"
        )

    def _finite(self, features_nd: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if bad := sum(not np.isfinite(features_d).all() for features_d in features_nd):
            said = "repair the network" if _is_foreign(self._network) else "check the device's arithmetic"
            raise MetricError(
                f"{self._network.name}: expected finite features, got NaN or infinity for {bad} of "
                f"{len(features_nd)} images; {said}"
            )
        return features_nd


class _InMemory:
    """One array for all rows, once their width is known."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __call__(self, rows: slice, features: npt.NDArray[np.float32]) -> None:
        if rows.start == 0:
            self.all = np.empty((self._count, features.shape[1]), np.float32)
        self.all[rows] = features
