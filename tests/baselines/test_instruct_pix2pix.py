"""InstructPix2Pix against diffusers' pipeline, from each start, with and without pairs and drift."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.diffusion.schedulers import make_scheduler
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.instruct_pix2pix import (
    InstructPix2Pix,
    InstructPix2PixCD,
    InstructPix2PixFT,
)

from ldbench.api import Context
from ldbench.errors import GeneratorError, UsageError
from ldbench.testing import check_generator

from .discs import Discs, context, quick, requests, seen_prompts, weights
from .editing.disc_pairs import DiscPairs, LoneDiscs, edit_requests
from .rows import ROWS as REGISTERED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_starts")]

ROWS = [InstructPix2Pix, InstructPix2PixCD, InstructPix2PixFT]


def sharing(folder: Path, backbone: Path, **rest: Any) -> Context:
    return context(folder / "own", backbone, shared=folder / "shared", **rest)


def few(method: type[InstructPix2Pix], **parameters: Any) -> InstructPix2Pix:
    generator = quick(method, **parameters)
    assert isinstance(generator, InstructPix2Pix)
    return generator


@pytest.fixture(scope="module")
def fitted(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[InstructPix2Pix, Context]:
    """A fit whose image channels do something."""
    where = context(tmp_path_factory.mktemp("fit"), random_backbone)
    generator = few(InstructPix2Pix, learning_rate=0.03)
    generator.fit(DiscPairs(), where)
    return generator, where


def with_parameters(generator: InstructPix2Pix, **parameters: Any) -> InstructPix2Pix:
    """The same fit, sampled otherwise."""
    other = dataclasses.replace(generator, **parameters)
    other._model = generator._model
    return other


@pytest.mark.parametrize(("text_scale", "image_scale"), [(3.0, 1.6), (2.0, 1.0)])
def test_diffusers_pipeline_gives_the_same_images(
    text_scale: float, image_scale: float, fitted: tuple[InstructPix2Pix, Context]
) -> None:
    from diffusers import StableDiffusionInstructPix2PixPipeline  # needs what ldbench_baselines declares first

    generator, where = fitted
    model = generator._fitted()
    asked = edit_requests(3)
    ours = with_parameters(
        generator, sampler="ddim", sampling_steps=5, guidance_scale=text_scale, image_guidance_scale=image_scale
    ).generate(asked, where)
    pipe = StableDiffusionInstructPix2PixPipeline(  # type: ignore[no-untyped-call]
        model.vae, model.text_encoder, model.tokenizer, model.unet, make_scheduler("ddim", model.schedule.config),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    sources = torch.stack([each.case.source for each in asked if each.case.source is not None])
    theirs = pipe(
        [each.case.prompt for each in asked], sources,
        num_inference_steps=5, guidance_scale=text_scale, image_guidance_scale=image_scale,
        latents=torch.stack([each.noise((4, 8, 8)) for each in asked]), output_type="pt",
    ).images
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    turned = [dataclasses.replace(a, case=dataclasses.replace(a.case, source=b.case.source)) for a, b in
              zip(asked, asked[::-1], strict=True)]
    assert float((generator.generate(turned, where) - generator.generate(asked, where))[0].abs().max()) > 1e-3


@pytest.mark.parametrize("sampler", ["ddpm", "pndm"])
def test_a_trajectory_ends_where_generation_does(sampler: str, fitted: tuple[InstructPix2Pix, Context]) -> None:
    generator, where = fitted
    generator = with_parameters(generator, sampler=sampler, sampling_steps=3)
    moments = list(generator.trajectory(edit_requests(2), where))
    assert [each.step for each in moments] == [0, 1, 2]
    assert moments[-1].images.shape == (2, 3, 16, 16)
    torch.testing.assert_close(moments[-1].images, generator.generate(edit_requests(2), where), rtol=0, atol=0.05)


def test_drift_is_in_the_start_in_training_and_in_sampling(
    fitted: tuple[InstructPix2Pix, Context], random_backbone: Path, tmp_path: Path
) -> None:
    generator, where = fitted
    drifting = with_parameters(generator, delta_sample=0.1)
    moved = drifting.generate(edit_requests(1), where) - generator.generate(edit_requests(1), where)
    assert float(moved.abs().max()) > 1e-3
    plain, trained = (few(each, learning_rate=0.03) for each in (InstructPix2Pix, REGISTERED["instruct-pix2pix-ld"]))
    trained.fit(DiscPairs(), context(tmp_path, random_backbone))
    first = "unet.conv_in.weight"
    plain._model = generator._model
    assert not torch.equal(weights(trained)[first], weights(plain)[first])
    for name in ("instruct-pix2pix-ld", "instruct-pix2pix-cd-ld", "instruct-pix2pix-ft-ld"):
        assert REGISTERED[name]().delta == 0.1
    for name in ("instruct-pix2pix-cd-ld", "instruct-pix2pix-ft-ld"):
        start = REGISTERED[name]()._start()
        assert start is not None
        assert start.delta == 0.1
    only_sampled = REGISTERED["instruct-pix2pix-ft-ld"](drift_where="sample")._start()
    assert only_sampled is not None
    assert only_sampled.delta == 0.0


# one of them in every run, the others among the slow tests
FITS = [(row, train) for row in ROWS for train in (DiscPairs(), LoneDiscs())]
EACH = [FITS[4], *(pytest.param(*each, marks=pytest.mark.slow) for each in FITS[:4] + FITS[5:])]


@pytest.mark.parametrize(("row", "train"), EACH)
def test_an_interrupted_fit_resumes_to_the_same_weights_and_images(
    row: type[InstructPix2Pix], train: DiscPairs | LoneDiscs, random_backbone: Path, tmp_path: Path
) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "fit" and (done, total) == (3, 4):
            raise KeyboardInterrupt

    def fit(name: str, **rest: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        generator, where = few(row, steps=4, checkpoint_every=2), sharing(tmp_path / name, random_backbone, **rest)
        generator.fit(train, where)
        return weights(generator), generator.generate(edit_requests(2), where)

    whole, images = fit("whole")
    with pytest.raises(KeyboardInterrupt):
        fit("cut", progress=stop)
    again, same = fit("cut")
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert torch.equal(same, images)
    starts = {path.parent.name.rsplit("-", 1)[0] for path in (tmp_path / "cut" / "shared").glob(f"*/{STATE}")}
    own = {InstructPix2Pix: set(), InstructPix2PixCD: {"custom-diffusion"}, InstructPix2PixFT: {"basic-ft"}}[row]
    assert starts == own | ({"basic-ft"} if isinstance(train, LoneDiscs) else set())


def test_the_modifier_stands_before_instructions_in_training_and_generation(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, where = few(InstructPix2PixCD), sharing(tmp_path, random_backbone)
    seen = seen_prompts(monkeypatch)
    generator.fit(DiscPairs(), where)
    assert {prompt for prompt in seen if "grow" in prompt} == {f"<new1> grow size {size}" for size in range(8)}
    seen.clear()
    generator.generate(edit_requests(1), where)
    assert "<new1> grow size 0" in seen
    assert "grow size 0" not in seen


def test_a_start_of_other_parameters_is_another_fit(random_backbone: Path, tmp_path: Path) -> None:
    where = sharing(tmp_path, random_backbone)
    few(InstructPix2PixFT).fit(DiscPairs(), where)
    with pytest.raises(GeneratorError, match=r"made with other settings \((method|start)"):
        few(InstructPix2PixCD).fit(DiscPairs(), where)


def test_micro_batches_leave_the_weights(random_backbone: Path, tmp_path: Path) -> None:
    fits = []
    for size in (0, 3):
        generator = few(InstructPix2Pix, micro_batch_size=size)
        generator.fit(DiscPairs(), context(tmp_path / str(size), random_backbone))
        fits.append(weights(generator))
    for name, value in fits[0].items():
        torch.testing.assert_close(fits[1][name], value, rtol=0, atol=1e-4)


@pytest.mark.parametrize("row", ROWS)
def test_images_alone_are_one_line_before_anything_is_fitted(
    row: type[InstructPix2Pix], random_backbone: Path, tmp_path: Path
) -> None:
    with pytest.raises(GeneratorError, match=r"expected a source image, or source_prompt.*got neither") as caught:
        row().fit(Discs(), context(tmp_path, random_backbone))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_case_without_source_or_of_another_size_is_one_line(fitted: tuple[InstructPix2Pix, Context]) -> None:
    generator, where = fitted
    with pytest.raises(GeneratorError, match=r"case case-0: expected a source image"):
        generator.generate(requests(1), where)
    with pytest.raises(GeneratorError, match=r"case disc-0: expected a source of \(3, 16, 16\)"):
        generator.generate(edit_requests(1, side=32), where)


def test_flip_without_pairs_is_one_line(random_backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="flip: expected false where pairs are generated"):
        InstructPix2Pix(flip=True).fit(LoneDiscs(), context(tmp_path, random_backbone))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"prompt_dropout": 0.7}, "prompt_dropout: expected 0 to 2/3, got 0.7"),
        ({"pairs": 0}, "pairs: expected 1 or more, got 0"),
        ({"steps": 0}, "steps: expected 1 or more, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        InstructPix2Pix(**parameters)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["aging", "disease-counterfactual"])
def test_it_conforms(kind: str, kit_backbone: Path) -> None:
    generator = few(InstructPix2PixFT, steps=2)
    findings = check_generator(generator, kind=kind, backbone=str(kit_backbone))
    assert len(findings) > 10
    assert [finding for finding in findings if not finding.passed] == []
