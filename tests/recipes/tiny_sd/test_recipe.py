"""The pretraining recipe in miniature: it runs, resumes to the same weights, and scales."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from ldbench_baselines.backbone.source import find_backbone
from transformers import CLIPTokenizer

from recipes.tiny_sd import autoencoder as autoencoder_stage
from recipes.tiny_sd import denoiser as denoiser_stage
from recipes.tiny_sd.architecture import build_autoencoder
from recipes.tiny_sd.autoencoder import AutoencoderRecipe, train_autoencoder
from recipes.tiny_sd.corpus import Corpus
from recipes.tiny_sd.denoiser import DenoiserRecipe, build_pair, train_denoiser
from recipes.tiny_sd.latents import LatentChunks, as_images
from recipes.tiny_sd.precision import faster_precision
from recipes.tiny_sd.pretrain import PretrainingRecipe, pretrain, scaled
from recipes.tiny_sd.standard import standardise
from recipes.tiny_sd.tokenizer import build_tokenizer
from recipes.tiny_sd.training import cosine_share, trapezoid_share

pytestmark = pytest.mark.slow

SMALL = AutoencoderRecipe(pictures=3, crop_steps=2, whole_steps=1, crops=2, wholes=1)
SHORT = DenoiserRecipe(steps=2, decay_steps=1, batch=2, chunks=2, first_chunks=1, steps_a_chunk=1)


class StopError(Exception):
    """What interrupts a run."""


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


@pytest.fixture(scope="module")
def chunks(tokenizer: CLIPTokenizer, tmp_path_factory: pytest.TempPathFactory) -> LatentChunks:
    torch.manual_seed(0)
    return LatentChunks(Corpus(3), build_autoencoder().eval(), tokenizer, tmp_path_factory.mktemp("chunks"), 3, 10)


def test_an_interrupted_autoencoder_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = train_autoencoder(corpus, SMALL, tmp_path / "a", precision=torch.float32)
    batch = autoencoder_stage._batch

    def broken(pixels: np.ndarray, recipe: AutoencoderRecipe, step: int) -> torch.Tensor:
        if step == 2:
            raise StopError
        return batch(pixels, recipe, step)

    with monkeypatch.context() as patch:
        patch.setattr(autoencoder_stage, "_batch", broken)
        with pytest.raises(StopError):
            train_autoencoder(corpus, SMALL, tmp_path / "b", save_every=1, precision=torch.float32)
    resumed = train_autoencoder(corpus, SMALL, tmp_path / "b", precision=torch.float32)
    torch.testing.assert_close(weights(whole), weights(resumed), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_an_interrupted_denoiser_ends_with_the_same_weights(
    chunks: LatentChunks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, _ = train_denoiser(chunks, SHORT, tmp_path / "a", precision=torch.float32)
    draw = denoiser_stage._Batches.draw

    def broken(batches: denoiser_stage._Batches, step: int) -> denoiser_stage._Batch:
        if step == 1:
            raise StopError
        return draw(batches, step)

    with monkeypatch.context() as patch:
        patch.setattr(denoiser_stage._Batches, "draw", broken)
        with pytest.raises(StopError):
            train_denoiser(chunks, SHORT, tmp_path / "b", save_seconds=0.0, precision=torch.float32)
    resumed, _ = train_denoiser(chunks, SHORT, tmp_path / "b", precision=torch.float32)
    torch.testing.assert_close(weights(whole), weights(resumed), rtol=0, atol=1e-6)


def test_words_without_captions_keep_their_embeddings(chunks: LatentChunks, tmp_path: Path) -> None:
    recipe = dataclasses.replace(SHORT, chunks=1)
    torch.manual_seed(recipe.seed)
    before = build_pair(chunks.tokenizer)["text_encoder"].get_input_embeddings().weight.detach().clone()
    _, text_encoder = train_denoiser(chunks, recipe, tmp_path, precision=torch.float32)
    after = text_encoder.get_input_embeddings().weight
    unseen = chunks.tokenizer("brain").input_ids[1]
    seen = torch.unique(chunks.chunk(0)[1].long())
    torch.testing.assert_close(after[unseen], before[unseen], rtol=0, atol=1e-7)
    assert not torch.equal(after[seen], before[seen])


def test_a_chunk_of_latents_is_made_once(chunks: LatentChunks) -> None:
    latents, tokens = chunks.chunk(1)
    assert latents.shape == (3, 4, 32, 32)
    assert tokens.shape == (3, 48)
    written = (chunks.folder / "latents-0001.safetensors").stat().st_mtime_ns
    assert torch.equal(chunks.chunk(1)[0], latents)
    assert (chunks.folder / "latents-0001.safetensors").stat().st_mtime_ns == written
    caption = Corpus(3).render(10 + 3).caption  # the first picture of the second chunk
    assert tokens[0].tolist() == chunks.tokenizer(caption, padding="max_length").input_ids


def test_training_begins_with_few_pictures_and_ends_with_all() -> None:
    recipe = DenoiserRecipe(first_chunks=4, chunks=6, steps_a_chunk=10)
    assert [recipe.chunks_at(step) for step in (0, 9, 10, 19, 20, 1000)] == [4, 4, 5, 5, 6, 6]


def test_standard_latents_have_unit_spread_and_decode_as_before() -> None:
    torch.manual_seed(0)
    autoencoder = build_autoencoder().eval()
    images = as_images(Corpus(3).render_pixels(0, 4))
    with torch.no_grad():
        before = autoencoder.encode(images).latent_dist
        decoded = autoencoder.decode(before.mean).sample
        standardise(autoencoder, images)
        after = autoencoder.encode(images).latent_dist
        torch.testing.assert_close(autoencoder.decode(after.mean).sample, decoded, rtol=0, atol=2e-4)
    per_channel = after.mean.transpose(0, 1).flatten(1)
    torch.testing.assert_close(per_channel.mean(dim=1), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(per_channel.std(dim=1), torch.ones(4), rtol=1e-4, atol=0)
    spread = before.mean.transpose(0, 1).flatten(1).std(dim=1).view(1, 4, 1, 1)
    torch.testing.assert_close(after.std, before.std / spread, rtol=1e-4, atol=0)
    assert autoencoder.config["scaling_factor"] == 1.0


def test_the_faster_arithmetic_is_taken() -> None:
    def step(slow: torch.dtype, dtype: torch.dtype) -> int:
        return sum(range(300_000 if dtype == slow else 10))

    assert faster_precision(lambda dtype: step(torch.float32, dtype)) == torch.bfloat16
    assert faster_precision(lambda dtype: step(torch.bfloat16, dtype)) == torch.float32


def test_the_cosine_rises_then_falls() -> None:
    shares = [cosine_share(step, 1000, warmup=100) for step in range(1000)]
    assert shares[0] == pytest.approx(0.01)
    assert max(shares) == pytest.approx(1.0)
    assert shares.index(max(shares)) in (99, 100)
    assert shares[-1] < 0.02
    assert all(later <= earlier for earlier, later in itertools.pairwise(shares[100:]))


def test_the_trapezoid_rises_stays_and_falls() -> None:
    shares = [trapezoid_share(step, 1000, 250, warmup=100) for step in range(1000)]
    assert shares[0] == pytest.approx(0.01)
    assert set(shares[99:750]) == {1.0}
    assert all(0.0 < later < earlier for earlier, later in itertools.pairwise(shares[749:]))


def test_a_share_of_the_recipe_scales_every_count() -> None:
    recipe = scaled(PretrainingRecipe(), 0.01)
    assert recipe.denoiser.steps == round(PretrainingRecipe().denoiser.steps * 0.01)
    assert recipe.denoiser.decay_steps < recipe.denoiser.steps
    assert recipe.chunk_pictures == round(PretrainingRecipe().chunk_pictures * 0.01)
    assert recipe.autoencoder.pictures == round(PretrainingRecipe().autoencoder.pictures * 0.01)
    assert scaled(PretrainingRecipe(), 1.0) == PretrainingRecipe()


@pytest.mark.slow
def test_the_recipe_writes_a_folder_that_loads_as_a_backbone(tmp_path: Path) -> None:
    recipe = PretrainingRecipe(
        autoencoder=SMALL, denoiser=dataclasses.replace(SHORT, steps=1), standard_pictures=2, chunk_pictures=2
    )
    pretrain(recipe, tmp_path / "scratch", tmp_path / "out")
    assert find_backbone(str(tmp_path / "out"), "float32", download=False).configs["unet"]["sample_size"] == 32
    pipeline = cast(StableDiffusionPipeline, StableDiffusionPipeline.from_pretrained(tmp_path / "out"))
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(["a red ball"], num_inference_steps=1, output_type="np").images
    assert images.shape == (1, 64, 64, 3)
    assert np.isfinite(images).all()
