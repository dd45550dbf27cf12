"""Any network as a TorchScript file of the user's own, pinned by its digest.

It gets `(N, 3, side, side) float32 in [0, 1]` and returns `(N, d)`; whatever else it does to the pixels is its own. A
TorchScript file is a program: its digest on the card is what says that it is the one that was meant.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench.api import Network, ParameterValue
from ldbench.errors import MetricError, WeightsError
from ldbench.score.networks.own_weights import RESIZE_FILTER, own_file, resized

if TYPE_CHECKING:
    import torch

NAME = "torchscript"
_WITH_TF32 = 13  # inputs of a traced convolution of today's torch, whose last says whether it may be in TF32


def find(digest: str) -> Path:
    """The checked file."""
    return own_file(NAME, "torchscript.pt", digest)


def parameters(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is done to an image before the network sees it, for the score's record."""
    return {
        "features": "as the file gives them", "input": "8-bit RGB", "resize": resize, "resize_filter": RESIZE_FILTER,
        "normalisation": "to [0, 1]", "weights_sha256": digest,
    }


def load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
    """A function from images `(N, H, W, 3) uint8` to features `(N, d) float32`. Raises `WeightsError`."""
    import torch

    path = own_file(NAME, "torchscript.pt", digest, weights)
    try:
        with read_as_published():
            network = without_tf32(torch.jit.load(path, map_location=device).eval())
    except RuntimeError as error:
        raise WeightsError(
            f"{path}: expected a TorchScript file, got {' '.join(str(error).split()):.120}; write it with "
            "torch.jit.save"
        ) from error

    def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
        output = network(torch.from_numpy(resized(images, resize)).to(device))
        if not isinstance(output, torch.Tensor) or output.ndim != 2 or len(output) != len(images):
            got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise MetricError(f"{path}: expected features ({len(images)}, d), got {got}; trace a network that pools")
        return output

    return features


@contextmanager
def read_as_published() -> Iterator[None]:
    """TorchScript files are read without torch's word that the format is deprecated: who has one did not choose it."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):  # of torch 2.13, and of 2.14
            warnings.filterwarnings("ignore", r".*torch\.jit\.", category)
        yield


def without_tf32(network: torch.nn.Module) -> torch.nn.Module:
    """A network that was just loaded, its convolutions in full float32: called before its first call compiles it.

    A trace keeps the setting of the program that traced it (github.com/pytorch/pytorch/issues/18776): on an H200 a
    traced Inception-v3's features were 5e-4 of the largest away from the CPU's with TF32 off.
    """
    import torch

    for part in network.modules():
        compiled: Any = getattr(part, "_c", None)
        for name in compiled._method_names() if isinstance(part, torch.jit.ScriptModule) else ():
            graph = compiled._get_method(name).graph
            torch._C._jit_pass_inline(graph)  # what it calls may have been traced, too
            for node in graph.findAllNodes("aten::_convolution"):
                if len(list(node.inputs())) == _WITH_TF32:
                    with graph.insert_point_guard(node):
                        node.replaceInput(_WITH_TF32 - 1, graph.insertConstant(False))
    return network


TORCHSCRIPT = Network(
    name="torchscript",
    summary="Your own TorchScript file, pinned by its digest: images in [0, 1] to features (N, d).",
    load=load, parameters=parameters, resize=224, pinned=True, find=find,
)
