"""The encoded training set: made once, read back, and never taken for another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.fitting.encoded import CACHE, EncodedSet, encode_set
from safetensors import safe_open
from safetensors.torch import save_file

from ldbench.errors import GeneratorError
from tests.baselines.discs import CPU, Discs, context

from .full_disk import full_disk


@pytest.fixture(scope="module")
def model(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), CPU)


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of the autoencoder was given."""
    counted: list[int] = []
    original = LatentDiffusion.encode

    def encode(self: LatentDiffusion, images: torch.Tensor) -> torch.Tensor:
        counted.append(len(images))
        return original(self, images)

    monkeypatch.setattr(LatentDiffusion, "encode", encode)
    return counted


def test_it_holds_each_images_posterior_and_prompt(model: LatentDiffusion, tmp_path: Path) -> None:
    train = Discs(11)
    found = encode_set(model, train, context(tmp_path, "any"), batch_size=4)
    expected = model.encode(torch.stack([train[index].image for index in range(11)]))
    torch.testing.assert_close(found.moments, expected)
    assert [found.prompts[place] for place in found.prompt_of] == [train[index].prompt for index in range(11)]
    assert len(found.prompts) == 8  # eight sizes are told apart, each once
    torch.testing.assert_close(found.mean_latent(), expected[0].mean((0, 2, 3)))


def test_it_is_made_once_and_read_back(model: LatentDiffusion, encodings: list[int], tmp_path: Path) -> None:
    first = encode_set(model, Discs(), context(tmp_path, "any"))
    assert sum(encodings) == 16
    second = encode_set(model, Discs(), context(tmp_path, "any"))
    assert sum(encodings) == 16
    assert torch.equal(first.moments, second.moments)
    assert torch.equal(first.prompt_of, second.prompt_of)
    assert first.prompts == second.prompts


def test_flip_doubles_the_set_with_mirrored_images(model: LatentDiffusion, tmp_path: Path) -> None:
    train = Discs(5)
    plain = encode_set(model, train, context(tmp_path / "plain", "any"))
    both = encode_set(model, train, context(tmp_path / "both", "any"), flip=True, batch_size=2)
    assert len(both) == 10
    torch.testing.assert_close(both.moments[:, :5], plain.moments)
    mirrored = model.encode(torch.stack([train[index].image.flip(2) for index in range(5)]))
    torch.testing.assert_close(both.moments[:, 5:], mirrored)
    assert not torch.allclose(both.moments[:, 5:], plain.moments)
    assert torch.equal(both.prompt_of, plain.prompt_of.repeat(2))


@pytest.mark.parametrize("other", [Discs(grey=0.7), Discs(12)])
def test_other_images_are_refused_and_the_cache_stays(other: Discs, model: LatentDiffusion, tmp_path: Path) -> None:
    encode_set(model, Discs(), context(tmp_path, "any"))
    before = (tmp_path / CACHE).read_bytes()
    with pytest.raises(GeneratorError, match=r"holds other images' latents; remove the folder") as caught:
        encode_set(model, other, context(tmp_path, "any"))
    assert "\n" not in str(caught.value)
    assert (tmp_path / CACHE).read_bytes() == before


def test_another_autoencoder_or_flip_encodes_anew(
    model: LatentDiffusion, random_backbone: Path, encodings: list[int], tmp_path: Path
) -> None:
    first = encode_set(model, Discs(), context(tmp_path, "any"))
    other = load_backbone(str(random_backbone), CPU)
    with torch.no_grad():
        next(iter(other.vae.encoder.parameters())).add_(0.1)
    second = encode_set(other, Discs(), context(tmp_path, "any"))
    assert not torch.allclose(first.moments, second.moments)
    encode_set(other, Discs(), context(tmp_path, "any"), flip=True)
    assert sum(encodings) == 16 + 16 + 2 * 16


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_a_broken_cache_is_one_line(content: bytes, model: LatentDiffusion, tmp_path: Path) -> None:
    (tmp_path / CACHE).write_bytes(content)
    with pytest.raises(GeneratorError, match=r"latents\.safetensors: expected safetensors, got .*remove its") as caught:
        encode_set(model, Discs(), context(tmp_path, "any"))
    assert "\n" not in str(caught.value)


def test_somebody_elses_file_is_replaced(model: LatentDiffusion, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / CACHE)
    assert len(encode_set(model, Discs(), context(tmp_path, "any"))) == 16
    with safe_open(tmp_path / CACHE, framework="pt") as file:
        assert len(json.loads(file.metadata()["made_of"])["images"]) == 64


def test_a_full_disk_is_one_line(model: LatentDiffusion, tmp_path: Path) -> None:
    with full_disk(), pytest.raises(GeneratorError, match=r"can't write .*latents\.safetensors.*free space"):
        encode_set(model, Discs(), context(tmp_path, "any"))


def test_only_the_first_process_writes(model: LatentDiffusion, tmp_path: Path) -> None:
    encode_set(model, Discs(), context(tmp_path, "any", process=1, processes=2))
    assert not (tmp_path / CACHE).exists()


def test_a_draw_from_the_posterior_has_its_mean_and_deviation() -> None:
    moments = torch.stack([torch.full((3, 4, 2, 2), 0.7), torch.full((3, 4, 2, 2), 0.2)])
    data = EncodedSet(moments, torch.zeros(3, dtype=torch.long), ("a prompt",))
    eps = torch.randn(2, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(data.z_0(torch.tensor([2, 0]), eps, CPU), 0.7 + 0.2 * eps)
