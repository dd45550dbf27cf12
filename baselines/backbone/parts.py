"""The parts of a backbone from a folder that was found to be one: models, tokenizer and training schedule.

Refuses weights that lack a tensor or don't fit their config, which the libraries would fill with random numbers.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import torch

# from where the classes are defined: what diffusers exports lazily has no attributes for a type checker
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from ldbench.errors import WeightsError

from .errors import one_line
from .folder import BackboneFolder
from .precision import Precision

CLASSES: dict[str, Any] = {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}
BYTES = 256  # a byte-level vocabulary has at least these


def load_model(name: str, folder: BackboneFolder, part: str, precision: Precision) -> Any:
    """One of text_encoder, unet and vae on the CPU, its weights cast to `precision` whatever the files hold."""
    options: dict[str, Any] = {"variant": folder.variants[part]}
    options["dtype" if part == "text_encoder" else "torch_dtype"] = getattr(torch, precision)
    try:
        with _quiet():
            model, loading = CLASSES[part].from_pretrained(
                str(folder.path / part), local_files_only=True, use_safetensors=True, output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f"backbone {name!r}: can't load {part}/ ({one_line(error)}); expected a diffusers Stable Diffusion "
            f"folder whose weights fit {part}/config.json"
        ) from error
    lacking = sorted(loading["missing_keys"])
    if lacking:
        raise WeightsError(
            f"backbone {name!r}: {part}/ lacks {len(lacking)} of its tensors ({lacking[0]}, ...); expected all that "
            f"{part}/config.json describes; fetch it again"
        )
    return model


def load_tokenizer(name: str, folder: BackboneFolder, embeddings: int) -> CLIPTokenizer:
    """The tokenizer, whose ids all have one of the text encoder's `embeddings`."""
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(str(folder.path / "tokenizer"), local_files_only=True)
    if not BYTES <= len(tokenizer) <= embeddings:
        raise WeightsError(
            f"backbone {name!r}: tokenizer/: expected a vocabulary of {BYTES} to {embeddings} tokens (the text "
            f"encoder's vocab_size), got {len(tokenizer)}; take tokenizer and text encoder from one model"
        )
    return tokenizer


def load_schedule(folder: BackboneFolder) -> DDPMScheduler:
    """The training schedule: betas and prediction type of the scheduler that was saved, of whatever class.

    Clipping (for images, not latents) is off and the offset of the last step 1, as diffusers' own pipeline sets them.
    """
    config = {**folder.configs["scheduler"], "clip_sample": False, "steps_offset": 1}
    schedule: DDPMScheduler = DDPMScheduler.from_config(config)
    return schedule


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No bar for reading a local file, and no report of the libraries': what they found is checked here."""
    loggers = [logging.getLogger(library) for library in ("transformers", "diffusers")]
    levels = [logger.level for logger in loggers]
    transformers_logging.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
