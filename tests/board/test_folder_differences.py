"""Differences of folders beside the same real images: what is shared cancels, and what is unsound is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ldbench.api import Measured, Metric
from ldbench.board.folder_differences import FolderDifference, differences
from ldbench.errors import UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.scores import FolderParts, FolderScores
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.fld import FLD
from ldbench.score.metrics.intervals import of_mean, wilson_interval
from ldbench.score.metrics.mean_score import mean_score

RANDOM = np.random.default_rng(0)
FIRST, SECOND = RANDOM.normal(size=20), RANDOM.normal(size=20)
NAMES = [f"{index}" for index in range(20)]
SSIM = METRICS.load("ssim")


def folder(
    name: str, *measured: tuple[Metric, Measured], cases: Sequence[str] = NAMES, scans: Sequence[str] = (),
    options: Mapping[str, Any] | None = None, real: str = "",
) -> FolderScores:
    units = {"scans": tuple(scans), "cases": tuple(cases)}
    images = {"real": {"sha256": real}, "generated": {"folder": name}}
    return FolderScores(
        tuple(each.score for _, each in measured), {}, images, options or {}, parts=FolderParts(measured, units)
    )


def ssim(values: Any) -> tuple[Metric, Measured]:
    return SSIM, mean_score("ssim", np.asarray(values, float), "higher", {})


def difference(*folders: FolderScores) -> FolderDifference:
    [found] = differences(folders).found
    return found


def left_out(*folders: FolderScores) -> str:
    found = differences(folders)
    assert not found.found
    return found.left_out[0].reason


def test_equal_names_are_pairs_and_others_are_independent() -> None:
    paired = difference(folder("a", ssim(FIRST)), folder("b", ssim(SECOND)))
    assert paired.p == pytest.approx(stats.ttest_rel(SECOND, FIRST).pvalue, rel=1e-3)
    assert paired.difference == pytest.approx(SECOND.mean() - FIRST.mean())
    apart = difference(folder("a", ssim(FIRST)), folder("b", ssim(SECOND), cases=[f"b{name}" for name in NAMES]))
    error = np.sqrt((FIRST.var(ddof=1) + SECOND.var(ddof=1)) / 20)
    half = stats.t.ppf(0.975, 19) * error
    assert (apart.ci_low, apart.ci_high) == pytest.approx((apart.difference - half, apart.difference + half))
    some = difference(folder("a", ssim(FIRST)), folder("b", ssim(SECOND[:15]), cases=NAMES[:15]))
    assert some.ci_high - some.ci_low > paired.ci_high - paired.ci_low


def test_subjects_are_the_units() -> None:
    whose = np.repeat(NAMES[:5], 4)
    found = difference(folder("a", ssim(FIRST), cases=whose), folder("b", ssim(SECOND), cases=whose))
    means = (SECOND - FIRST).reshape(5, 4).mean(axis=1)
    assert found.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue, rel=1e-3)


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_better_and_worse_follow_the_direction_and_holm(direction: Any) -> None:
    metric = replace(SSIM, direction=direction)
    first, second, third = (
        folder(name, (metric, replace(ssim(values)[1], direction=direction)))
        for name, values in (("a", FIRST), ("b", FIRST + 1 + 0.1 * SECOND), ("c", FIRST + 0.05 * SECOND))
    )
    found = differences([first, second, third]).found
    assert [each.verdict for each in found] == ["worse" if direction == "lower" else "better", "tied"]
    assert found[0].p_adjusted == pytest.approx(2 * found[0].p)
    assert differences([second, first]).found[0].verdict == ("better" if direction == "lower" else "worse")


def test_shared_real_images_cancel() -> None:
    real = RANDOM.normal(size=(30, 4))
    generated = real + 0.1 * RANDOM.normal(size=(2, 30, 4))
    scores = [fid_score(real, each, extractor="x") for each in generated]
    one, other = (folder(name, (METRICS.load("fid"), score)) for name, score in zip("ab", scores, strict=True))
    found = difference(one, other)
    assert found.ci_high - found.ci_low < 0.7 * 2 * (scores[0].ci_high - scores[0].value)
    same = difference(one, replace(one, images=other.images))
    assert (same.difference, same.ci_low, same.ci_high, same.p, same.verdict) == (0, 0, 0, 1, "tied")


def share(hits: int, count: int) -> tuple[Metric, Measured]:
    interval = wilson_interval(hits / count, count)
    parts = of_mean((np.arange(count) < hits).astype(float))
    return METRICS.load("copied_share"), Measured(
        "copied_share", interval.value, interval.low, interval.high, count, "lower", contributions={"cases": parts},
        interval="share",
    )


def test_a_share_of_none_has_an_error() -> None:
    names = [[f"{name}{index}" for index in range(50)] for name in "ab"]
    none, few, many = (share(hits, 50) for hits in (0, 4, 12))
    equal = difference(folder("a", none, cases=names[0]), folder("b", none, cases=names[1]))
    assert equal.ci_low < -0.05 < 0.05 < equal.ci_high
    assert difference(folder("a", none, cases=names[0]), folder("b", few, cases=names[1])).verdict == "tied"
    assert difference(folder("a", none, cases=names[0]), folder("b", many, cases=names[1])).verdict == "worse"


def test_what_has_no_sound_interval_is_left_out_with_its_reason() -> None:
    of_scans = Measured("fld", 1, 0, 2, 20, "lower", contributions={"scans": of_mean(FIRST)})
    scans = [folder(name, (FLD, of_scans), scans=NAMES) for name in "ab"]
    assert "counts the real images alone" in left_out(*scans)
    without = Measured("kid", 1, 0, 2, 20, "lower")
    assert left_out(*(folder(name, (METRICS.load("kid"), without)) for name in "ab")).startswith("nothing says")
    fewer = mean_score("vendi", FIRST[:10], "higher", {})
    vendi = METRICS.load("vendi")
    numbers = left_out(
        folder("a", (vendi, mean_score("vendi", FIRST, "higher", {}))), folder("b", (vendi, fewer), cases=NAMES[:10])
    )
    assert numbers == "its value depends on the number of images, 20 and 10; give images=10"
    recall = METRICS.load("recall")
    assert "take coverage" in left_out(
        *(folder(name, (recall, mean_score("recall", FIRST, "higher", {}))) for name in "ab")
    )
    assert "no spread" in left_out(folder("a", ssim([1.0] * 20)), folder("b", ssim([0.5] * 20)))
    pairs = replace(ssim(FIRST)[1], contributions={"cases": of_mean(FIRST), "scans": of_mean(SECOND)})
    assert "other units" in left_out(folder("a", (SSIM, pairs), scans=NAMES), folder("b", ssim(SECOND)))


def test_copies_of_training_images_are_no_better_in_anything_else() -> None:
    metric, score = share(12, 20)
    copies = metric, replace(score, parameters={"observed_chance": 1e-9})
    found = differences([folder("a", ssim(FIRST), share(0, 20)), folder("b", ssim(SECOND), copies)])
    assert [each.metric for each in found.found] == ["copied_share"]
    assert [(each.metric, each.reason) for each in found.left_out] == [
        ("ssim", "b: images are copies of training images")
    ]


def test_folders_that_were_measured_otherwise_are_refused() -> None:
    first = folder("a", ssim(FIRST))
    with pytest.raises(UsageError, match="b: expected the real images that a was measured beside, got others"):
        differences([first, folder("b", ssim(SECOND), real="other")])
    with pytest.raises(UsageError, match="b: expected the options of a, "):
        differences([first, folder("b", ssim(SECOND), options={"seed": 1})])
    networks = [folder(name, (SSIM, replace(ssim(FIRST)[1], extractor=name))) for name in "ab"]
    assert "two networks, b and a," in left_out(*networks)
    coverage = METRICS.load("coverage")
    settings = [folder(f"{k}", (coverage, mean_score("coverage", FIRST, "higher", {"k": k}))) for k in (3, 5)]
    assert left_out(*settings) == "its k is 3 and 5; measure both alike"
