"""A random Stable Diffusion backbone of a few thousand weights, as diffusers saves one: where any backbone would do."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import torch

from ldbench.api import declare_missing_ops

declare_missing_ops()

from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel  # noqa: E402

PACKAGED = Path(str(resources.files("ldbench_baselines.backbone"))) / "tiny-sd"


def save_random_backbone(
    folder: Path, width: int = 32, channels: tuple[int, ...] = (8, 16), *, halvings: int = 1
) -> Path:
    """Save a backbone whose text is `width` wide and whose U-Net has one block for each of `channels`.

    Its autoencoder halves the image once, as that of the packaged backbone, whose tokenizer it has. At 64 pixels the
    U-Net's attention takes most of the time; after three `halvings` next to none. Equal arguments, equal weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _save_networks(folder, width, channels, halvings)
    PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    shutil.copytree(PACKAGED / "tokenizer", folder / "tokenizer")
    shutil.copy(PACKAGED / "model_index.json", folder)  # its safety_checker is [null, null]
    return folder


def _save_networks(folder: Path, width: int, channels: tuple[int, ...], halvings: int) -> None:
    down = ["CrossAttnDownBlock2D"] * (len(channels) - 1) + ["DownBlock2D"]
    up = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (len(channels) - 1)
    UNet2DConditionModel(
        sample_size=8, block_out_channels=channels, down_block_types=tuple(down), up_block_types=tuple(up),
        layers_per_block=1, norm_num_groups=4, attention_head_dim=4, cross_attention_dim=width,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(*(4,) * halvings, 8), down_block_types=("DownEncoderBlock2D",) * (halvings + 1),
        up_block_types=("UpDecoderBlock2D",) * (halvings + 1), layers_per_block=1, norm_num_groups=4, latent_channels=4,
    ).save_pretrained(folder / "vae")
    CLIPTextModel(CLIPTextConfig(
        vocab_size=1648, hidden_size=width, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=48, bos_token_id=1646, eos_token_id=1647, pad_token_id=1647,
    )).save_pretrained(folder / "text_encoder")
