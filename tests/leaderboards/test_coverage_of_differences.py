"""Simulated generators that are equal are rarely called different, and their differences are covered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboards.coverage_of_differences import SETTINGS, found_in

pytestmark = pytest.mark.slow

DRAWS = 60


@pytest.mark.parametrize("name", ["shifted", "pairs", "few", "far"])
def test_equal_generators_are_rarely_called_different(name: str) -> None:
    by_metric, called = found_in(SETTINGS[name], DRAWS)
    assert called <= 0.05
    assert by_metric.keys() >= {"fid", "kid", "mmd", "precision", "density", "coverage", "vendi", "ct", "copied_share"}
    assert "recall" not in by_metric
    for metric, found in by_metric.items():
        covered = sum(each.ci_low <= 0 <= each.ci_high for each in found)
        assert covered >= 0.85 * len(found), metric
        assert len(found) > DRAWS / 3, metric  # far off, half of the draws show no density at all


def test_unequal_generators_are_told_apart_and_pairs_better_than_others() -> None:
    unequal = replace(SETTINGS["unequal"], shifts=(0.3, 0.7))
    alone, paired = (found_in(replace(unequal, shared=shared), 20)[0]["kid"] for shared in (0.0, 0.9))
    assert {each.verdict for each in (*alone, *paired)} == {"worse"}
    widths = [sum(each.ci_high - each.ci_low for each in found) for found in (paired, alone)]
    assert widths[0] < 0.8 * widths[1]
