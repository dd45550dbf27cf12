"""What a feature network is: images in, one vector an image out, with a record of what was done to the pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ldbench.api.values import ParameterValue

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Features = Callable[[NDArray[np.uint8]], torch.Tensor]


class LoadNetwork(Protocol):
    """How a network is loaded."""

    def __call__(self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str) -> Features:
        """A function from images `(N, H, W, 3) uint8` to features `(N, d) float32`.

        `weights` is a file that overrides the usual places, `digest` what a card pins with `NAME@sha256:DIGEST`, ""
        where it pins nothing. Raises `WeightsError`.
        """


class FindWeights(Protocol):
    """Where a network's weights are, for those that do not hold them."""

    def __call__(self, digest: str) -> Path:
        """The file or folder of a digest, checked, or where it will be downloaded to; loads and downloads nothing.

        Raises `WeightsError` where it is missing or another.
        """


class DescribeNetwork(Protocol):
    """How a network says what it does."""

    def __call__(self, *, resize: int, digest: str) -> Mapping[str, ParameterValue]:
        """Preprocessing and weights, as they stand in a score; loads nothing. The digest of the weights is in it."""


@dataclass(frozen=True)
class Network:
    """A plug-in of `ldbench.networks`.

    `resize` is the side in pixels that the network sees where a card names none. With `fixed_size` a card can ask for
    no other. `pinned` says that a card may ask for other weights of the same shape by their digest. `find` is for
    networks whose weights are not in their own package, so that missing ones are known before a run begins. `variant`
    makes the network that a card calls `NAME:VARIANT`, for a plug-in that holds many. `licence` is that of the weights
    as their authors publish them, an SPDX id where there is one; "" where nobody has said or read it.
    """

    name: str
    summary: str
    load: LoadNetwork
    parameters: DescribeNetwork
    resize: int
    fixed_size: bool = False
    pinned: bool = False
    find: FindWeights | None = None
    variant: Callable[[str], Network] | None = None
    licence: str = ""
