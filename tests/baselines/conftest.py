"""A random Stable Diffusion backbone of a few thousand weights, saved as diffusers saves one, for tests of loading."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import torch

from ldbench.api import declare_missing_ops

declare_missing_ops()

from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel  # noqa: E402

PACKAGED = Path(str(resources.files("ldbench_baselines.backbone"))) / "tiny-sd"


def save_random_backbone(folder: Path, width: int = 32, channels: tuple[int, ...] = (8, 16)) -> Path:
    """Save a backbone whose text is `width` wide and whose U-Net has one block for each of `channels`."""
    torch.manual_seed(0)
    down = ["CrossAttnDownBlock2D"] * (len(channels) - 1) + ["DownBlock2D"]
    up = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (len(channels) - 1)
    UNet2DConditionModel(
        sample_size=8, block_out_channels=channels, down_block_types=tuple(down), up_block_types=tuple(up),
        layers_per_block=1, norm_num_groups=4, attention_head_dim=4, cross_attention_dim=width,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, layers_per_block=1, norm_num_groups=4, latent_channels=4,
    ).save_pretrained(folder / "vae")
    CLIPTextModel(CLIPTextConfig(
        vocab_size=1648, hidden_size=width, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=48, bos_token_id=1646, eos_token_id=1647, pad_token_id=1647,
    )).save_pretrained(folder / "text_encoder")
    PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    shutil.copytree(PACKAGED / "tokenizer", folder / "tokenizer")
    shutil.copy(PACKAGED / "model_index.json", folder)  # its safety_checker is [null, null]
    return folder


def edit_json(path: Path, **changes: object) -> None:
    """Overwrite keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.fixture(scope="session")
def random_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved backbone that no test may change."""
    with torch.random.fork_rng():
        return save_random_backbone(tmp_path_factory.mktemp("random-backbone"))


@pytest.fixture
def backbone_copy(random_backbone: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(random_backbone, tmp_path / "backbone"))


@pytest.fixture
def library_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What transformers and diffusers log; their loggers pass nothing on to the root, where pytest listens."""
    loggers = [logging.getLogger(name) for name in ("transformers", "diffusers")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield caplog
    for logger in loggers:
        logger.removeHandler(caplog.handler)
