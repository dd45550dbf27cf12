"""Prior preservation: whose images they are, that they are made once, and what they weigh; on DreamBooth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.backbone.precision import Precision
from ldbench_baselines.diffusion.generator import StableDiffusion
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.dreambooth import DreamBooth
from ldbench_baselines.fitting import prior
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.prior import CLASS_IMAGES
from safetensors.torch import load_file

from ldbench.api import Case, Example, Request, case_seed
from ldbench.errors import GeneratorError, UsageError
from tests.baselines.discs import CPU, Discs, context, quick

pytestmark = pytest.mark.slow


def class_prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that fills with the prompts of class images as they are sampled."""
    seen: list[str] = []
    original = prior.sample

    def sample(model: Any, requests: Any, *rest: Any) -> torch.Tensor:
        seen.extend(request.case.prompt for request in requests)
        return original(model, requests, *rest)

    monkeypatch.setattr(prior, "sample", sample)
    return seen


def test_class_images_are_the_frozen_backbones(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = class_prompts(monkeypatch)
    sampling = {"sampling_steps": 3, "sampler": "ddim", "guidance_scale": 2.0}
    generator = quick(DreamBooth, class_images=5, delta=0.5, **sampling)  # the drift is the task's, not the class's
    generator.fit(Discs(), context(tmp_path, random_backbone))
    plain = StableDiffusion(**sampling)  # type: ignore[arg-type]
    where = context(tmp_path / "plain", random_backbone)
    plain.fit(Discs(), where)
    assert len(prompts) == 5
    wanted = [
        Request(Case(f"class-{index}", prompt, {}), case_seed(0, "class", str(index)))
        for index, prompt in enumerate(prompts)
    ]
    expected = load_backbone(str(random_backbone), CPU).encode(plain.generate(wanted, where))
    torch.testing.assert_close(load_file(tmp_path / CLASS_IMAGES)["moments"], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_class_images_are_made_as_the_tasks_will_be(
    precision: Precision, random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a network in the run's precision, without autocast, which is slower on a GPU; afterwards it is float32 again.
    """
    seen, prompts = [], class_prompts(monkeypatch)
    original = prior.sample

    def sample(model: Any, *rest: Any) -> torch.Tensor:
        seen.append((model.unet.dtype, torch.is_autocast_enabled("cpu")))
        return original(model, *rest)

    monkeypatch.setattr(prior, "sample", sample)
    sampling: dict[str, Any] = {"sampling_steps": 2, "sampler": "ddim", "guidance_scale": 2.0, "precision": precision}
    generator = quick(DreamBooth, class_images=4, batch_size=4, **sampling)
    where = context(tmp_path, random_backbone)
    trained = generator.tuned(Discs(), where)
    assert seen == [(getattr(torch, precision), False)]
    assert trained.unet.dtype == torch.float32
    plain = StableDiffusion(**sampling)
    plain.fit(Discs(), where)
    asked = [
        Request(Case(f"class-{index}", prompt, {}), case_seed(0, "class", str(index)))
        for index, prompt in enumerate(prompts)
    ]
    expected = plain.encode(plain.generate(asked, where), where)
    assert torch.equal(load_file(tmp_path / CLASS_IMAGES)["moments"][0], expected)


@dataclass(frozen=True)
class ManySmall(Discs):
    """Discs of which all but the last two are called alike."""

    def __getitem__(self, index: int) -> Example:
        return replace(super().__getitem__(index), prompt=f"a disc of size {max(0, index + 3 - self.count)}")


@pytest.mark.parametrize(("class_images", "counts"), [
    (12, {"a disc of size 0": 10, "a disc of size 1": 1, "a disc of size 2": 1}),
    (24, {"a disc of size 0": 20, "a disc of size 1": 2, "a disc of size 2": 2}),
])
def test_prompts_of_class_images_come_as_often_as_in_training(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, class_images: int, counts: dict[str, int]
) -> None:
    prompts = class_prompts(monkeypatch)
    quick(DreamBooth, steps=1, class_images=class_images).fit(ManySmall(12), context(tmp_path, random_backbone))
    assert Counter(prompts) == counts


def test_few_class_images_are_of_prompts_from_all_over(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of those that come first by the alphabet, which would be the youngest of the patients."""
    prompts, drawn = class_prompts(monkeypatch), []
    for seed in range(4):
        prompts.clear()
        where = context(tmp_path / str(seed), random_backbone, seed=seed)
        quick(DreamBooth, steps=1, class_images=4).fit(Discs(8), where)
        drawn.append(tuple(prompts))
    assert len(set(drawn)) == 4
    assert {prompt for prompts in drawn for prompt in prompts} == {f"a disc of size {index}" for index in range(8)}


def test_class_images_do_not_depend_on_how_many_memory_holds(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = {}
    original = prior.sample
    for fits in (5, 2):
        def sample(model: Any, requests: Any, *rest: Any, most: int = fits) -> torch.Tensor:
            if len(requests) > most:
                raise torch.OutOfMemoryError("told to")
            return original(model, requests, *rest)

        monkeypatch.setattr(prior, "sample", sample)
        quick(DreamBooth, class_images=5, steps=1).fit(Discs(), context(tmp_path / str(fits), random_backbone))
        moments[fits] = load_file(tmp_path / str(fits) / CLASS_IMAGES)["moments"]
    torch.testing.assert_close(moments[2], moments[5], atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_class_images_are_sampled_on_the_backbones_own_schedule(random_backbone: Path, tmp_path: Path) -> None:
    """The frozen network predicts noise, whatever the fine-tuned one will be made to predict."""
    for zero in (False, True):
        generator = quick(DreamBooth, steps=1, zero_terminal_snr=zero)
        generator.fit(Discs(), context(tmp_path / str(zero), random_backbone))
    plain, zero_snr = (load_file(tmp_path / str(zero) / CLASS_IMAGES)["moments"] for zero in (False, True))
    assert torch.equal(plain, zero_snr)


def test_class_images_are_made_once(random_backbone: Path, tmp_path: Path) -> None:
    made: list[int] = []

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "class images":
            made.append(done)
        if stage == "fit" and done == 1 and len(made) == 2:
            made.append(0)
            raise KeyboardInterrupt

    where = context(tmp_path, random_backbone, progress=progress)
    with pytest.raises(KeyboardInterrupt):
        quick(DreamBooth).fit(Discs(), where)
    before = (tmp_path / CLASS_IMAGES).read_bytes()
    quick(DreamBooth).fit(Discs(), where)
    assert made == [4, 5, 0]
    assert (tmp_path / CLASS_IMAGES).read_bytes() == before


@pytest.mark.slow
def test_class_images_of_other_parameters_are_not_taken(random_backbone: Path, tmp_path: Path) -> None:
    """Interrupted before its first checkpoint, then begun again with more class images."""

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "fit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(DreamBooth).fit(Discs(), context(tmp_path, random_backbone, progress=progress))
    quick(DreamBooth, class_images=7).fit(Discs(), context(tmp_path, random_backbone))
    assert load_file(tmp_path / CLASS_IMAGES)["moments"].shape[1] == 7


def test_a_broken_file_of_class_images_is_one_line(random_backbone: Path, tmp_path: Path) -> None:
    (tmp_path / CLASS_IMAGES).write_bytes(b"no safetensors")
    with pytest.raises(GeneratorError, match=r"class-images\.safetensors: expected safetensors, got ") as caught:
        quick(DreamBooth).fit(Discs(), context(tmp_path, random_backbone))
    assert "\n" not in str(caught.value)


def test_without_weight_there_is_no_prior(random_backbone: Path, tmp_path: Path) -> None:
    quick(DreamBooth, prior_weight=0.0).fit(Discs(), context(tmp_path, random_backbone))
    assert not (tmp_path / CLASS_IMAGES).exists()


@pytest.mark.usefixtures("moments_kept")
def test_the_prior_moves_what_is_learnt(random_backbone: Path, tmp_path: Path) -> None:
    """The loss itself is tested in test_denoising.py; here, that its weight reaches it."""
    moments = []
    for weight in (0.5, 1.0):
        folder = tmp_path / str(weight)
        quick(DreamBooth, steps=1, prior_weight=weight).fit(Discs(), context(folder, random_backbone))
        moments.append(load_file(folder / STATE)["adam.exp_avg.conv_in.weight"])
    assert not torch.allclose(moments[0], moments[1])


def test_the_parameters_of_class_images_are_the_fits(random_backbone: Path, tmp_path: Path) -> None:
    """A generator says which parameters `fit` never reads; how class images are sampled it does read."""
    assert DreamBooth.sampling_parameters == {"drift", "delta_sample", "delta_total"}
    quick(DreamBooth).fit(Discs(), context(tmp_path, random_backbone))
    with pytest.raises(GeneratorError, match=r"other settings \(sampling_steps: 2, now 3\)"):
        quick(DreamBooth, sampling_steps=3).fit(Discs(), context(tmp_path, random_backbone))


@pytest.mark.parametrize(("parameters", "line"), [
    ({"prior_weight": -1.0}, "prior_weight: expected 0 to 100, got -1.0"),
    ({"class_images": 0}, "class_images: expected 1 or more, got 0"),
])
def test_a_prior_that_cannot_be_is_one_line(parameters: dict[str, float], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        DreamBooth(**parameters)  # type: ignore[arg-type]


def test_the_batch_is_twice_as_large_with_a_prior() -> None:
    draw = DreamBooth(batch_size=4, prior_weight=0.5)._draw()
    assert (draw.batch_size, draw.prior) == (4, 4)
    assert draw.weights().tolist() == [2.0] * 4 + [1.0] * 4
    assert DreamBooth(batch_size=4, prior_weight=0.0)._draw().weights().tolist() == [1.0] * 4
