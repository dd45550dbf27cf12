"""The digest of what is read of a backbone: any weight or setting that is replaced in place shows."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldbench_baselines.autoencoder import Autoencoder
from ldbench_baselines.backbone.content import CONTENT, backbone_content, backbone_files
from ldbench_baselines.backbone.source import find_backbone
from ldbench_baselines.diffusion.generator import StableDiffusion
from safetensors.torch import load_file, save_file

from tests.baselines.conftest import edit_json
from tests.baselines.discs import context

UNET = "unet/diffusion_pytorch_model.safetensors"
WEIGHTS = (UNET, "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")


def of(folder: Path) -> str:
    return backbone_content(str(folder), "float32", False)[CONTENT]


@settings(max_examples=25, deadline=None)
@given(file=st.sampled_from(WEIGHTS), tensor=st.integers(0, 10**6), value=st.floats(-1, 1, width=16))
def test_one_number_replaced_in_place_is_another_backbone(
    file: str, tensor: int, value: float, random_backbone: Path
) -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copytree(random_backbone, Path(place, "copy")))
        before, size = of(copy), (copy / file).stat().st_size
        assert before == of(random_backbone)
        tensors = load_file(copy / file)
        flat = tensors[sorted(tensors)[tensor % len(tensors)]].reshape(-1)
        same = float(flat[0]) == value
        flat[0] = value
        save_file(tensors, copy / file, metadata={"format": "pt"})
        assert (copy / file).stat().st_size == size
        assert same or of(copy) != before


def test_settings_and_the_vocabulary_count_and_what_is_not_read_does_not(backbone_copy: Path) -> None:
    seen = [of(backbone_copy)]
    (backbone_copy / "unet" / "notes.txt").write_text("to do", encoding="utf-8")
    shutil.copy(backbone_copy / UNET, (backbone_copy / UNET).with_suffix(".fp16.safetensors"))
    assert of(backbone_copy) == seen[0]
    edit_json(backbone_copy / "scheduler" / "scheduler_config.json", beta_end=0.02)
    seen.append(of(backbone_copy))
    vocabulary = backbone_copy / "tokenizer" / "tokenizer.json"
    vocabulary.write_text(f"{vocabulary.read_text(encoding='utf-8')}\n", encoding="utf-8")
    seen.append(of(backbone_copy))
    (backbone_copy / UNET).unlink()
    seen.append(of(backbone_copy))  # the fp16 file now
    assert len(set(seen)) == 4


def test_the_packaged_one_is_known_by_its_files_too(tmp_path: Path) -> None:
    packaged = find_backbone("tiny-sd", "float32", download=False).path
    shutil.copytree(packaged, tmp_path / "copy")
    assert backbone_content("tiny-sd", "float32", False)[CONTENT] == of(tmp_path / "copy")
    assert backbone_content(None, "float32", False) == {}


def test_the_files_of_a_backbone_are_those_that_are_digested(backbone_copy: Path) -> None:
    (files,) = backbone_files(str(backbone_copy), "float32").values()
    assert set(WEIGHTS) == {name for name in files if name.endswith(".safetensors")}
    for name, path in files.items():
        assert path == backbone_copy / name
        if name not in WEIGHTS:
            before = of(backbone_copy)
            path.write_text(f"{path.read_text(encoding='utf-8')}\n", encoding="utf-8")
            assert of(backbone_copy) != before


@pytest.mark.parametrize("name", [None, "no/where", "no such folder"])
def test_a_backbone_that_is_not_here_has_no_files(name: str | None) -> None:
    assert backbone_files(name, "float32") == {}


def test_a_packaged_backbone_is_told_by_its_files(tmp_path: Path) -> None:
    (files,) = backbone_files("tiny-sd", "float32").values()
    assert set(WEIGHTS) <= set(files)
    assert StableDiffusion(precision="auto").resolved(context(tmp_path, tmp_path)) == {"precision": "float32"}


def test_rows_without_a_fit_name_the_backbone_that_the_card_recommends(random_backbone: Path, tmp_path: Path) -> None:
    for method in (StableDiffusion, Autoencoder):
        assert method().files(context(tmp_path, random_backbone)) == backbone_files(str(random_backbone), "float32")
