"""Whether a folder holds a Stable Diffusion backbone, told from its small files before any weights are loaded.

Knows the folders that people mistake for one (SDXL, inpainting, InstructPix2Pix, latent consistency models,
transformers, LoRA, ControlNet, single files) and says in one line what they are. Nothing is repaired: a folder is used
as it is, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import REMEDY, MissingPartError, one_line, wrong
from .precision import Precision
from .weights import WEIGHTS, check_weights

CONFIGS = {
    "text_encoder": "text_encoder/config.json", "unet": "unet/config.json", "vae": "vae/config.json",
    "scheduler": "scheduler/scheduler_config.json",
}
VOCABULARIES = ({"tokenizer.json"}, {"vocab.json", "merges.txt"})
CHANNELS = {
    5: "a depth-to-image U-Net", 7: "an upscaler's U-Net", 8: "an InstructPix2Pix U-Net", 9: "an inpainting U-Net",
}
FURTHER_INPUTS = (
    "addition_embed_type", "encoder_hid_dim_type", "class_embed_type", "num_class_embeds", "time_cond_proj_dim",
)
BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")  # those that every sampler knows
SINGLE = (".ckpt", ".safetensors")
PREDICTIONS = ("epsilon", "v_prediction")
FUSE = (  # the backbone that LoRA weights were trained on would be scored untuned
    "load them onto the pipeline that they were trained on (load_lora_weights), then fuse_lora(), "
    "unload_lora_weights() and save_pretrained(FOLDER), and give FOLDER"
)


@dataclass(frozen=True)
class BackboneFolder:
    """A folder that was found to be a backbone: the variant of each part's weights (None for the plain files, or
    "fp16"), and the configs of the parts and of the scheduler, whatever its class."""

    path: Path
    variants: Mapping[str, str | None]
    configs: Mapping[str, dict[str, Any]]


def read_backbone_folder(name: str, path: Path, precision: Precision) -> BackboneFolder:
    """What a loader has to know of the folder `path`; `name` is how the user called it.

    Raises `MissingPartError` where a part is missing and `WeightsError` where one is of the wrong kind.
    """
    configs = read_configs(name, path)
    return BackboneFolder(path, {part: check_weights(name, path / part, precision) for part in WEIGHTS}, configs)


def read_configs(name: str, path: Path) -> dict[str, dict[str, Any]]:
    """The configs, after all checks that need no weights. Errors as above."""
    _check_kind(name, path)
    configs = {part: read_json(name, path, file) for part, file in CONFIGS.items()}
    _check_unet(name, configs["unet"], configs["vae"])
    _check_text_encoder(name, configs["text_encoder"], configs["unet"])
    if (vae := configs["vae"].get("_class_name", "AutoencoderKL")) != "AutoencoderKL":
        raise wrong(name, CONFIGS["vae"], "an AutoencoderKL", f"a {vae}")
    _check_schedule(name, configs["scheduler"])
    if not any(all((path / "tokenizer" / file).is_file() for file in files) for files in VOCABULARIES):
        raise MissingPartError(
            f"backbone {name!r}: tokenizer/ holds no vocabulary; expected vocab.json and merges.txt, or tokenizer.json"
            f"; {REMEDY}",
            "no vocabulary of the tokenizer",
        )
    return configs


def read_json(name: str, path: Path, file: str) -> dict[str, Any]:
    """A JSON object of the folder."""
    try:
        content = json.loads((path / file).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingPartError(
            f"backbone {name!r}: {path} lacks {file}; expected a diffusers Stable Diffusion folder (unet/, vae/, "
            f"text_encoder/, tokenizer/, scheduler/); {REMEDY}",
            f"no {file}",
        ) from error
    except (OSError, ValueError) as error:
        raise wrong(name, file, "JSON", f"something unreadable ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise wrong(name, file, "a JSON object", f"a {type(content).__name__}")
    return content


def _check_kind(name: str, path: Path) -> None:
    """Refuse what isn't a folder with a U-Net and one text encoder."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    if "transformer" in names:
        raise wrong(name, "transformer/", "a U-Net", "a diffusion transformer (Stable Diffusion 3, Flux, ...)")
    if "text_encoder_2" in names:
        raise wrong(name, "text_encoder_2/", "one text encoder", "two (SDXL)")
    if "unet" in names:
        return
    if "adapter_config.json" in names or any("lora" in file.lower() and file.endswith(SINGLE) for file in names):
        raise wrong(name, str(path), "a whole backbone", "LoRA weights", FUSE)
    if path.is_dir() and "config.json" in names and (model := read_json(name, path, "config.json").get("_class_name")):
        raise wrong(name, f"{path}/config.json", "a whole backbone", f"one {model}", "give the folder of the pipeline")
    if single := sorted(file for file in names if file.endswith(SINGLE) or path.is_file()):
        raise wrong(
            name, str(path), "a diffusers folder", f"the single file {single[0]}",
            "convert it with diffusers' StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)",
        )


def _check_unet(name: str, unet: Mapping[str, Any], vae: Mapping[str, Any]) -> None:
    """Refuse a U-Net that wants more than latents, a timestep and text, or that fits another autoencoder."""
    where = CONFIGS["unet"]
    if (actual := unet.get("_class_name", "UNet2DConditionModel")) != "UNet2DConditionModel":
        raise wrong(name, where, "a UNet2DConditionModel", f"a {actual}")
    for key in FURTHER_INPUTS:
        if (value := unet.get(key)) is not None:
            kind = "SDXL, " if value == "text_time" else "a distilled one, " if key == "time_cond_proj_dim" else ""
            raise wrong(name, where, f"{key} null", f"{value!r} ({kind}a U-Net with further inputs)")
    latent = vae.get("latent_channels", 4)
    for key in ("in_channels", "out_channels"):
        if (channels := unet.get(key, 4)) != latent:
            other = "a U-Net for another autoencoder"
            kind = CHANNELS.get(channels, other) if key == "in_channels" else other
            raise wrong(name, where, f"{key} {latent}, as the VAE's latent_channels", f"{channels} ({kind})")


def _check_text_encoder(name: str, text_encoder: Mapping[str, Any], unet: Mapping[str, Any]) -> None:
    kind = text_encoder.get("model_type", "clip_text_model")
    if kind != "clip_text_model":
        raise wrong(name, CONFIGS["text_encoder"], "a CLIP text encoder (model_type clip_text_model)", f"{kind!r}")
    width, expected = text_encoder.get("hidden_size", 512), unet.get("cross_attention_dim", 1280)
    if width != expected:
        raise wrong(
            name, CONFIGS["text_encoder"], f"hidden_size {expected}, as the U-Net's cross_attention_dim", f"{width}",
            "take U-Net and text encoder from one model",
        )


def _check_schedule(name: str, schedule: Mapping[str, Any]) -> None:
    """Refuse a noise schedule that a DDPM scheduler can't have."""
    where, saved = CONFIGS["scheduler"], schedule.get("_class_name", "a scheduler")
    if schedule.get("trained_betas") is None:
        for key in ("beta_schedule", "beta_start", "beta_end"):
            if schedule.get(key) is None:
                raise wrong(name, where, f"betas ({key})", f"{saved} without them", "give a model trained with betas")
        if schedule["beta_schedule"] not in BETA_SCHEDULES:
            raise wrong(
                name, where, f"beta_schedule {', '.join(BETA_SCHEDULES)}", repr(schedule["beta_schedule"]),
                "write the betas into trained_betas",
            )
    if (prediction := schedule.get("prediction_type", "epsilon")) not in PREDICTIONS:
        raise wrong(name, where, f"prediction_type {' or '.join(PREDICTIONS)}", repr(prediction))
