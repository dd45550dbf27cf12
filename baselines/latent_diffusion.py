"""A Stable Diffusion backbone as its four parts, from a diffusers folder or the hub's local cache.

Loads the parts one by one, so an absent or gated safety checker stops nothing. Refuses to download, and to load
weights in any format but safetensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ldbench.api import declare_missing_ops
from ldbench.errors import WeightsError

declare_missing_ops()

from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel  # noqa: E402 (torchvision needs the line above)
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGED = {"tiny-sd": "tiny-sd"}
LARGE_UNET = 100_000_000
BYTES = 256  # a byte-level vocabulary has at least these


@dataclass(frozen=True)
class LatentDiffusion:
    """Tokenizer, text encoder, U-Net, autoencoder and the training schedule, in float32 on one device."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    schedule: DDPMScheduler

    @property
    def is_large(self) -> bool:
        """Whether the U-Net is of Stable Diffusion's order of size (more than 100 M parameters)."""
        return sum(parameter.numel() for parameter in self.unet.parameters()) > LARGE_UNET

    def latent_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """`(C, h, w)` of the latents of images `(3, H, W)`."""
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return self.unet.config.out_channels, image_shape[1] // factor, image_shape[2] // factor

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> torch.Tensor:
        """Hidden states of the prompts, `(B, tokens, d) float32`; longer prompts are cut at the encoder's length."""
        tokens = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=self.tokenizer.model_max_length,
            return_tensors="pt",
        )
        return self.text_encoder(tokens.input_ids.to(self.text_encoder.device))[0]

    @torch.no_grad()
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Mean and log-variance of the scaled latents' posterior, `(2, B, C, h, w)`, of images in [0, 1]."""
        posterior = self.vae.encode(images.to(self.vae.device) * 2 - 1).latent_dist
        scale = self.vae.config.scaling_factor
        return torch.stack([posterior.mean * scale, posterior.std * scale])

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images `(B, 3, H, W) float32 in [0, 1]` of scaled latents `(B, C, h, w)`."""
        images = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return (images / 2 + 0.5).clamp(0, 1).float()


def load_backbone(name: str | None, device: torch.device) -> LatentDiffusion:
    """The backbone `name`: a packaged one (tiny-sd), a diffusers folder, or a hub id that lies in the hub's cache."""
    if name is None:
        raise WeightsError("backbone: the task's card recommends none; give one with --set backbone=FOLDER")
    source = _packaged_folder(name) if name in PACKAGED else name
    transformers_logging.disable_progress_bar()  # its bar for reading a local file would break the suite's display
    parts: Mapping[str, Any] = {
        "tokenizer": CLIPTokenizer, "text_encoder": CLIPTextModel, "unet": UNet2DConditionModel,
        "vae": AutoencoderKL, "scheduler": DDPMScheduler,
    }
    loaded = {part: _load_part(cls, source, part) for part, cls in parts.items()}
    if len(loaded["tokenizer"]) < BYTES:  # transformers makes up an empty one where the files are missing
        raise WeightsError(f"backbone {source!r}: tokenizer/ holds no vocabulary; expected vocab.json and merges.txt")
    for part in ("text_encoder", "unet", "vae"):
        loaded[part].requires_grad_(False).eval().to(device)
    loaded["unet"].to(memory_format=torch.channels_last)  # 4 % faster on two CPU threads
    return LatentDiffusion(
        loaded["tokenizer"], loaded["text_encoder"], loaded["unet"], loaded["vae"], loaded["scheduler"]
    )


def _load_part(cls: Any, source: str, part: str) -> Any:
    options: dict[str, Any] = {"subfolder": part, "local_files_only": True}
    if issubclass(cls, torch.nn.Module):
        options |= {"use_safetensors": True}
        if cls is not CLIPTextModel:
            options["low_cpu_mem_usage"] = False  # the other way needs accelerate
        options["dtype" if cls is CLIPTextModel else "torch_dtype"] = torch.float32
    try:
        return cls.from_pretrained(source, **options)
    except (OSError, ValueError, TypeError) as error:
        line = " ".join(str(error).split())[:160]
        raise WeightsError(
            f"backbone {source!r}: can't load {part}/ ({line}); expected a diffusers Stable Diffusion folder with "
            "safetensors weights, or a hub id already in the local cache"
        ) from error


def _packaged_folder(name: str) -> str:
    """The folder of a backbone that ships with the package, after its SHA-256 sums hold."""
    folder = Path(str(resources.files(f"{__package__}.backbone").joinpath(PACKAGED[name])))
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise WeightsError(f"backbone {name!r}: {folder} has no SHA256SUMS; reinstall ldbench") from error
    for expected, file_name in (line.split(maxsplit=1) for line in lines if line):
        path = folder / file_name.strip().lstrip("*")
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if found != expected:
            raise WeightsError(f"{path}: expected SHA-256 {expected[:12]}..., got {found[:12]}...; reinstall ldbench")
    return str(folder)
