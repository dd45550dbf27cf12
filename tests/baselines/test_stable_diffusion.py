"""The untrained rows: prompts to images, with drift in sampling alone, alike in any batch and step by step."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.generator import StableDiffusion
from ldbench_baselines.diffusion.latent_diffusion import load_backbone

from ldbench.api import HasLatents, HasTrajectory
from ldbench.errors import GeneratorError, LdbenchError
from ldbench.task import card

from .discs import CPU, Discs, context, requests, seen_prompts
from .rows import ROWS


def fitted(
    backbone: Path | str, folder: Path, method: type[StableDiffusion] = StableDiffusion, **rest: object
) -> StableDiffusion:
    generator = method(**{"sampling_steps": 3} | rest)  # type: ignore[arg-type]
    generator.fit(Discs(), context(folder, backbone))
    return generator


@pytest.fixture(scope="module")
def plain(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    """A fitted one that no test may change."""
    return fitted(random_backbone, tmp_path_factory.mktemp("fit"))


def test_prompts_are_given_as_they_are(
    plain: StableDiffusion, random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_prompts(monkeypatch)
    images = plain.generate(requests(2), context(tmp_path, random_backbone))
    assert seen == ["a disc of size 0", "a disc of size 1", ""]  # the last for guidance
    assert images.shape == (2, 3, 16, 16)


def test_the_last_moment_of_the_trajectory_is_the_image(
    plain: StableDiffusion, random_backbone: Path, tmp_path: Path
) -> None:
    where = context(tmp_path, random_backbone)
    assert isinstance(plain, HasTrajectory)
    moments = list(plain.trajectory(requests(2), where))
    assert [(moment.step, moment.steps) for moment in moments] == [(0, 3), (1, 3), (2, 3)]
    times = [moment.timestep for moment in moments]
    assert times == sorted(times, reverse=True)
    torch.testing.assert_close(moments[-1].images, plain.generate(requests(2), where), atol=1e-4, rtol=0)
    assert torch.equal(moments[0].latents, torch.stack([each.noise((4, 8, 8)) for each in requests(2)]))


def test_its_latents_are_the_means_of_the_autoencoders_posterior(
    plain: StableDiffusion, random_backbone: Path, tmp_path: Path
) -> None:
    assert isinstance(plain, HasLatents)
    images = torch.stack([Discs()[index].image for index in range(3)])
    found = plain.encode(images, context(tmp_path, random_backbone))
    torch.testing.assert_close(found, load_backbone(str(random_backbone), CPU).encode(images)[0])


@pytest.mark.parametrize(
    "sampler",
    ["ddpm", "euler",
     *(pytest.param(each, marks=pytest.mark.slow) for each in ("ddim", "pndm", "euler-ancestral", "dpm-solver++"))],
)
def test_drift_starts_the_noise_elsewhere_and_moves_the_image(
    sampler: str, random_backbone: Path, tmp_path: Path
) -> None:
    """Each sampler in its own scale of z_T, which Euler's grows with: `trajectory` tells it at unit scale."""
    where, starts, images = context(tmp_path, random_backbone), {}, {}
    for delta in (0.0, 0.05, 0.4):
        generator = fitted(random_backbone, tmp_path, sampler=sampler, delta_sample=delta)
        starts[delta] = next(iter(generator.trajectory(requests(2), where))).latents
        images[delta] = generator.generate(requests(2), where)
    expected = torch.full((2,), 0.4)
    torch.testing.assert_close((starts[0.4] - starts[0.0]).mean((1, 2, 3)), expected, atol=0.01, rtol=0)
    near, far = (float((images[delta] - images[0.0]).abs().mean()) for delta in (0.05, 0.4))
    assert 0 < near < far


def test_the_drift_row_is_the_papers_drift_in_sampling_alone(random_backbone: Path, tmp_path: Path) -> None:
    generator = fitted(random_backbone, tmp_path, ROWS["sd-ld"])
    assert generator._model is not None
    drift = generator._drift(generator._model)
    assert (drift.train, drift.sample) == ((0.0,), (0.1,))
    assert not list(tmp_path.iterdir())  # nothing is trained and nothing kept


def test_a_second_fit_forgets_the_leak_of_the_first(random_backbone: Path, tmp_path: Path) -> None:
    generator, where = StableDiffusion(delta_sample="signal-leak", sampling_steps=2), context(tmp_path, random_backbone)
    starts = []
    for grey in (0.2, 0.9):
        generator.fit(Discs(grey=grey), where)
        starts.append(next(iter(generator.trajectory(requests(1), where))).latents.mean((0, 2, 3)))
    assert not torch.allclose(starts[0], starts[1], atol=1e-4)
    assert all(math.isfinite(float(value)) for value in starts[1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"delta_sample": "0.1,0.2,0.3"}, "delta_sample: expected one number or 4, one a latent channel, got 3"),
        ({"delta_sample": "much"}, "delta_sample: expected a finite number"),
        ({"sampling_steps": 0}, "steps: expected 1 or more, got 0"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(
    parameters: dict[str, object], message: str, plain: StableDiffusion, random_backbone: Path, tmp_path: Path
) -> None:
    generator = copy.copy(plain)
    for name, value in parameters.items():
        setattr(generator, name, value)
    with pytest.raises(LdbenchError, match=message) as caught:
        generator.generate(requests(1), context(tmp_path, random_backbone))
    assert "\n" not in str(caught.value)


def test_generating_before_fitting_is_one_line(random_backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="StableDiffusion: expected fit before generate"):
        StableDiffusion().generate(requests(1), context(tmp_path, random_backbone))


@pytest.mark.slow
def test_another_batch_size_changes_no_pixel_by_more_than_one_grey_level(tmp_path: Path) -> None:
    where = context(tmp_path, "tiny-sd", side=64)
    generator = StableDiffusion(sampling_steps=10)
    generator.fit(Discs(side=64), where)
    wanted = requests(6)
    together = generator.generate(wanted, where)
    apart = torch.cat([generator.generate(wanted[i : i + 2], where) for i in (0, 2, 4)])
    assert float((together - apart).abs().max()) <= 1 / 255
    assert float(together.std()) > 0.05


RECOMMENDED = {name for task in card.task_names() if (name := card.load(task).protocol.backbone) is not None}


@pytest.mark.parametrize("name", sorted(name for name in RECOMMENDED if "/" not in name))  # those are on the hub
def test_the_backbone_that_cards_recommend_is_there(name: str) -> None:
    model = load_backbone(name, CPU)
    assert model.latent_shape((3, 64, 64)) == (4, 32, 32)
    assert model.embed(["a brain MRI", "a chest x-ray"]).isfinite().all()
