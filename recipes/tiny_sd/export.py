"""Write the backbone as a Stable Diffusion folder in half precision, swapped into place as a whole.

Everything is written aside first, so no half-written folder is left. Weights are safetensors.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from .architecture import build_scheduler

SIZE_LIMIT_BYTES = 20_000_000
_MODEL_PARTS = ("model_index.json", "unet", "vae", "text_encoder", "tokenizer", "scheduler")


def export_folder(
    folder: Path,
    autoencoder: AutoencoderKL,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
) -> None:
    """Write the five parts and `SHA256SUMS` under `folder`, keeping its README and pictures.

    The networks are converted to float16 in place. Raises `ValueError` when the parts exceed 20 MB.
    """
    aside = folder.with_name(folder.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    for network in (autoencoder, unet, text_encoder):
        torch.nn.Module.to(network, torch.float16)
    pipeline = StableDiffusionPipeline(
        vae=autoencoder, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=build_scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(aside, safe_serialization=True)
    _declare_float32(aside / "text_encoder" / "config.json")
    size = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
    if size > SIZE_LIMIT_BYTES:
        raise ValueError(f"the exported folder must be at most {SIZE_LIMIT_BYTES} bytes, got {size}: {aside}")
    _write_checksums(aside)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_MODEL_PARTS, "SHA256SUMS"):
        old, new = folder / name, aside / name
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        new.rename(old)
    shutil.rmtree(aside)


def _declare_float32(config: Path) -> None:
    # transformers 5 loads in the type the config names, diffusers in float32: without this a pipeline loaded
    # with its defaults would mix half and single precision and fail in its first matrix product
    fields = json.loads(config.read_text(encoding="utf-8"))
    fields["dtype"] = "float32"
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_checksums(folder: Path) -> None:
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
