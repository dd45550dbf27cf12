"""The pretraining recipe in miniature: it runs, resumes to the same weights, and scales."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recipes.tiny_sd.architecture import build_autoencoder
from recipes.tiny_sd.autoencoder import AutoencoderRecipe, train_autoencoder
from recipes.tiny_sd.corpus import Corpus
from recipes.tiny_sd.denoiser import DenoiserRecipe, build_pair, train_denoiser
from recipes.tiny_sd.latents import encode_corpus, load_latents
from recipes.tiny_sd.pretrain import Recipe, scaled
from recipes.tiny_sd.tokenizer import build_tokenizer
from recipes.tiny_sd.training import cosine_rate
from recipes.tiny_sd.workers import average_gradients, run_workers

SMALL = AutoencoderRecipe(crop_steps=2, whole_steps=1, pictures=1, crops_a_picture=2)


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_an_interrupted_autoencoder_ends_with_the_same_weights(tmp_path: Path) -> None:
    corpus = Corpus(3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = train_autoencoder(corpus, SMALL, tmp_path / "a", save_every=100)

    class StopError(Exception):
        pass

    class Broken(Corpus):
        def render_pixels(self, start: int, stop: int) -> np.ndarray:
            if start == 2:
                raise StopError
            return super().render_pixels(start, stop)

    with pytest.raises(StopError):
        train_autoencoder(Broken(3), SMALL, tmp_path / "b", save_every=1)
    resumed = train_autoencoder(corpus, SMALL, tmp_path / "b", save_every=1)
    torch.testing.assert_close(weights(whole), weights(resumed), rtol=0, atol=1e-6)


def test_words_without_captions_keep_their_embeddings(tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    tokens = tokenizer(["a red ball"] * 4, padding="max_length", return_tensors="pt").input_ids.int()
    latents = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(0)).half()
    path = tmp_path / "latents.safetensors"
    save_file({"latents": latents, "tokens": tokens, "scale": torch.ones(1)}, str(path))
    recipe = DenoiserRecipe(steps=2, batch=2, workers=1)
    torch.manual_seed(recipe.seed)
    before = build_pair(tokenizer)["text_encoder"].get_input_embeddings().weight.detach().clone()
    _, text_encoder = train_denoiser(path, tokenizer, recipe, tmp_path)
    after = text_encoder.get_input_embeddings().weight
    unseen, seen = tokenizer("brain").input_ids[1], tokenizer("ball").input_ids[1]
    torch.testing.assert_close(after[unseen], before[unseen], rtol=0, atol=1e-7)
    assert not torch.equal(after[seen], before[seen])


def mean_of_two(folder: Path, rank: int, count: int) -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 3))
    parameter.grad = torch.arange(6.0).view(2, 3) * (rank + 1)
    average_gradients([parameter], count)
    torch.save(parameter.grad, folder / f"{rank}.pt")


@pytest.mark.slow
def test_workers_average_their_gradients(tmp_path: Path) -> None:
    run_workers(functools.partial(mean_of_two, tmp_path), 2, tmp_path)
    for rank in (0, 1):
        mean = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(mean, torch.arange(6.0).view(2, 3) * 1.5)


def test_latents_are_scaled_to_unit_spread(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "latents.safetensors"
    data = encode_corpus(3, build_autoencoder().eval(), build_tokenizer(), 0, 6, path, workers=1)
    assert data.latents.shape == (6, 4, 16, 16)
    assert data.tokens.shape == (6, 48)
    assert float(data.latents.float().std()) == pytest.approx(1.0, abs=0.01)
    assert torch.equal(load_latents(path).latents, data.latents)


def test_the_learning_rate_rises_then_falls() -> None:
    rates = [cosine_rate(step, 1000, 1.0, warmup=100) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) in (99, 100)
    assert rates[-1] < 0.02
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[100:]))


def test_a_share_of_the_recipe_scales_every_count() -> None:
    recipe = scaled(Recipe(), 0.01)
    assert recipe.denoiser.steps == round(Recipe().denoiser.steps * 0.01)
    assert recipe.latent_pictures == round(Recipe().latent_pictures * 0.01)
    assert recipe.autoencoder.kl_ramp[0] < recipe.autoencoder.kl_ramp[1]
    assert scaled(Recipe(), 1.0) == Recipe()
    assert dataclasses.replace(recipe, corpus_seed=1) != recipe
