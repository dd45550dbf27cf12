"""What is no Stable Diffusion backbone is told apart in one line, from configs and headers, before weights are read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ldbench_baselines.backbone import parts
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from safetensors.torch import load_file, save_file

from ldbench.errors import WeightsError
from tests.baselines.conftest import edit_json

CPU = torch.device("cpu")
UNET = "diffusion_pytorch_model.safetensors"


def refused(folder: Path, expected: str) -> str:
    """The one line with which a folder is refused; it names the folder and says what `expected` describes."""
    with pytest.raises(WeightsError, match=expected) as caught:
        load_backbone(str(folder), CPU)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"backbone {str(folder)!r}: ")
    assert line.count("; ") >= 1  # the remedy
    return line


def sdxl(folder: Path) -> None:
    shutil.copytree(folder / "text_encoder", folder / "text_encoder_2")


def transformer(folder: Path) -> None:
    (folder / "unet").rename(folder / "transformer")


def lora(folder: Path) -> None:
    (folder / "unet" / UNET).rename(folder / "pytorch_lora_weights.safetensors")
    shutil.rmtree(folder / "unet")


def controlnet(folder: Path) -> None:
    (folder / "unet" / "config.json").rename(folder / "config.json")
    edit_json(folder / "config.json", _class_name="ControlNetModel")
    shutil.rmtree(folder / "unet")


def lone_checkpoint(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "v1-5-pruned.ckpt").write_bytes(b"x")


def pickled(folder: Path) -> None:
    (folder / "unet" / UNET).rename(folder / "unet" / "diffusion_pytorch_model.bin")


def vocabulary(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").unlink()


def config(part: str, **changes: object) -> Callable[[Path], None]:
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    return lambda folder: edit_json(folder / part / name, **changes)


def without(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def text(path: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / path).write_text(content, encoding="utf-8")

    return write


WRONG_KINDS = {
    "SDXL": (sdxl, r"text_encoder_2/: expected one text encoder, got two \(SDXL\)"),
    "SDXL's U-Net": (config("unet", addition_embed_type="text_time"), r"expected addition_embed_type null.*SDXL"),
    "unCLIP": (config("unet", class_embed_type="projection"), r"expected class_embed_type null"),
    "numbered classes": (config("unet", num_class_embeds=10), r"expected num_class_embeds null, got 10"),
    "latent consistency": (config("unet", time_cond_proj_dim=16), r"expected time_cond_proj_dim null.*a distilled one"),
    "inpainting": (config("unet", in_channels=9), r"in_channels 4.*got 9 \(an inpainting U-Net\)"),
    "InstructPix2Pix": (config("unet", in_channels=8), r"got 8 \(an InstructPix2Pix U-Net\)"),
    "another VAE": (config("vae", latent_channels=16), r"in_channels 16, as the VAE's latent_channels, got 4"),
    "learned variance": (config("unet", out_channels=8), r"expected out_channels 4.*got 8"),
    "another U-Net class": (config("unet", _class_name="UNetSpatioTemporalConditionModel"), r"got a UNetSpatio"),
    "another VAE class": (config("vae", _class_name="AutoencoderTiny"), r"expected an AutoencoderKL, got a Auto"),
    "transformer": (transformer, r"transformer/: expected a U-Net, got a diffusion transformer"),
    "LoRA": (lora, r"expected a whole backbone, got LoRA weights; load them.*fuse_lora\(\).*and give FOLDER"),
    "ControlNet": (controlnet, r"expected a whole backbone, got one ControlNetModel"),
    "checkpoint": (lone_checkpoint, r"got the single file v1-5-pruned\.ckpt.*from_single_file"),
    "text width": (config("unet", cross_attention_dim=64), r"expected hidden_size 64.*cross_attention_dim, got 32"),
    "T5": (config("text_encoder", model_type="t5"), r"expected a CLIP text encoder.*got 't5'"),
    "no text encoder": (without("text_encoder/config.json"), r"lacks text_encoder/config\.json"),
    "no scheduler": (without("scheduler/scheduler_config.json"), r"lacks scheduler/scheduler_config\.json"),
    "no U-Net weights": (without(f"unet/{UNET}"), r"unet/ has no weights"),
    "no vocabulary": (vocabulary, r"tokenizer/ holds no vocabulary"),
    "pickle": (pickled, r"only diffusion_pytorch_model\.bin, a pickle, which can run any code"),
    "no betas": (config("scheduler", _class_name="FlowMatch", beta_schedule=None), r"betas.*FlowMatch without"),
    "unknown betas": (config("scheduler", beta_schedule="exponential"), r"expected beta_schedule.*got 'exponential'"),
    "predicts sample": (config("scheduler", prediction_type="sample"), r"prediction_type epsilon or v_prediction"),
    "a list": (text("vae/config.json", "[]"), r"expected a JSON object, got a list"),
    "no JSON": (text("vae/config.json", "{"), r"expected JSON"),
}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_a_folder_of_the_wrong_kind_is_refused_before_any_weights_are_read(
    kind: str, backbone_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(parts, "CLASSES")
    damage, expected = WRONG_KINDS[kind]
    damage(backbone_copy)
    refused(backbone_copy, expected)


@pytest.mark.parametrize("index", [True, False], ids=["with their index", "without"])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_shards_beside_one_file_are_ambiguous(part: str, index: bool, backbone_copy: Path) -> None:
    folder, stem = backbone_copy / part, "model" if part == "text_encoder" else "diffusion_pytorch_model"
    for number in (1, 2):
        shutil.copy(folder / f"{stem}.safetensors", folder / f"{stem}-0000{number}-of-00002.safetensors")
    if index:
        (folder / f"{stem}.safetensors.index.json").write_text('{"weight_map": {}}', encoding="utf-8")
    both = rf"{part}/: expected one file of weights, or shards, got both \({stem}.safetensors and"
    line = refused(backbone_copy, both)
    assert f"{stem}-00001-of-00002.safetensors" in line


def test_an_index_that_shards_left_beside_one_file_is_ambiguous_too(backbone_copy: Path) -> None:
    (backbone_copy / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text("{}", encoding="utf-8")
    refused(backbone_copy, r"unet/: .* got both \(diffusion_pytorch_model.safetensors and .*\.index\.json\)")


def test_shards_of_another_variant_are_no_shards_of_these(backbone_copy: Path) -> None:
    shutil.copy(backbone_copy / "unet" / UNET, backbone_copy / "unet" / UNET.replace(".", ".fp16-00001-of-00001.", 1))
    load_backbone(str(backbone_copy), CPU)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def scramble(path: Path) -> None:
    path.write_bytes(b"\xff" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("file", [f"unet/{UNET}", f"vae/{UNET}", "text_encoder/model.safetensors"])
@pytest.mark.parametrize("damage", [cut, scramble, empty])
def test_damaged_weights_are_refused(damage: Callable[[Path], None], file: str, backbone_copy: Path) -> None:
    damage(backbone_copy / file)
    refused(backbone_copy, rf"{re.escape(file)}: expected a safetensors file, got \d+ bytes.*fetch it again")


def test_a_git_lfs_pointer_is_named(backbone_copy: Path) -> None:
    (backbone_copy / "unet" / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    refused(backbone_copy, r"got a Git LFS pointer; run git lfs pull")


@pytest.mark.parametrize("file", [f"unet/{UNET}", f"vae/{UNET}", "text_encoder/model.safetensors"])
def test_weights_that_lack_a_tensor_are_not_filled_with_random_numbers(file: str, backbone_copy: Path) -> None:
    weights = load_file(backbone_copy / file)
    del weights[max(weights)]
    save_file(weights, backbone_copy / file, metadata={"format": "pt"})
    refused(backbone_copy, r"lacks 1 of its tensors|can't load")


@pytest.mark.parametrize(("part", "change"), [("unet", {"block_out_channels": [8, 24]}), ("vae", {"out_channels": 5}),
                                              ("text_encoder", {"num_hidden_layers": 2, "intermediate_size": 40})])
def test_weights_that_do_not_fit_their_config_are_refused(
    part: str, change: dict[str, object], backbone_copy: Path, library_log: pytest.LogCaptureFixture
) -> None:
    edit_json(backbone_copy / part / "config.json", **change)
    refused(backbone_copy, rf"{part}/")
    assert not library_log.records


def test_a_tokenizer_of_another_model_is_refused(backbone_copy: Path) -> None:
    path = backbone_copy / "text_encoder" / "model.safetensors"
    weights = load_file(path)
    name = next(key for key in weights if "token_embedding" in key)
    weights[name] = weights[name][:1000].clone()
    save_file(weights, path, metadata={"format": "pt"})
    edit_json(backbone_copy / "text_encoder" / "config.json", vocab_size=1000)
    refused(backbone_copy, r"expected a vocabulary of 256 to 1000 tokens.*got 1648")


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_a_single_file_is_refused_with_the_way_to_convert_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"x")
    refused(path, rf"got the single file model\{suffix}; convert it with .*from_single_file")
