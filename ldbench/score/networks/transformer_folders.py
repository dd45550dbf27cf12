"""Vision transformers from a folder of the transformers library: DINOv2, RAD-DINO, CLIP.

The folder is the user's own and pinned by its digest (`own_weights`). Features are what the papers that use them take:
the class token after the last layer norm of DINOv2 (Oquab et al. 2023, arXiv 2304.07193; as FD-DINOv2 by Stein et al.
2023, arXiv 2306.04675) and RAD-DINO (Perez-Garcia et al. 2024, arXiv 2401.10815), the projected image embedding of CLIP
(Radford et al. 2021, arXiv 2103.00020; as CMMD). The image is resized whole, without a crop.

Refuses, before a run, a folder of another kind, one whose network is code of its own, and one that says that its images
are normalised otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Network, ParameterValue
from ldbench.errors import MetricError, WeightsError
from ldbench.records.files import got_instead
from ldbench.score.networks.own_weights import RESIZE_FILTER, own_folder, resized

if TYPE_CHECKING:
    import torch

FILES = ("config.json", "model.safetensors")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")  # either says how images are normalised
_CLOSE = 0.01  # means and deviations that differ by less are one normalisation
Grey = tuple[float, float, float]


@dataclass(frozen=True)
class Transformer:
    """What makes one of the networks: its name, the folder's `model_type`, the class that reads it, and its features.

    `mean` and `spread` normalise each channel. With `fixed_size` the images must have the side of the configuration.
    """

    name: str
    model_type: str
    reader: str
    embed: Callable[[Any, torch.Tensor], torch.Tensor]
    features: str
    mean: Grey
    spread: Grey
    fixed_size: bool = False

    def find(self, digest: str, given: Path | None = None) -> Path:
        """The checked folder of this kind of network, `given` or at its place. Raises `WeightsError`."""
        folder = own_folder(self.name, FILES, digest, given)
        self._check(folder)
        return folder

    def parameters(self, *, resize: int, digest: str) -> dict[str, ParameterValue]:
        """What is done to an image before the network sees it, for the score's record."""
        return {
            "features": self.features, "input": "8-bit RGB", "resize": resize, "resize_filter": RESIZE_FILTER,
            "normalisation": f"mean {self.mean}, deviation {self.spread}", "weights_sha256": digest,
        }

    def load(
        self, *, resize: int, device: torch.device | str, weights: Path | None, digest: str
    ) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
        """A function from images `(N, H, W, 3) uint8` to features `(N, d) float32`. Raises `WeightsError`."""
        import torch

        folder = self.find(digest, weights)
        self._check_side(folder, resize)
        network = self.read(folder).to(device).eval()
        mean, spread = (torch.tensor(each, device=device)[:, None, None] for each in (self.mean, self.spread))

        def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
            batch = torch.from_numpy(resized(images, resize)).to(device)
            return self.embed(network, (batch - mean) / spread)

        return features

    def _check(self, folder: Path) -> None:
        """That the folder holds this kind of network, for images that are normalised so."""
        config = _table(folder / "config.json")
        if config.get("model_type") != self.model_type:
            raise WeightsError(
                f"{folder}/config.json: expected model_type {self.model_type}, got {config.get('model_type')!r}; name "
                f"a folder of {self.name}"
            )
        if "auto_map" in config:
            raise WeightsError(
                f"{folder}/config.json: expected a network of the transformers library, got one of its own code "
                f"(auto_map), which is never run; name another folder of {self.name}"
            )
        for path in filter(Path.is_file, (folder / name for name in _PROCESSORS)):
            self._check_normalisation(path)

    def _check_normalisation(self, path: Path) -> None:
        table = _table(path)
        said = {**table, **table.get("image_processor", {})}
        for key, own in (("image_mean", self.mean), ("image_std", self.spread)):
            given = said.get(key, own)
            if not _close(given, own):
                raise WeightsError(
                    f"{path}: expected {key} {list(own)}, as {self.name} has it, got {given}; images normalised "
                    "otherwise are not supported"
                )

    def _check_side(self, folder: Path, resize: int) -> None:
        config = _table(folder / "config.json")
        side = config.get("vision_config", config).get("image_size", resize)
        if self.fixed_size and side != resize:
            raise MetricError(f"{self.name}: expected resize {side}, as in this folder, got {resize}; give {side}")

    def read(self, folder: Path) -> torch.nn.Module:
        """The whole network of a checked folder. Raises `WeightsError`."""
        declare_missing_ops()
        import transformers
        from safetensors import SafetensorError

        reader: Any = getattr(transformers, self.reader)
        try:
            network, report = reader.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise WeightsError(
                f"{folder}: expected a transformers folder of {self.name}, got {' '.join(str(error).split()):.160}; "
                "save the model again with save_pretrained"
            ) from error
        missing = sorted(report["missing_keys"])
        if missing:  # the library would draw them at random
            raise WeightsError(
                f"{folder}: expected all weights of {self.name}, got none for {len(missing)}, {missing[0]} say; save "
                "the model again with save_pretrained"
            )
        module: torch.nn.Module = network
        return module


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path}: expected JSON, got {got_instead(error)}; save the model again") from error
    return table if isinstance(table, dict) else {}


def _close(given: object, own: Grey) -> bool:
    try:
        return bool(np.allclose(np.asarray(given, np.float64), own, rtol=0, atol=_CLOSE))
    except (TypeError, ValueError):  # no numbers, or not three of them
        return False


def _class_token(network: Any, pixels_nchw: torch.Tensor) -> torch.Tensor:
    token: torch.Tensor = network(pixel_values=pixels_nchw).last_hidden_state[:, 0]
    return token


def _projected(network: Any, pixels_nchw: torch.Tensor) -> torch.Tensor:
    pooled = network.vision_model(pixel_values=pixels_nchw).pooler_output
    projected: torch.Tensor = network.visual_projection(pooled)
    return projected


_IMAGENET: tuple[Grey, Grey] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLASS_TOKEN = "class token after the last layer norm"
_DINOV2 = Transformer("dinov2", "dinov2", "Dinov2Model", _class_token, _CLASS_TOKEN, *_IMAGENET)
_RAD_DINO = Transformer(
    "rad-dino", "dinov2", "Dinov2Model", _class_token, _CLASS_TOKEN, (0.5307,) * 3, (0.2583,) * 3
)
CLIP_FOLDER = Transformer(
    "clip", "clip", "CLIPModel", _projected, "projected image embedding",
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), fixed_size=True,
)

DINOV2 = Network(
    name="dinov2", summary="DINOv2 from your own transformers folder, pinned by its digest; its class token.",
    load=_DINOV2.load, parameters=_DINOV2.parameters, resize=224, pinned=True, find=_DINOV2.find,
    licence="Apache-2.0",
)

RAD_DINO = Network(
    name="rad-dino", summary="RAD-DINO of chest films from your own transformers folder, pinned by its digest.",
    load=_RAD_DINO.load, parameters=_RAD_DINO.parameters, resize=518, pinned=True, find=_RAD_DINO.find,
)

CLIP = Network(
    name="clip", summary="CLIP's image encoder from your own transformers folder, pinned by its digest.",
    load=CLIP_FOLDER.load, parameters=CLIP_FOLDER.parameters, resize=224, pinned=True, find=CLIP_FOLDER.find,
    licence="MIT",
)
