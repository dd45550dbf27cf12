"""`measure` from Python: paths as texts or paths, and the answer of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import MetricError, UsageError, WeightsError
from ldbench.run.measure import measure
from tests.score.test_folders import fill


def test_folders_are_measured_by_their_paths(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 12, seed)
    found = measure(str(tmp_path / "real"), tmp_path / "generated", metrics=["frd"], blur=1.0)
    [score] = found.scores
    assert (score.metric, score.parameters["viewing_blur"], score.parameters["viewing_noise"]) == ("frd", 1.0, 0.0)
    assert found.refused == {}
    with pytest.raises(UsageError, match="--device: expected auto"):
        measure(tmp_path / "real", tmp_path / "generated", metrics=["frd"], device="none")


def test_a_metric_that_was_named_and_is_refused_raises_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "empty"))
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 12, seed)
    with pytest.raises(MetricError, match="expected at least k"):
        measure(
            tmp_path / "real", tmp_path / "generated", metrics=["frd", "coverage"], settings={"coverage": {"k": "12"}}
        )
    with pytest.raises(WeightsError):
        measure(tmp_path / "real", tmp_path / "generated", metrics=["fid"], network="radimagenet-resnet50")
