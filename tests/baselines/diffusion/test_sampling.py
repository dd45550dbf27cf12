"""The samplers: the right distribution, each image alone, the right timesteps, and diffusers' pipeline as reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.diffusion.sampling import Sampling, integrate, predictor, reverse, sample, start_noise
from ldbench_baselines.diffusion.schedulers import make_scheduler, reverse_path, start_abar
from ldbench_baselines.drift import Drift

from ldbench.api import Case, Request
from ldbench.errors import UsageError
from tests.baselines.discs import SIDE
from tests.baselines.gaussian import (
    DETERMINISTIC,
    LINEAR,
    SAMPLERS,
    STABLE_DIFFUSION,
    ZERO_SNR,
    Gaussian,
    alphas_cumprod,
)

ZERO_SNR_SAMPLERS = [each for each in SAMPLERS if each[0] != "pndm"]
VELOCITY = {**STABLE_DIFFUSION, "prediction_type": "v_prediction"}


def how(sampler: str, steps: int = 50, drift: Drift | None = None, eta: float = 0.0, guidance: float = 1.0) -> Sampling:
    return Sampling(sampler, steps, guidance, drift or Drift(), eta)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_a_sampler_draws_from_the_data(sampler: str, eta: float) -> None:
    drawn = Gaussian().samples(how(sampler, 200, eta=eta), count=100, side=20)
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.012)
    # too narrow by the discretisation: DDPM 0.443 at 50 steps and 0.481 at 200, DDIM 0.474 and 0.494
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.022)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "eta"), ZERO_SNR_SAMPLERS)
def test_a_schedule_without_signal_at_its_end_loses_no_mean(sampler: str, eta: float) -> None:
    toy = Gaussian(trained=0.1, schedule=ZERO_SNR)
    path = reverse_path(sampler, 50, ZERO_SNR, eta)  # type: ignore[arg-type]
    assert int(path.calls[0][0]) == 999
    assert path.abar[0] < 1e-7
    # DDIM ends at timestep 0, where b_0 = 0.03 of the noise and so of its mean is left
    assert toy.sampled_mean(sampler, Drift(0.1, 0.1), eta=eta) == pytest.approx(0.5, abs=0.004)
    drawn = toy.samples(how(sampler, 200, Drift(0.1, 0.1), eta), count=100, side=20)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.022)


@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_an_image_does_not_depend_on_the_others_of_its_batch(sampler: str, eta: float) -> None:
    setting, predict = how(sampler, 5, Drift(sample=0.1), eta), Gaussian().predictor()
    noise = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))

    def run(chosen: list[int]) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(index) for index in chosen]
        return integrate(predict, noise[chosen], LINEAR, setting, generators)

    whole = run([0, 1, 2])
    assert torch.equal(run([2]), whole[2:])
    assert torch.equal(run([1, 0]), whole[[1, 0]])


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 61, 103, 500, 999])
@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm", "pndm", "euler", "euler-ancestral"])
def test_every_step_goes_down_and_there_are_as_many_as_asked_for(sampler: Any, steps: int) -> None:
    """Diffusers' trailing timesteps of 61, 103 and 60 other numbers of steps have one more, -1."""
    path = reverse_path(sampler, steps, STABLE_DIFFUSION)
    times = [int(calls[0]) for calls in path.calls]
    assert len(times) == steps
    assert all(earlier > later for earlier, later in zip(times, [*times[1:], -1], strict=True))
    levels = [float(alphas_cumprod(STABLE_DIFFUSION)[t]) for t in times]
    assert path.abar[:-1] == pytest.approx(levels, rel=1e-4)
    assert path.abar[-1] > 0.999
    assert start_abar(sampler, steps, STABLE_DIFFUSION) == path.abar[0]


@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddpm", "euler", "euler-ancestral"])
def test_a_number_of_steps_that_diffusers_gets_wrong_is_right(sampler: str) -> None:
    toy = Gaussian()
    assert toy.sampled_mean(sampler, Drift(), 61) == pytest.approx(toy.sampled_mean(sampler, Drift(), 62), abs=5e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_the_injected_variance_is_the_schedulers(sampler: Any, eta: float) -> None:
    path = reverse_path(sampler, 25, STABLE_DIFFUSION, eta)
    for step in range(24):
        t, s = int(path.calls[step][0]), int(path.calls[step + 1][0])
        theirs = path.scheduler._get_variance(t) if sampler == "ddpm" else eta**2 * path.scheduler._get_variance(t, s)
        assert path.variance(step) == pytest.approx(float(theirs), rel=1e-3)


def test_the_injected_variance_of_ancestral_euler_is_its_sigma_up() -> None:
    path = reverse_path("euler-ancestral", 25, STABLE_DIFFUSION)
    sigmas = path.scheduler.sigmas.double()
    up = sigmas[1:] ** 2 * (sigmas[:-1] ** 2 - sigmas[1:] ** 2) / sigmas[:-1] ** 2
    ours = [path.variance(step) * path.scale(step + 1) ** 2 for step in range(25)]
    assert ours == pytest.approx(up.tolist(), rel=1e-6)


@pytest.mark.parametrize("drift", [Drift(), Drift(sample=0.1), Drift(sample=0.01, kind="step"), Drift(leak=0.03)])
def test_euler_is_ddim_in_exploding_units(drift: Drift) -> None:
    """The same steps of the same ODE, so the same images, shifts included."""
    schedule = {**STABLE_DIFFUSION, "timestep_spacing": "trailing", "set_alpha_to_one": True}
    toy = Gaussian(schedule=schedule)
    ddim, euler = toy.sampled_mean("ddim", drift), toy.sampled_mean("euler", drift)
    assert euler == pytest.approx(ddim, abs=1e-4)


@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm", "pndm", "euler", "euler-ancestral"])
def test_predicted_latents_are_never_clipped(sampler: Any) -> None:
    """A scheduler's file that doesn't say so would get diffusers' default for pixels, clipping to [-1, 1]."""
    silent = {key: value for key, value in LINEAR.items() if key != "clip_sample"}
    for schedule in (silent, {**silent, "clip_sample": True, "thresholding": True}):
        got = Gaussian(mean=3.0, schedule=schedule).sampled_mean(sampler, Drift(), 20)
        assert got == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_pndm_asks_twice_at_its_first_step_and_shifts_once(steps: int) -> None:
    asked: list[int] = []
    predict = Gaussian(schedule=STABLE_DIFFUSION).predictor()

    def noting(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.append(int(t))
        return predict(z, t)

    def first(drift: Drift) -> list[torch.Tensor]:
        found = reverse(noting, torch.zeros(1, 1, 1, 1), STABLE_DIFFUSION, how("pndm", steps, drift), [])
        return [each.next_latents for each in found]

    plain, drifted = first(Drift()), first(Drift(sample=0.25, kind="step"))
    assert len(plain) == len(drifted) == steps
    assert len(asked) == 2 * (steps + (steps > 1))
    assert float(drifted[0] - plain[0]) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("schedule", [LINEAR, STABLE_DIFFUSION, VELOCITY])
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_the_steps_are_those_of_the_whole_run(sampler: str, eta: float, schedule: dict[str, Any]) -> None:
    toy, setting = Gaussian(schedule=schedule), how(sampler, 20, Drift(sample=0.1), eta)
    noise = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def generators() -> list[torch.Generator]:
        return [torch.Generator().manual_seed(index) for index in range(8)]

    steps = list(reverse(toy.predictor(), noise, schedule, setting, generators()))
    levels = alphas_cumprod(schedule)
    assert torch.equal(steps[-1].next_latents, integrate(toy.predictor(), noise, schedule, setting, generators()))
    assert [each.step for each in steps] == list(range(20))
    for each in steps:  # unit noise scale, and what the optimal network thinks of z_0: its posterior mean
        abar = levels[each.timestep]
        deviation = (abar * 0.25 + 1 - abar).sqrt()
        assert float(each.latents.std()) == pytest.approx(float(deviation), rel=0.25)
        expected = 0.5 + abar.sqrt() * 0.25 / deviation**2 * (each.latents - abar.sqrt() * 0.5)
        torch.testing.assert_close(each.clean_latents(), expected, atol=2e-3, rtol=0)


def test_the_trajectory_of_a_model_ends_on_its_images() -> None:
    model, asked = fake_model(), [Request(Case(f"case-{index}", "a disc", {}), index) for index in range(3)]
    for sampler, _ in DETERMINISTIC:
        setting = how(sampler, 4, guidance=2.0)
        predict = predictor(model, model.embed([each.case.prompt for each in asked]), setting.guidance_scale)
        noise = start_noise(model, asked, (3, 8, 8))
        steps = list(reverse(predict, noise, STABLE_DIFFUSION, setting, []))
        assert [step.step for step in steps] == [0, 1, 2, 3]
        assert torch.equal(noise, torch.stack([each.noise((4, 2, 2)) for each in asked]))
        assert torch.equal(steps[0].latents, noise) or sampler != "ddim"
        assert all(step.latents.shape == step.clean_latents().shape == (3, 4, 2, 2) for step in steps)
        if sampler in ("euler", "dpm-solver++"):  # their last step goes to sigma 0, which is the predicted z_0
            images = sample(model, asked, (3, 8, 8), setting)
            torch.testing.assert_close(steps[-1].clean_latents(), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rescale", [0.3, 1.0])
def test_rescaled_guidance_is_diffusers_own(rescale: float) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    model, z, t = fake_model(), torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0)), torch.tensor(1)
    text = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(1))
    plain, guided = predictor(model, text)(z, t), predictor(model, text, 5.0)(z, t)
    expected = rescale_noise_cfg(guided, plain, rescale)
    torch.testing.assert_close(predictor(model, text, 5.0, rescale=rescale)(z, t), expected)
    assert not torch.allclose(expected, guided)


def fake_model() -> Any:
    """A backbone that sees the prompt as a number and whose images are its latents."""

    def unet(z: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=0.5 * z + text[:, :, :, None])

    unet.parameters = torch.nn.Linear(1, 1).parameters  # type: ignore[attr-defined]
    return SimpleNamespace(
        unet=unet, schedule=make_scheduler("ddpm", STABLE_DIFFUSION), latent_shape=lambda shape: (4, 2, 2),
        embed=lambda prompts, cases=None: torch.tensor([float(len(each)) / 50 for each in prompts])[:, None, None],
        decode=lambda latents: latents,
    )


@pytest.mark.parametrize(
    ("sampler", "steps", "change", "line"),
    [
        ("ddpm", 1001, {}, "steps: expected 1 to 1000, .* got 1001"),
        ("ddim", 1000, {}, "steps: expected 1 to 999, .* got 1000"),
        ("ddim", 30, ZERO_SNR, "steps: ddim with trailing timesteps expects a divisor of 1000, got 30"),
        ("pndm", 10, ZERO_SNR, "sampler: pndm divides by a_T"),
        ("ddim", 10, {**ZERO_SNR, "prediction_type": "epsilon"}, "zero terminal SNR: expected .* v_prediction"),
        ("ddim", 10, {"timestep_spacing": "linspace"}, "sampler: ddim expects .*trailing, got 'linspace'; take"),
        ("pndm", 10, {"timestep_spacing": "linspace"}, "sampler: pndm expects .*trailing, got 'linspace'; take"),
        ("ddim", 10, {"prediction_type": "sample"}, "expected prediction_type epsilon or v_prediction, got 'sample'"),
    ],
)
def test_what_a_sampler_can_not_do_is_refused_in_one_line(
    sampler: Any, steps: int, change: dict[str, Any], line: str
) -> None:
    with pytest.raises(UsageError, match=line) as caught:
        reverse_path(sampler, steps, {**STABLE_DIFFUSION, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("sampler", "steps", "eta"), [("ddpm", 0, 0.0), ("ddpm", 5, 0.5), ("ddim", 5, 2.0)])
def test_a_wrong_setting_is_refused_before_anything_is_loaded(sampler: str, steps: int, eta: float) -> None:
    with pytest.raises(UsageError):
        how(sampler, steps, eta=eta)


@pytest.fixture(scope="module")
def tiny(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), torch.device("cpu"))


@pytest.fixture
def pipeline(tiny: LatentDiffusion) -> Iterator[Any]:
    from diffusers import StableDiffusionPipeline

    made = StableDiffusionPipeline(
        vae=tiny.vae, text_encoder=tiny.text_encoder, tokenizer=tiny.tokenizer, unet=tiny.unet,
        scheduler=tiny.schedule, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


REQUESTS = [Request(Case(f"case-{index}", f"a disc of size {index}", {}), 1000 + index) for index in range(2)]


def piped(pipeline: Any, tiny: LatentDiffusion, setting: Sampling, callback: Any = None) -> torch.Tensor:
    """Images of diffusers' own loop from the same noise and embeddings."""
    pipeline.scheduler = make_scheduler(setting.sampler, tiny.schedule.config)
    text = tiny.embed([each.case.prompt for each in REQUESTS])
    return pipeline(  # type: ignore[no-any-return]
        prompt_embeds=text, negative_prompt_embeds=tiny.embed([""]).expand_as(text), num_inference_steps=setting.steps,
        guidance_scale=setting.guidance_scale, height=SIDE, width=SIDE, output_type="pt", eta=setting.eta,
        latents=torch.stack([each.noise(tiny.latent_shape((3, SIDE, SIDE))) for each in REQUESTS]),
        generator=[torch.Generator().manual_seed(each.seed ^ 0x5DEECE66D) for each in REQUESTS],
        callback_on_step_end=callback,
    ).images


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_without_drift_the_images_are_the_pipelines(
    tiny: LatentDiffusion, pipeline: Any, sampler: str, eta: float, guidance: float
) -> None:
    setting = how(sampler, 5, eta=eta, guidance=guidance)
    ours = sample(tiny, REQUESTS, (3, SIDE, SIDE), setting)
    torch.testing.assert_close(ours, piped(pipeline, tiny, setting), atol=2e-5, rtol=0)
    assert float(ours.std()) > 0.1


def test_a_drift_a_step_is_what_a_callback_of_the_pipeline_gives(tiny: LatentDiffusion, pipeline: Any) -> None:
    shifts = (0.05, 0.0, -0.05, 0.1)

    def shift(pipe: Any, step: int, t: Any, seen: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"latents": seen["latents"] + torch.tensor(shifts)[:, None, None]}

    setting = how("ddim", 5, Drift(sample=shifts, kind="step"))
    ours = sample(tiny, REQUESTS, (3, SIDE, SIDE), setting)
    theirs = piped(pipeline, tiny, setting, shift)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)
    assert float((ours - sample(tiny, REQUESTS, (3, SIDE, SIDE), how("ddim", 5))).abs().mean()) > 1e-3
