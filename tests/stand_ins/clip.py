"""A random CLIP of a few thousand weights in a folder, as transformers saves one, with the packaged tokenizer."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from ldbench.api import declare_missing_ops
from ldbench.score.networks.transformer_folders import FILES
from tests.stand_ins.backbone import PACKAGED

declare_missing_ops()

from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer  # noqa: E402

SIDE = 28
POSITIONS = 24
_BEGIN, _END = 1646, 1647


def save_random_clip(folder: Path, *, seed: int = 0, end: int = _END) -> Path:
    """Save model, tokenizer and image processor; `end` is the configuration's `eos_token_id`. Equal seeds, equal
    weights."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        vision_config={**sizes, "image_size": SIDE, "patch_size": 7}, projection_dim=12,
        text_config={
            **sizes, "vocab_size": _END + 1, "max_position_embeddings": POSITIONS, "bos_token_id": _BEGIN,
            "eos_token_id": end, "pad_token_id": _END,
        },
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel(config)
        # as they begin, the towers hardly look at their inputs: all embeddings would be one
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.3)
    model.save_pretrained(folder)
    processor().save_pretrained(folder)
    return folder


def processor() -> CLIPProcessor:
    """The library's own processor of images and texts for such a folder."""
    tokenizer = CLIPTokenizer.from_pretrained(PACKAGED / "tokenizer", local_files_only=True)
    return CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIDE), tokenizer)


def digest_of(folder: Path) -> str:
    """The digest that a card pins the folder by."""
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in FILES)).hexdigest()
