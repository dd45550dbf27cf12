"""The shipped folder: whole, small enough, checked by its sums, and it makes pictures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from recipes.tiny_sd.corpus import Corpus
from recipes.tiny_sd.export import SIZE_LIMIT_BYTES
from recipes.tiny_sd.tokenizer import build_tokenizer

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "baselines" / "backbone" / "tiny-sd"


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sample(pipeline: StableDiffusionPipeline, prompts: list[str], steps: int, guidance: float) -> np.ndarray:
    generators = [torch.Generator().manual_seed(index) for index in range(len(prompts))]
    return pipeline(
        prompts, num_inference_steps=steps, guidance_scale=guidance, generator=generators, output_type="np"
    ).images


def test_size_is_at_most_twenty_megabytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= SIZE_LIMIT_BYTES


def test_weights_are_safetensors_only() -> None:
    assert len(list(FOLDER.rglob("*.safetensors"))) == 3
    assert not [path for path in FOLDER.rglob("*") if path.suffix in {".bin", ".pt", ".ckpt", ".pkl"}]


def test_checksums_match() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 9
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_the_schedule_is_stable_diffusions() -> None:
    config = json.loads((FOLDER / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    expected = {
        "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "prediction_type": "epsilon", "skip_prk_steps": True, "steps_offset": 1,
        "clip_sample": False, "set_alpha_to_one": False,
    }  # fmt: skip
    assert {key: config[key] for key in expected} == expected


def test_the_tokenizer_in_the_folder_is_the_recipes(pipeline: StableDiffusionPipeline) -> None:
    fresh = build_tokenizer()
    assert pipeline.tokenizer.get_vocab() == fresh.get_vocab()
    prompt = "Age this CN 70 years old female brain MRI into a 77 brain MRI with MCI"
    assert pipeline.tokenizer(prompt).input_ids == fresh(prompt).input_ids
    assert pipeline.tokenizer.model_max_length == 48


def test_pictures_are_finite_in_range_and_repeatable(pipeline: StableDiffusionPipeline) -> None:
    prompts = ["a photo of a red ball on a white background", "a black and white photo of a house"]
    first = sample(pipeline, prompts, steps=8, guidance=3.0)
    assert first.shape == (2, 64, 64, 3)
    assert np.isfinite(first).all()
    assert first.min() >= 0.0
    assert first.max() <= 1.0
    assert first.std() > 0.02
    np.testing.assert_array_equal(first, sample(pipeline, prompts, steps=8, guidance=3.0))


def test_the_prompt_steers_the_picture(pipeline: StableDiffusionPipeline) -> None:
    """Style is followed: same seeds, grey or colourful by prompt."""
    spread = {}
    for style in ("a black and white photo of", "a photo of"):
        pictures = sample(pipeline, [f"{style} mountains and the sea"] * 4, steps=8, guidance=2.0)
        spread[style] = float(np.ptp(pictures, axis=3).mean())
    assert spread["a black and white photo of"] < 0.08  # measured 0.014
    assert spread["a photo of"] > 0.12  # measured 0.147


def test_the_autoencoder_carries_pictures_it_never_saw(pipeline: StableDiffusionPipeline) -> None:
    pixels = Corpus(12345).render_pixels(0, 16)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.no_grad():
        latents = pipeline.vae.encode(images).latent_dist.mean
        decoded = pipeline.vae.decode(latents).sample.clamp(-1.0, 1.0)
    psnr = 10.0 * torch.log10(4.0 / (decoded - images).square().mean(dim=(1, 2, 3)))
    assert float(psnr.mean()) > 28.0  # measured 32.7 over 200
    assert 0.6 < float((latents * pipeline.vae.config.scaling_factor).std()) < 1.5
