"""Any architecture of the timm package with a state dictionary of the user's own: `timm:NAME@sha256:DIGEST`.

Features are those that timm pools before its classifier, which is left out whatever its classes. Images are normalised
as timm's configuration of the architecture, or of its tag (`resnet18.a1_in1k`), says. timm is optional, and nothing is
downloaded: the file is pinned by its digest (`own_weights`), and names that timm would fetch are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Network, ParameterValue
from ldbench.errors import MetricError, UsageError, WeightsError, unknown_name
from ldbench.score.networks.own_weights import RESIZE_FILTER, own_file, resized
from ldbench.score.networks.weights import load_state

if TYPE_CHECKING:
    import torch

NAME = "timm"


@dataclass(frozen=True)
class Architecture:
    """One architecture by its name in timm, with a tag or without."""

    architecture: str

    @property
    def name(self) -> str:
        """What a card calls it."""
        return f"{NAME}:{self.architecture}"

    def network(self) -> Network:
        """The plug-in of this architecture."""
        return Network(
            name=self.name, summary=TIMM.summary, load=self.load, parameters=self.parameters, resize=TIMM.resize,
            pinned=True, find=self.find,
        )

    def find(self, digest: str, given: Path | None = None) -> Path:
        """The checked file."""
        return own_file(self.name, f"{NAME}-{self.architecture}.safetensors", digest, given)

    def parameters(self, *, resize: int, digest: str) -> dict[str, ParameterValue]:
        """What is done to an image before the network sees it, for the score's record. Raises `LdbenchError`."""
        config = self._config()
        side = config.input_size[-1]
        if config.fixed_input_size and side != resize:
            raise MetricError(f"{self.name}: expected resize {side}, as timm has it, got {resize}; give {side}")
        return {
            "features": "pooled, before timm's classifier", "input": "8-bit RGB", "resize": resize,
            "resize_filter": RESIZE_FILTER, "normalisation": f"mean {config.mean}, deviation {config.std}",
            "weights_sha256": digest,
        }

    def load(
        self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str
    ) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
        """A function from images `(N, H, W, 3) uint8` to features `(N, d) float32`. Raises `LdbenchError`."""
        import torch

        config, path = self._config(), self.find(digest, weights)
        network = self._built(path).to(device).eval()
        mean, spread = (torch.tensor(each, device=device)[:, None, None] for each in (config.mean, config.std))

        def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
            output: torch.Tensor = network((torch.from_numpy(resized(images, resize)).to(device) - mean) / spread)
            return output

        return features

    def _config(self) -> Any:
        timm = _timm()
        if not timm.is_model(self.architecture):
            raise unknown_name(
                "timm architecture", self.architecture, timm.list_models(), "timm.list_models() prints all"
            )
        return timm.get_pretrained_cfg(self.architecture)

    def _built(self, path: Path) -> torch.nn.Module:
        """The network without its classifier; what else the file lacks or has too much is refused."""
        network: torch.nn.Module = _timm().create_model(self.architecture, pretrained=False, num_classes=0)
        named = self._config().classifier or ()
        heads = tuple(f"{head}." for head in ((named,) if isinstance(named, str) else named))
        state = {name: value for name, value in _state(path).items() if not name.startswith(heads)}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(
                f"{path}: expected the state dictionary of {self.name}, got {' '.join(str(error).split()):.160}; name "
                "the right file"
            ) from error
        return network


def _state(path: Path) -> Mapping[str, torch.Tensor]:
    """The state dictionary of a file as timm publishes them, or as torch saves them."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        return load_state(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path}: expected a safetensors file, got {error}; replace the file") from error


def _timm() -> Any:
    declare_missing_ops()
    try:
        import timm
    except ImportError as error:
        raise UsageError(f"a network of timm needs the package timm ({error}); pip install timm") from error
    return timm


def _no_architecture(**settings: object) -> Any:
    raise MetricError(f"{NAME}: expected an architecture, as {NAME}:resnet18@sha256:0123456789ab, got none")


TIMM = Network(
    name="timm",
    summary="timm:NAME: an architecture of timm from your own state dictionary, pinned by its digest.",
    load=_no_architecture, parameters=_no_architecture, resize=224, pinned=True,
    variant=lambda architecture: Architecture(architecture).network(),
)
