"""A diffusers Stable Diffusion folder of a chosen size with random weights: for timing, where weights don't matter.

    python benchmarks/large_backbone.py FOLDER     # Stable Diffusion 1.4's size, 4.3 GB

It is good for nothing else: it generates noise. The tokenizer is another backbone's, set to the text encoder's length,
so that prompts cost what they cost.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

TEXT_LENGTH = 77


@dataclass(frozen=True)
class Size:
    """Channels of the U-Net's and the autoencoder's levels (the autoencoder halves between its own), layers a block,
    heads of the U-Net's attention, and the text encoder's layers, width, heads and vocabulary."""

    unet: tuple[int, ...]
    vae: tuple[int, ...]
    layers_a_block: int
    heads: int
    text_layers: int
    text_width: int
    text_heads: int
    vocabulary: int


# as in CompVis/stable-diffusion-v1-4's config files
STABLE_DIFFUSION_1 = Size((320, 640, 1280, 1280), (128, 256, 512, 512), 2, 8, 12, 768, 12, 49408)


def write_backbone(folder: Path, tokenizer: Path, size: Size) -> Path:
    """Write the five parts and `model_index.json` under `folder`, which is returned; weights are float32.

    A folder that is there is kept.
    """
    if folder.is_dir():
        return folder
    from ldbench._torchvision import declare_missing_ops

    declare_missing_ops()
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from transformers import CLIPTokenizer

    words = CLIPTokenizer.from_pretrained(tokenizer, model_max_length=TEXT_LENGTH)
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = StableDiffusionPipeline(
            _autoencoder(size), _text_encoder(size, words), words, unet_of(size), scheduler, None, None,
            requires_safety_checker=False,
        )
    part = folder.with_name(f"{folder.name}.part")  # so that the folder is whole or not there
    pipeline.save_pretrained(part)
    return part.rename(folder)


def unet_of(size: Size) -> UNet2DConditionModel:
    """The U-Net of a size, with random weights."""
    from diffusers import UNet2DConditionModel

    levels = len(size.unet) - 1
    return UNet2DConditionModel(
        sample_size=64, block_out_channels=size.unet, layers_per_block=size.layers_a_block,
        down_block_types=("CrossAttnDownBlock2D",) * levels + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * levels,
        cross_attention_dim=size.text_width, attention_head_dim=size.heads,
    )


def _autoencoder(size: Size) -> AutoencoderKL:
    from diffusers import AutoencoderKL

    levels = len(size.vae)
    return AutoencoderKL(
        sample_size=512, block_out_channels=size.vae, layers_per_block=size.layers_a_block,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=4, scaling_factor=0.18215,
    )


def _text_encoder(size: Size, words: CLIPTokenizer) -> CLIPTextModel:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(
        vocab_size=size.vocabulary, hidden_size=size.text_width, intermediate_size=4 * size.text_width,
        num_hidden_layers=size.text_layers, num_attention_heads=size.text_heads,
        max_position_embeddings=TEXT_LENGTH, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
    ))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tokenizer = Path(str(resources.files("ldbench_baselines.backbone").joinpath("tiny-sd/tokenizer")))
    write_backbone(Path(sys.argv[1]), tokenizer, STABLE_DIFFUSION_1)
