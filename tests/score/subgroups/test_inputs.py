"""The inputs of a group: rows of the run's own, in order, and nothing that has no such rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ldbench.api import NoSettings
from ldbench.data.task_data import task_data
from ldbench.errors import PluginError
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import inputs_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.subgroups.inputs import GroupInputs
from tests.score.small_task import small, truths

REAL, CASES = np.array([1, 4]), np.array([0, 2, 3])


@pytest.fixture(scope="module")
def whole() -> Inputs:
    data = task_data(small({"minimality": NoSettings()}), 0)
    return inputs_of(data, truths(data), ScoringContext(torch.device("cpu"), 3))


@pytest.fixture(scope="module")
def group(whole: Inputs) -> GroupInputs:
    return GroupInputs(whole, REAL, CASES)


@pytest.mark.parametrize("name", ["generated", "sources", "truths", "stored_truths", "region"])
def test_images_of_cases_are_the_groups(whole: Inputs, group: GroupInputs, name: str) -> None:
    expected = getattr(whole, name)[CASES.tolist()]
    assert torch.equal(getattr(group, name), expected)
    assert torch.equal(getattr(group.lazy, name)[1:], expected[1:])
    assert getattr(group, name) is getattr(group, name)  # read once, or who indexes it in a loop reads all each time


def test_what_belongs_to_an_image_is_the_groups(whole: Inputs, group: GroupInputs) -> None:
    assert torch.equal(group.real, whole.real[REAL.tolist()])
    of_cases = ("labels", "case_ids", "attributes", "captions")
    for name, rows in (*((each, CASES) for each in of_cases), ("real_labels", REAL)):
        assert getattr(group, name) == tuple(getattr(whole, name)[row] for row in rows)
    read = whole.readings("sandbox-brain-ventricle-ratio")
    assert [part.tolist() for part in group.readings("sandbox-brain-ventricle-ratio")] == [
        read[0][REAL].tolist(), read[1][CASES].tolist()
    ]
    features = [part.shape for part in group.features("radiomics", 64)]
    assert features == [(2, 41), (3, 41)]
    assert np.array_equal(group.viewed.features("radiomics", 64)[1], whole.viewed.features("radiomics", 64)[1][CASES])


def test_what_a_group_has_no_part_in_is_the_runs(whole: Inputs, group: GroupInputs) -> None:
    for name in ("classes", "region_parameters", "viewing_parameters", "device", "seed", "cache_folder", "progress"):
        assert getattr(group, name) == getattr(whole, name)
    assert group.network_parameters("radiomics", 64) == whole.network_parameters("radiomics", 64)
    assert len(group.lazy.training_scans()[0]) == len(whole.lazy.training_scans()[0])
    assert group.lazy.seen_scans()[1] == whole.lazy.seen_scans()[1]


@pytest.mark.parametrize("ask", [
    lambda inputs: inputs.all_generated(), lambda inputs: inputs.test_scans(), lambda inputs: inputs.further("null"),
    lambda inputs: inputs.lazy.all_generated(), lambda inputs: inputs.lazy.test_scans(),
    lambda inputs: inputs.lazy.further("back"),
])  # fmt: skip
def test_sets_of_other_images_are_refused(group: GroupInputs, ask: Any) -> None:
    with pytest.raises(PluginError, match=r"expected a metric that asks for cases or `real` within a group"):
        ask(group)
