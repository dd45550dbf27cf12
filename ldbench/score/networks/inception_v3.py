"""Inception-v3 as clean-fid uses it: its TorchScript network, its resizing, its 2048 pooled features.

The weight file is NVIDIA's TorchScript translation of TensorFlow's inception-2015-12-05, which clean-fid and
StyleGAN's metrics share; it is not on any package registry, so the user supplies it or allows its download.
A card of the user's own may ask for another network in the same format by its digest
(`ldbench.score.networks.weights`), an Inception that was trained on radiographs, say; its name then says so.

Torchvision's Inception and torch's own resizing give other features (Parmar et al. 2022, arXiv 2104.11222).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Network, ParameterValue
from ldbench.errors import WeightsError
from ldbench.score.networks.torchscript import read_as_published, without_tf32
from ldbench.score.networks.weights import WeightsFile, find_file, locate, pinned

if TYPE_CHECKING:
    import torch

NAME = "inception-v3"
DIMENSION = 2048
RESIZE = 299
# The digest that k-diffusion and others pin for this URL; it was not downloaded here to check.
WEIGHTS = WeightsFile(
    name="inception-2015-12-05.pt",
    url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4", network=NAME,
)


def find(digest: str) -> Path:
    """The checked weight file, or where it will be downloaded to. Raises `WeightsError`."""
    return find_file(pinned(WEIGHTS, digest))


def parameters(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is done to an image before the network sees it, for the score's record; `digest` as the card asks for it."""
    return {
        "features": "pooled, 2048", "input": "8-bit RGB", "resize": RESIZE,
        "resize_filter": "bicubic, antialiased, Pillow (clean-fid's mode 'clean')",
        "normalisation": "(grey level - 128) / 128", "weights_sha256": digest or WEIGHTS.sha256,
    }


def load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
    """A function from images `(N, H, W, 3) uint8` to features `(N, 2048) float32` on `device`.

    `weights` overrides the file's usual places, `digest` is that of another network than the published one, `resize`
    can be no other than its own. Raises `WeightsError` where the file is missing, has another SHA-256, or holds no
    such network.
    """
    import torch

    path = locate(pinned(WEIGHTS, digest), weights)
    declare_missing_ops()
    from cleanfid.resize import build_resizer

    network, resized = without_tf32(_network(path)).to(device).eval(), build_resizer("clean")

    def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
        batch = np.stack([resized(image) for image in images]).transpose(0, 3, 1, 2)
        output: torch.Tensor = network(torch.from_numpy(np.ascontiguousarray(batch)).to(device))
        return output

    return features


def _network(path: Path) -> torch.nn.Module:
    """clean-fid's wrapper, which takes the folder of a file of the published name and looks for nothing else."""
    from cleanfid.inception_torchscript import InceptionV3W

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / WEIGHTS.name).symlink_to(path.resolve())
        try:
            with read_as_published():
                network: torch.nn.Module = InceptionV3W(folder, download=False, resize_inside=False)
        except (RuntimeError, AttributeError) as error:
            text = " ".join(str(error).split())
            raise WeightsError(f"{path}: expected a TorchScript network with `layers`, got {text:.120}") from error
    return network


INCEPTION_V3 = Network(
    name="inception-v3",
    summary="Inception-v3 of TensorFlow as clean-fid uses it, 2048 features; its weight file is yours to give.",
    load=load, parameters=parameters, resize=RESIZE, fixed_size=True, pinned=True, find=find,
)
