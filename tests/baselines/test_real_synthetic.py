"""Half real, half synthetic: which half a case is in depends on nothing but the training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ldbench_baselines.backbone.content import backbone_files
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.real_synthetic import RealSynthetic, stays_real
from ldbench_baselines.references import Real

from ldbench.api import Context, Request, TrainingSet
from ldbench.data.images import write_image
from ldbench.errors import GeneratorError
from ldbench.testing import check_generator
from ldbench.testing.miniature import miniature

TASK = miniature("text-to-image")
REQUESTS = [Request(case, seed) for seed, case in enumerate(TASK.cases)]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(torch.device("cpu"), 3, tmp_path, (3, 64, 64))


def shade(request: Request) -> torch.Tensor:
    """A flat image that tells the request's seed, whatever the batch."""
    return torch.full((3, 64, 64), (request.seed + 1) / 255)


@pytest.fixture
def fine_tuned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Basic FT replaced by flat images; the list holds the sizes of the training sets it was fitted on."""
    fitted: list[int] = []

    def fit(self: BasicFT, train: TrainingSet, context: Context) -> None:
        fitted.append(len(train))

    def generate(self: BasicFT, requests: Sequence[Request], context: Context) -> torch.Tensor:
        return torch.stack([shade(request) for request in requests])

    monkeypatch.setattr(BasicFT, "fit", fit)
    monkeypatch.setattr(BasicFT, "generate", generate)
    return fitted


def test_each_case_is_its_scan_or_a_sample_whatever_the_batch(context: Context, fine_tuned: list[int]) -> None:
    generator, real = RealSynthetic(), Real()
    generator.fit(TASK.train, context)
    real.fit(TASK.train, context)
    assert fine_tuned == [len(TASK.train)]
    images, scans = generator.generate(REQUESTS, context), real.generate(REQUESTS, context)
    stays = stays_real(TASK.train)
    for request, image, scan in zip(REQUESTS, images, scans, strict=True):
        assert torch.equal(image, scan if stays[request.case.id] else shade(request))
    assert {stays[request.case.id] for request in REQUESTS} == {True, False}
    alone = torch.cat([generator.generate([request], context) for request in reversed(REQUESTS)]).flip(0)
    assert torch.equal(images, alone)


def test_half_of_each_class_stays_real_in_any_order() -> None:
    stays = stays_real(TASK.train)
    counts = Counter((example.attributes["diagnosis"], stays[example.id]) for example in TASK.train)
    assert counts == {("CN", True): 4, ("CN", False): 4, ("AD", True): 4, ("AD", False): 4}
    assert stays_real(TASK.train[::-1]) == stays


def test_images_of_a_finished_run_stand_in_for_fitting(
    context: Context, tmp_path: Path, fine_tuned: list[int]
) -> None:
    folder = tmp_path / "seed-3" / "images"
    for request in REQUESTS:
        write_image(shade(request), folder / f"{request.case.id}.png")
    fitted, ready = RealSynthetic(), RealSynthetic(samples=str(tmp_path / "seed-{seed}" / "images"))
    fitted.fit(TASK.train, context)
    ready.fit(TASK.train, context)
    assert len(fine_tuned) == 1
    assert torch.equal(ready.generate(REQUESTS, context), fitted.generate(REQUESTS, context))


def test_bad_folders_and_cases_are_one_line(context: Context, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="expected a folder"):
        RealSynthetic(samples=str(tmp_path / "absent")).fit(TASK.train, context)
    with pytest.raises(GeneratorError, match="needs fit"):
        RealSynthetic().generate(REQUESTS, context)
    generator = RealSynthetic(samples=str(tmp_path))
    generator.fit(TASK.train, context)
    with pytest.raises(GeneratorError, match=r"can't read .*an image of every case"):
        generator.generate(REQUESTS, context)
    for request in REQUESTS:
        write_image(torch.zeros(3, 32, 32), tmp_path / f"{request.case.id}.png")
    with pytest.raises(GeneratorError, match="64 x 64 pixels, got RGB of 32 x 32"):
        generator.generate(REQUESTS, context)
    with pytest.raises(GeneratorError, match="'other' is no training scan"):
        generator.generate([Request(replace(TASK.cases[0], id="other"), 0)], context)


@pytest.mark.slow
def test_conformance(kit_backbone: Path) -> None:
    generator = RealSynthetic(steps=2, batch_size=4, sampling_steps=2)
    findings = check_generator(generator, backbone=str(kit_backbone))
    assert [finding for finding in findings if not finding.passed] == []
    assert RealSynthetic.capabilities().kinds == {"text-to-image"}
    assert RealSynthetic.reference


def test_the_images_of_a_run_are_files_that_a_result_digests(context: Context, tmp_path: Path) -> None:
    folder = tmp_path / "seed-3" / "images"
    write_image(shade(REQUESTS[0]), folder / "a.png")
    ready = RealSynthetic(samples=str(tmp_path / "seed-{seed}" / "images"))
    assert ready.files(context) == {"samples": {"a.png": folder / "a.png"}}
    assert RealSynthetic().files(replace(context, backbone="tiny-sd")) == backbone_files("tiny-sd", "float32")
