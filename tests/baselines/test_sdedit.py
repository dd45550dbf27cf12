"""SDEdit: further from the source with strength, never the source alone, in the right distribution, and bad input."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.diffusion.sampling import Sampling, descend
from ldbench_baselines.diffusion.schedulers import reverse_path
from ldbench_baselines.drift import Drift, shifted
from ldbench_baselines.sdedit import SDEdit

from ldbench.errors import GeneratorError, UsageError
from ldbench.testing import check_generator

from .discs import Discs, context
from .edits import changed, edit_requests, loaded
from .gaussian import ANCESTRAL, LINEAR, SAMPLERS, Gaussian
from .rows import ROWS

SDEDIT_LD = ROWS["sdedit-ld"]


def entered(toy: Gaussian, how: Sampling, first: int, count: int = 100, side: int = 20) -> torch.Tensor:
    """Samples of a run that enters at step `first`, from data noised to its level with the drift's noise."""
    path = reverse_path(how.sampler, how.steps, toy.schedule, how.eta, first)
    source = torch.Generator().manual_seed(0)
    eps, z_0 = (torch.randn(count, 1, side, side, generator=source) for _ in range(2))
    noise = shifted(eps, how.drift.start_shift())
    z_t = math.sqrt(path.abar[0]) * (toy.mean + toy.std * z_0) + math.sqrt(1 - path.abar[0]) * noise
    generators = [torch.Generator().manual_seed(1 + index) for index in range(count)]
    *_, last = descend(toy.predictor(), z_t * path.scale(0), path, how, generators)
    return last.next_latents


@pytest.mark.parametrize("drift", [Drift(), Drift(0.1, 0.1)])
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_a_run_that_enters_on_the_way_ends_on_the_data(sampler: Any, eta: float, drift: Drift) -> None:
    toy = Gaussian(trained=0.1 if any(drift.train) else 0.0)
    drawn = entered(toy, Sampling(sampler, 50, 1.0, drift, eta), first=25)
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.012)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("sampler", "eta"), ANCESTRAL)
def test_ancestral_steps_on_the_way_need_the_drifts_shift(sampler: Any, eta: float) -> None:
    """Trained with noise N(0.5, I): without the shift a step the mean is off by more than ten times as much."""

    class Forgetful(Drift):
        def step_shift(self, abar_next: float, variance: float) -> tuple[float, ...]:
            return (0.0,)

    toy = Gaussian(trained=0.5)
    off = [
        abs(float(entered(toy, Sampling(sampler, 50, 1.0, drift, eta), first=25).mean()) - 0.5)
        for drift in (Drift(0.5, 0.5), Forgetful(0.5, 0.5))
    ]
    assert off[1] > 5 * off[0]


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddim", "ddpm", "pndm", "euler", "euler-ancestral"])
def test_the_steps_from_the_middle_are_the_last_of_all(sampler: Any, first: int) -> None:
    whole, part = reverse_path(sampler, 5, LINEAR), reverse_path(sampler, 5, LINEAR, first=first)
    assert part.abar == whole.abar[first:]
    assert [int(calls[0]) for calls in part.calls] == [int(calls[0]) for calls in whole.calls[first:]]
    assert [len(calls) for calls in part.calls] == [len(calls) for calls in whole.calls[: 5 - first]]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_larger_strength_leads_further_from_the_source(tmp_path: Path, sampler: str) -> None:
    asked, far = edit_requests(2, side=64), []
    sources = torch.stack([each.case.source for each in asked if each.case.source is not None])
    for strength in (0.1, 0.2, 0.4, 0.7, 1.0):
        generator = loaded(SDEdit, "tiny-sd", tmp_path, 64, sampling_steps=10, strength=strength, sampler=sampler)
        images = generator.generate(asked, context(tmp_path, "tiny-sd", 64))
        far.append(float(((images - sources) ** 2).mean()))
    assert far == sorted(far)
    assert far[-1] > 2 * far[0]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddpm", "dpm-solver++", "euler-ancestral"])
def test_an_image_does_not_depend_on_its_batch(random_backbone: Path, tmp_path: Path, sampler: str) -> None:
    where, asked = context(tmp_path, random_backbone), edit_requests(4)
    generator = loaded(SDEdit, random_backbone, tmp_path, sampling_steps=6, sampler=sampler, guidance_scale=3.0)
    together = generator.generate(asked, where)
    alone = torch.cat([generator.generate([each], where) for each in reversed(asked)]).flip(0)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    other = generator.generate([dataclasses.replace(asked[0], seed=7)], where)
    assert not torch.allclose(other, alone[:1], atol=1e-3)


def test_noise_is_mixed_in_around_the_drift_and_to_the_levels_measure(random_backbone: Path, tmp_path: Path) -> None:
    asked, where = edit_requests(2), context(tmp_path, random_backbone)
    starts = {}
    for delta in (0.0, 0.4):
        generator = loaded(SDEdit, random_backbone, tmp_path, sampling_steps=10, strength=0.5, delta_sample=delta)
        starts[delta] = next(iter(generator.trajectory(asked, where))).latents
    assert generator._model is not None
    abar = reverse_path("ddpm", 10, generator._model.schedule.config, first=5).abar[0]
    torch.testing.assert_close(starts[0.4] - starts[0.0], torch.full_like(starts[0.0], 0.4 * math.sqrt(1 - abar)))
    sources = torch.stack([each.case.source for each in asked if each.case.source is not None])
    z_0, noise = generator._model.encode(sources)[0], torch.stack([each.noise((4, 8, 8)) for each in asked])
    torch.testing.assert_close(starts[0.0], math.sqrt(abar) * z_0 + math.sqrt(1 - abar) * noise)
    assert len(list(generator.trajectory(asked, where))) == 5


def test_the_drift_row_is_trained_and_sampled_with_the_papers_drift(random_backbone: Path, tmp_path: Path) -> None:
    generator = SDEDIT_LD(start_steps=1, sampling_steps=2)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    assert generator._model is not None
    drift = generator._drift(generator._model)
    assert (drift.train, drift.sample, drift.kind) == ((0.1,), (0.1,), "noise")
    assert dataclasses.replace(SDEDIT_LD(), delta=0.0) == SDEDIT_LD(delta=0.0)


@pytest.mark.parametrize("strength", [-0.1, 0.0, 1.1])
def test_a_strength_outside_its_range_is_refused_in_one_line(strength: float) -> None:
    with pytest.raises(UsageError, match=f"strength: expected more than 0, at most 1, got {strength}; the"):
        SDEdit(strength=strength)


@given(st.floats(0, 1, exclude_min=True), st.integers(1, 1000))
def test_an_edit_takes_a_step_or_is_refused_with_a_strength_that_does(strength: float, steps: int) -> None:
    try:
        assert SDEdit(strength=strength, sampling_steps=steps)._step_count() >= 1
    except UsageError as error:
        assert strength < 1 / steps
        (named,) = re.findall(r"take ([\d.]+) or more", str(error))
        assert SDEdit(strength=float(named), sampling_steps=steps)._step_count() >= 1


def test_a_case_without_a_source_is_refused_in_one_line(random_backbone: Path, tmp_path: Path) -> None:
    generator = loaded(SDEdit, random_backbone, tmp_path)
    with pytest.raises(GeneratorError, match="case case-0: expected a source image"):
        generator.generate([changed(edit_requests(1)[0], source=None)], context(tmp_path, random_backbone))


@pytest.mark.slow
def test_it_passes_the_kit_that_outsiders_pass(kit_backbone: Path) -> None:
    generator = SDEDIT_LD(start_steps=1, sampling_steps=4)
    findings = check_generator(generator, kind="aging", backbone=str(kit_backbone))
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) > 5
