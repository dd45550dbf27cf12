"""The reference rows: exactly what they say, and the truth only for the one that declares it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.references import CopySource, MeanImage, Oracle, Real

from ldbench import card
from ldbench.api import Context, Request
from ldbench.data.task_data import task_data
from ldbench.errors import GeneratorError


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(torch.device("cpu"), 0, tmp_path, (3, 64, 64))


def test_real_returns_the_scan_that_the_case_describes(context: Context) -> None:
    data, generator = task_data(card.load("sandbox-brain-t2i"), 0), Real()
    generator.fit(data.train, context)
    requests = [Request(case, 0) for case in data.cases[:5]]
    images = generator.generate(requests, context)
    by_id = {record.id: record for record in data.dataset.select("train")}
    for request, image in zip(requests, images, strict=True):
        assert torch.equal(image, torch.from_numpy(data.dataset.image(by_id[request.case.id])))


def test_mean_image_is_the_mean_of_the_training_scans(context: Context) -> None:
    data, generator = task_data(card.load("sandbox-brain-t2i"), 0), MeanImage()
    generator.fit(data.train, context)
    image = generator.generate([Request(data.cases[0], 0)], context)[0]
    expected = torch.stack([data.train[index].image for index in range(len(data.train))]).mean(0)
    torch.testing.assert_close(image, expected)


@pytest.mark.parametrize("generator", [Real(), MeanImage()])
def test_generating_before_fitting_is_refused(generator: Real | MeanImage, context: Context) -> None:
    case = task_data(card.load("sandbox-brain-t2i"), 0).cases[0]
    with pytest.raises(GeneratorError, match="fit before generate"):
        generator.generate([Request(case, 0)], context)


def test_copy_source_and_oracle_need_what_a_prompt_task_lacks(context: Context) -> None:
    case = task_data(card.load("sandbox-brain-t2i"), 0).cases[0]
    with pytest.raises(GeneratorError, match="expected a source image"):
        CopySource().generate([Request(case, 0)], context)
    with pytest.raises(GeneratorError, match="no known truth"):
        Oracle().generate([Request(case, 0)], context)
    assert Oracle.sees_truth
    assert not any(row.sees_truth for row in (Real, MeanImage, CopySource))
