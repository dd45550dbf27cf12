"""Pix2Pix-Zero: each image alone, the null edit back to the source, drift, tau, and bad input in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.pix2pix_zero import Pix2PixZero

from ldbench.api import Request
from ldbench.errors import GeneratorError, UsageError
from ldbench.testing import check_generator

from .discs import Discs, context
from .edits import changed, edit_requests, loaded, null
from .rows import ROWS

pytestmark = pytest.mark.slow

SIDE = (3, 16, 16)
WHITE: dict[str, Any] = {"regularisation_weight": 20.0}


def run(generator: Pix2PixZero, asked: list[Request], folder: Path, side: int = 16) -> torch.Tensor:
    return generator.generate(asked, context(folder, "as it was loaded", side))


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_an_image_does_not_depend_on_its_batch(random_backbone: Path, tmp_path: Path, scale: float) -> None:
    generator = loaded(Pix2PixZero, random_backbone, tmp_path, guidance_scale=scale, guidance_weight=1.0, **WHITE)
    asked = edit_requests(2)
    together = run(generator, asked, tmp_path)
    alone = torch.cat([run(generator, [each], tmp_path) for each in reversed(asked)]).flip(0)
    assert together.shape == (2, *SIDE)
    assert 0 <= float(together.min()) <= float(together.max()) <= 1
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("drift", [{}, {"drift": "step", "delta_total": 0.2}])
def test_the_null_edit_is_the_way_back_whatever_the_scale_and_the_attention(
    random_backbone: Path, tmp_path: Path, drift: dict[str, Any]
) -> None:
    asked = [null(each) for each in edit_requests(1)]
    images = [
        run(loaded(Pix2PixZero, random_backbone, tmp_path, guidance_scale=scale, guidance_weight=tau, **WHITE, **drift),
            asked, tmp_path)
        for scale, tau in ((1.0, 0.0), (1.0, 3.0), (9.0, 0.0))
    ]
    for other in images[1:]:
        torch.testing.assert_close(other, images[0], atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("drift", [{}, {"drift": "step", "delta_total": 0.2}])
def test_the_null_edit_gives_the_source_back(tmp_path: Path, drift: dict[str, Any]) -> None:
    """On the packaged backbone in 50 steps: what its autoencoder makes of the source, mean absolute error 0.004."""
    asked = [null(each) for each in edit_requests(1, side=64)]
    settings = {"guidance_weight": 0.0, "guidance_scale": 1.0, "sampling_steps": 50} | drift
    generator = loaded(Pix2PixZero, "tiny-sd", tmp_path, 64, **settings)
    assert generator._model is not None
    sources = torch.stack([each.case.source for each in asked if each.case.source is not None])
    error = run(generator, asked, tmp_path, 64) - generator._model.decode(generator._model.encode(sources)[0])
    assert float(error.abs().mean()) < 0.004


def test_a_drift_in_sampling_alone_moves_the_null_edit(random_backbone: Path, tmp_path: Path) -> None:
    asked = [null(each) for each in edit_requests(2)]
    still, moved = (
        run(loaded(Pix2PixZero, random_backbone, tmp_path, delta_sample=delta, **WHITE), asked, tmp_path)
        for delta in (0.0, 0.5)
    )
    assert float((moved - still).abs().mean()) > 1e-4


def test_an_edit_follows_its_direction_and_more_so_at_a_larger_scale(random_backbone: Path, tmp_path: Path) -> None:
    asked, far = edit_requests(2), []
    still = None
    for scale in (0.0, 2.0, 8.0):
        generator = loaded(Pix2PixZero, random_backbone, tmp_path, guidance_scale=scale, guidance_weight=0.0)
        images = run(generator, asked, tmp_path)
        still = images if still is None else still
        far.append(float((images - still).abs().mean()))
    assert far[0] == 0 < far[1] < far[2]


def test_the_moments_end_on_the_images(random_backbone: Path, tmp_path: Path) -> None:
    generator = loaded(Pix2PixZero, random_backbone, tmp_path)
    found = list(generator.trajectory(edit_requests(2), context(tmp_path, random_backbone)))
    assert [(each.step, each.steps) for each in found] == [(0, 3), (1, 3), (2, 3)]
    assert all(each.images.shape == (2, *SIDE) for each in found)
    last = run(generator, edit_requests(2), tmp_path)
    assert float((found[-1].images - last).abs().mean()) < float((found[0].images - last).abs().mean())


def test_the_drift_row_trains_its_start_with_the_papers_drift(random_backbone: Path, tmp_path: Path) -> None:
    where = context(tmp_path, random_backbone)
    drifts, trained = [], []
    for method in (Pix2PixZero, ROWS["pix2pix-zero-ld"]):
        generator = method(start_steps=2, sampling_steps=2, **WHITE)
        generator.fit(Discs(), where)
        assert generator._model is not None
        drift = generator._drift(generator._model)
        drifts.append((drift.train, drift.sample, drift.kind))
        trained.append(generator._model.unet.conv_in.weight)
        assert run(generator, edit_requests(1), tmp_path).shape == (1, *SIDE)
    assert drifts == [((0.0,), (0.0,), "noise"), ((0.1,), (0.1,), "noise")]
    assert not torch.equal(*trained)


def test_only_what_fit_never_reads_is_a_sampling_parameter() -> None:
    fields = {field.name for field in dataclasses.fields(Pix2PixZero) if field.init}
    assert Pix2PixZero.sampling_parameters < fields
    read = {"backbone", "download", "precision", "start", "start_steps", "delta"}
    assert fields - Pix2PixZero.sampling_parameters == read


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"source": None}, "case case-0: expected a source image .* got no source; take an editing task"),
        ({"source_prompt": None}, "case case-0: .* got no source_prompt and target_prompt"),
        ({"target_prompt": None}, "case case-0: .* got no source_prompt and target_prompt"),
        ({"source": torch.zeros(3, 8, 16)}, r"expected a source of \(3, 16, 16\), .* got \(3, 8, 16\)"),
    ],
)
def test_a_case_that_can_not_be_edited_is_refused_in_one_line(
    random_backbone: Path, tmp_path: Path, fields: dict[str, Any], line: str
) -> None:
    generator = loaded(Pix2PixZero, random_backbone, tmp_path)
    with pytest.raises(GeneratorError, match=line) as caught:
        run(generator, [changed(edit_requests(1)[0], **fields)], tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"guidance_weight": -0.1}, "guidance_weight: expected 0 to 100, got -0.1"),
        ({"regularisation_weight": -1.0}, "regularisation_weight: expected 0 to 1000, got -1.0"),
        ({"regularisation_steps": -1}, "regularisation_steps: expected 0 or more, got -1"),
        ({"regularisation_rolls": 0}, "regularisation_rolls: expected 1 or more, got 0"),
        ({"start_steps": 0}, "start_steps: expected 1 or more, got 0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_one_line(parameters: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        Pix2PixZero(**parameters)


@pytest.mark.slow
def test_it_passes_the_kit_that_outsiders_pass(kit_backbone: Path) -> None:
    few: dict[str, Any] = {"start_steps": 1, "sampling_steps": 2, "regularisation_steps": 1, "guidance_scale": 1.0}
    generator = ROWS["pix2pix-zero-ld"](**few, **WHITE)
    findings = check_generator(generator, kind="disease-counterfactual", backbone=str(kit_backbone))
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) > 5
