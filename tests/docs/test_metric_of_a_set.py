"""The metric of a set in docs/adding-a-metric.md: its interval, and what a comparison and subjects take from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ldbench.errors import MetricError
from ldbench.plugins.kinds import METRICS
from ldbench.run.measure import measure
from tests.markdown_blocks import ROOT, blocks
from tests.score.folders.disc_folders import fill

FIRST = "# spread.py\n"


@pytest.fixture
def metric(tmp_path: Path) -> str:
    """The page's metric, as a command names it."""
    [text] = [one.text for one in blocks(ROOT / "docs/adding-a-metric.md") if one.text.startswith(FIRST)]
    (tmp_path / "spread.py").write_text(text, encoding="utf-8")
    return f"{tmp_path / 'spread.py'}:SPREAD"


class Set:
    """A set of images that are read by rows."""

    def __init__(self, levels_n: np.ndarray) -> None:
        self._images = np.broadcast_to(levels_n[:, None, None, None], (len(levels_n), 3, 4, 4))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self._images[rows]


def computed(metric: str, generated_n: np.ndarray, real_n: np.ndarray) -> Any:
    inputs = type("Inputs", (), {"lazy": type("Lazy", (), {"generated": Set(generated_n), "real": Set(real_n)})})
    return METRICS.load(metric).compute(inputs, None)  # type: ignore[arg-type]


def test_contributions_are_those_that_the_api_promises(metric: str) -> None:
    random = np.random.default_rng(0)
    generated_n, real_n = random.normal(0.5, 0.1, 30), random.normal(0.5, 0.2, 50)
    found = computed(metric, generated_n, real_n)
    assert found.value == pytest.approx(generated_n.std(ddof=1) / real_n.std(ddof=1))
    assert {kind: len(each) for kind, each in found.contributions.items()} == {"cases": 30, "scans": 50}
    for each in found.contributions.values():
        assert each.sum() == pytest.approx(0, abs=1e-12)
    variance = sum((each**2).sum() for each in found.contributions.values())
    assert found.ci_high - found.value == pytest.approx(stats.t.ppf(0.975, 29) * variance**0.5)
    outlier = int(abs(generated_n - generated_n.mean()).argmax())
    assert found.contributions["cases"].argmax() == outlier  # it raises the value most
    assert found.contributions["scans"].argmin() == int(abs(real_n - real_n.mean()).argmax())
    with pytest.raises(MetricError, match="expected 3 images of each set"):
        computed(metric, generated_n[:2], real_n)


def test_the_interval_covers_the_true_ratio(metric: str) -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        found = computed(metric, random.normal(0.5, 0.05, 30), random.normal(0.5, 0.1, 30))
        covered += found.ci_low <= 0.5 <= found.ci_high
    assert covered >= 88  # of 95 expected; fewer are a mistake, but for 1 in 1,000


def test_the_metric_is_measured_on_folders(metric: str, tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 12, seed)
    places = tmp_path / "real", tmp_path / "generated"
    [alone] = measure(*places, metrics=[metric]).scores
    [shared] = measure(*places, metrics=[metric], subject_pattern="image-00[0-5]|image-0").scores
    assert alone.ci_low < alone.value < alone.ci_high
    assert shared.value == alone.value
    assert (shared.ci_low, shared.ci_high) != (alone.ci_low, alone.ci_high)
