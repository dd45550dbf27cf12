"""How often the differences of `ldbench measure REAL A B` cover, and call equal generators different.

Features are Gaussian, of eight dimensions with a decaying spectrum. Two generators of m images each stand beside the
same n real ones: both as the real images are (`as real`), or both shifted by as much (`shifted`). Independently, or in
pairs of one name that share most of what they show (`pairs`), few (`few`), or far from the real ones and with heavy
tails (`far`). Their true difference is 0. In `unequal` the second one is shifted by more; the true difference is then
the mean over all draws. `rare` has a share of hits near 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured
from ldbench.board.folder_differences import FolderDifference, differences
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.scores import FolderParts, FolderScores
from ldbench.score.metrics.copies import COPIED_SHARE
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.intervals import Interval, of_mean, wilson_interval
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.mmd import mmd_score
from ldbench.score.metrics.novelty import authpct_score, ct_score
from ldbench.score.metrics.vendi import vendi_score
from leaderboards.coverage_table import report

Array = npt.NDArray[np.float64]
DIMENSIONS = 8
NEIGHBOURS = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Setting:
    """Numbers of real and of generated images; both generators' shifts; how much of pairs is shared; a share of hits;
    the degrees of freedom of Student's t that the tails of generated features have, None for Gaussian ones."""

    n: int = 100
    m: int = 100
    shifts: tuple[float, float] = (0.0, 0.0)
    shared: float = 0.0
    share: float = 0.5
    tails: float | None = None


SETTINGS: Mapping[str, Setting] = {
    "as real": Setting(), "shifted": Setting(shifts=(0.4, 0.4)), "pairs": Setting(shifts=(0.4, 0.4), shared=0.9),
    "few": Setting(40, 24, (0.4, 0.4)), "unequal": Setting(shifts=(0.3, 0.5)), "rare": Setting(share=0.03),
    "far": Setting(50, 50, (2.5, 2.5), tails=4.0),
}


def drawn(setting: Setting, random: np.random.Generator) -> list[FolderScores]:
    """Both generators beside the same real images."""
    scale_d = np.arange(1, DIMENSIONS + 1) ** -0.5
    real_nd, training_td = random.normal(size=(2, setting.n, DIMENSIONS)) * scale_d
    common_md = random.normal(size=(setting.m, DIMENSIONS))
    folders = []
    for place, shift in enumerate(setting.shifts):
        own_md = random.normal(size=(setting.m, DIMENSIONS))
        features_md = np.sqrt(setting.shared) * common_md + np.sqrt(1 - setting.shared) * own_md
        if setting.tails is not None:
            features_md *= np.sqrt((setting.tails - 2) / random.chisquare(setting.tails, size=(setting.m, 1)))
        hit_m = (random.random(setting.m) < setting.share).astype(np.float64)
        scores = tuple(_scores(real_nd, training_td, (features_md + shift) * scale_d, hit_m))
        names = tuple(f"{'' if setting.shared else place}-{index}" for index in range(setting.m))
        units = {"scans": tuple(map(str, range(setting.n))), "cases": names}
        images = {"real": {"sha256": ""}, "generated": {"folder": str(place)}}
        parts = FolderParts(tuple((METRICS.load(score.metric), score) for score in scores), units)
        folders.append(FolderScores(tuple(score.score for score in scores), {}, images, {}, parts=parts))
    return folders


def _scores(real_nd: Array, training_td: Array, generated_md: Array, hit_m: Array) -> Iterator[Measured]:
    yield fid_score(real_nd, generated_md, extractor="simulated")
    yield kid_score(real_nd, generated_md, extractor="simulated")
    yield mmd_score(real_nd, generated_md, bandwidth=1.0, extractor="simulated")
    for name in NEIGHBOURS:
        yield manifold_score(name, real_nd, generated_md, k=5, extractor="simulated")
    yield vendi_score(generated_md, extractor="simulated")
    yield authpct_score(training_td, generated_md, extractor="simulated")
    yield ct_score(training_td, real_nd, generated_md, extractor="simulated")
    yield mean_score("psnr", generated_md[:, 0], "higher", {})
    share = wilson_interval(float(hit_m.mean()), len(hit_m))
    yield Measured(
        "copied_share", share.value, share.low, share.high, len(hit_m), COPIED_SHARE.direction,
        contributions={"cases": of_mean(hit_m)}, interval="share",
    )


def found_in(setting: Setting, draws: int) -> tuple[dict[str, list[FolderDifference]], float]:
    """By metric the differences of all draws, and the share of draws in which any is called better or worse."""
    by_metric, called = dict[str, list[FolderDifference]](), 0
    for draw in range(draws):
        found = differences(drawn(setting, np.random.default_rng(draw))).found
        called += any(each.verdict != "tied" for each in found)
        for each in found:
            by_metric.setdefault(each.metric, []).append(each)
    return by_metric, called / draws


def difference_rows(repetitions: int) -> None:
    """A row a metric and setting, and in how many draws of a setting any difference is called."""
    for name, setting in SETTINGS.items():
        by_metric, called = found_in(setting, repetitions)
        for metric, found in by_metric.items():
            intervals = [Interval(each.difference, each.ci_low, each.ci_high) for each in found]
            truth = 0.0 if len(set(setting.shifts)) == 1 else None
            report(f"difference in {metric}, {name}", setting.m, intervals, truth)
        print(f"| called in any metric, {name} | {setting.m} | | {100 * called:.1f} | | | |", flush=True)
