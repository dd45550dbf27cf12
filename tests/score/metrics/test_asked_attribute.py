"""Asked against read: the arithmetic, and what a case must ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldbench.api import Attributes
from ldbench.data.task_data import task_data
from ldbench.errors import MetricError
from ldbench.plugins.kinds import ESTIMATORS, METRICS
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.asked_attribute import AskedSpec, asked_errors
from ldbench.score.scorer import measured
from ldbench.task import card

Grey = np.ndarray


def brightness(images: Grey) -> Grey:  # type: ignore[type-arg]
    return 100 * images.astype(np.float64).mean(axis=(1, 2))


def test_is_the_distance_from_what_was_asked_for() -> None:
    images = torch.stack([torch.full((3, 8, 8), level) for level in (0.2, 0.5, 0.9)])
    asked: list[Attributes] = [{"age": 20}, {"age": 40.0}, {"age": 100}]
    assert asked_errors("asked_age_error", images, asked, "age", brightness) == pytest.approx([0, 10, 10], abs=1e-4)


def test_a_case_must_ask_for_a_number() -> None:
    images = torch.zeros(2, 3, 8, 8)
    with pytest.raises(MetricError, match="expected a number as age of each case, got none for 1 of 2"):
        asked_errors("asked_age_error", images, [{"age": 3}, {"sex": "F"}], "age", brightness)


def test_real_scans_have_the_estimators_own_error() -> None:
    task = card.load("sandbox-brain-t2i")
    protocol = replace(task.protocol, cases=40, evaluation_cases=40)
    data = task_data(replace(task, protocol=protocol, metrics={}), 0)
    by_id = {record.id: record for record in data.train.records}
    images = {case.id: torch.from_numpy(data.dataset.image(by_id[case.id])) for case in data.cases}
    inputs = Inputs(device=torch.device("cpu"), seed=0, data=data, images=images, passes={})
    metric, settings = METRICS.load("asked_age_error"), AskedSpec("sandbox-brain-age")
    score = measured(metric, inputs, settings)
    assert 0 < score.value < 6
    asked = np.array([float(case["age"]) for case in inputs.attributes])
    read = ESTIMATORS.load("sandbox-brain-age").read(inputs.generated.mean(dim=1).numpy())
    assert score.value == pytest.approx(np.abs(read - asked).mean())
    assert (score.parameters["unit"], score.extractor) == ("years", "sandbox-brain-age")
    shuffled = dict(zip(images, list(images.values())[::-1], strict=True))
    assert measured(metric, replace(inputs, images=shuffled), settings).value > 1.5 * score.value
