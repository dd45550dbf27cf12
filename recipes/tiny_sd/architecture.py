"""The networks of the backbone, shaped like Stable Diffusion v1 at an eighth of its resolution.

64 x 64 x 3 images, 32 x 32 x 4 latents, a CLIP text model with 48 tokens of 128 channels, a U-Net with
cross-attention, and Stable Diffusion's noise schedule. Random initial weights only: training is elsewhere.
"""

from __future__ import annotations

from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

IMAGE_SIZE, LATENT_SIZE, LATENT_CHANNELS = 64, 32, 4
TEXT_CHANNELS = 128


def build_autoencoder() -> AutoencoderKL:
    """Factor-2 autoencoder: a 2 x 2 block of a grey picture fits the four channels exactly.

    No attention: nothing that lies far away helps to reconstruct a pixel. The first block is narrow because cost is
    set by the full resolution.
    """
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT_CHANNELS, sample_size=IMAGE_SIZE,
        block_out_channels=(16, 48), layers_per_block=1, norm_num_groups=4, mid_block_add_attention=False,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def build_unet() -> UNet2DConditionModel:
    """Noise predictor of (N, 4, 32, 32) latents given (N, 48, 128) text states.

    The top level is narrow, as its 32 x 32 positions set the cost. Cross-attention stands at 8 x 8 and 4 x 4 only.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE, in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS, layers_per_block=1,
        block_out_channels=(32, 64, 128, 144), cross_attention_dim=TEXT_CHANNELS, attention_head_dim=4,
        norm_num_groups=16,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Three-layer CLIP text model over the tokenizer's vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=TEXT_CHANNELS, intermediate_size=4 * TEXT_CHANNELS,
            num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=tokenizer.model_max_length,
            projection_dim=TEXT_CHANNELS, hidden_act="quick_gelu", bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def build_scheduler() -> PNDMScheduler:
    """Stable Diffusion v1's scheduler, with the `clip_sample` that other schedulers made from its config read."""
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
        prediction_type="epsilon", skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False,
    )  # fmt: skip
    scheduler.register_to_config(clip_sample=False)
    return scheduler
