"""Weights that are always the user's own: a file or a folder, known by the digest that a card pins.

Nothing is downloaded. The place is the path in LDBENCH_WEIGHTS_<NETWORK>, or the cache folder's `weights/<NAME>`. A
folder is known by the digest of its files one after the other, so that its configuration is pinned with its weights.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ldbench.errors import WeightsError
from ldbench.score.networks.weights import PIN, WeightsFile, locate, place

_CHUNK = 1 << 20
_OPEN_CLIP = "open_clip_config.json"


def own_file(network: str, name: str, digest: str, given: Path | None = None) -> Path:
    """The checked file of a network; `WeightsError` where the card pins none, it is missing, or it is another one."""
    _pinned(network, digest, "sha256sum FILE")
    return locate(WeightsFile(name=name, url="", sha256=digest, network=network), given)


def own_folder(network: str, files: tuple[str, ...], digest: str, given: Path | None = None) -> Path:
    """The checked folder of a network that holds these files; `WeightsError` as for `own_file`."""
    command = f"cat {' '.join(files)} | sha256sum"
    _pinned(network, digest, command)
    weights = WeightsFile(name=network, url="", sha256=digest, network=network)
    folder = place(weights) if given is None else given
    missing = [name for name in files if not (folder / name).is_file()]
    if missing and (folder / _OPEN_CLIP).is_file():
        raise WeightsError(
            f"{folder}: expected a folder of the transformers library, got one of open_clip (as BiomedCLIP's), which "
            "is not supported; name another one"
        )
    if missing:
        raise WeightsError(
            f"missing weights {folder}: expected a folder with {' and '.join(files)}, got no {', '.join(missing)}; "
            f"save the model there in one safetensors file, or name its folder in {weights.variable}"
        )
    got = hashlib.sha256()
    for name in files:
        with (folder / name).open("rb") as file:
            while block := file.read(_CHUNK):
                got.update(block)
    if not got.hexdigest().startswith(digest):
        raise WeightsError(
            f"{folder}: expected SHA-256 {digest} of `{command}`, got {got.hexdigest()}; name the right folder, or ask "
            f"for the network {network}{PIN}{got.hexdigest()[:12]}, which this one holds"
        )
    return folder


def _pinned(network: str, digest: str, command: str) -> None:
    if not digest:
        raise WeightsError(
            f"{network}: expected the digest of your own weights with the name, as {network}{PIN}0123456789ab, got "
            f"none; `{command}` prints it"
        )


def resized(images_nhwc: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """Images `(N, H, W, 3) uint8` at another side, `(N, 3, side, side) float32 in [0, 1]`, as `RESIZE_FILTER` says."""
    from PIL import Image

    small = [
        np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in images_nhwc
    ]
    return np.asarray(np.stack(small).transpose(0, 3, 1, 2).astype(np.float32) / 255, dtype=np.float32)


RESIZE_FILTER = "bicubic, antialiased, Pillow, 8-bit"
