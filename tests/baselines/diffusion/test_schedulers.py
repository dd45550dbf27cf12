"""A sampler's name means the same on every backbone: of a saved scheduler, the noise schedule alone is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from ldbench_baselines.backbone.parts import load_schedule
from ldbench_baselines.backbone.source import find_backbone
from ldbench_baselines.diffusion.sampling import Sampling
from ldbench_baselines.diffusion.schedulers import reverse_path
from ldbench_baselines.drift import Drift

from tests.baselines.gaussian import SAMPLERS, STABLE_DIFFUSION, Gaussian

# what schedulers of diffusers may be saved with, beside the noise schedule
OPTIONS: list[dict[str, Any]] = [
    {"final_sigmas_type": "sigma_min"}, {"use_karras_sigmas": True}, {"use_exponential_sigmas": True},
    {"use_beta_sigmas": True}, {"use_lu_lambdas": True}, {"interpolation_type": "log_linear"}, {"solver_order": 3},
    {"solver_type": "heun"}, {"euler_at_final": True}, {"lower_order_final": False},
    {"algorithm_type": "sde-dpmsolver++"}, {"variance_type": "learned_range"}, {"timestep_type": "continuous"},
    {"lambda_min_clipped": -5.1},
    {"skip_prk_steps": False}, {"thresholding": True}, {"clip_sample": True}, {"sigma_min": 0.1, "sigma_max": 5.0},
    {"use_flow_sigmas": True}, {"timestep_spacing": "trailing"}, {"steps_offset": 0}, {"set_alpha_to_one": True},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options)))
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_a_samplers_name_means_the_same_whatever_a_backbones_scheduler_was_saved_with(
    sampler: Any, eta: float, options: dict[str, Any]
) -> None:
    """But for the timesteps and the last level of DDIM and PNDM, which are the backbone's."""
    if sampler in ("ddim", "pndm") and options.keys() & {"timestep_spacing", "steps_offset", "set_alpha_to_one"}:
        return
    setting = Sampling(sampler, 7, 1.0, Drift(0.1, 0.1), eta)
    plain, other = (
        Gaussian(schedule={**STABLE_DIFFUSION, **extra}).samples(setting, count=2, side=4) for extra in ({}, options)
    )
    assert torch.equal(plain, other)


@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_sampling_on_the_packaged_backbones_schedule_is_sampling_on_stable_diffusions(sampler: Any, eta: float) -> None:
    """As it was saved for version 1.4, by an older diffusers with fewer keys."""
    saved: dict[str, Any] = {
        "_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
        "trained_betas": None, "clip_sample": False,
    }
    packaged = find_backbone("tiny-sd", "float32", download=False)
    schedules = [load_schedule(packaged), load_schedule(replace(packaged, configs={"scheduler": saved}))]
    paths = [reverse_path(sampler, 10, schedule.config, eta) for schedule in schedules]
    assert paths[0].abar == paths[1].abar == reverse_path(sampler, 10, STABLE_DIFFUSION, eta).abar
    assert [int(calls[0]) for calls in paths[0].calls] == [int(calls[0]) for calls in paths[1].calls]
