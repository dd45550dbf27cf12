"""What the intervals of errors of edits, of distances of pairs, of calibration, diversity and novelty cover.

Three parts of the table that `leaderboards.interval_coverage` prints.

Edits are known edits of the sandbox's 200 cases of brain disease, drawn with replacement: the population is these
cases, so the target is their value. A judge's readings, features and images are drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ldbench.api import Measured
from ldbench.score.metrics.condition import judge_calibration_score
from ldbench.score.metrics.counterfactual_error import EditSums, edit_score, effect_error, error, side_effect
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.kid import kid, kid_score
from ldbench.score.metrics.ms_ssim import ms_ssim_diversity_score
from ldbench.score.metrics.novelty import ct_score
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence
from ldbench.score.metrics.vendi import vendi_score
from leaderboards.coverage_table import interval_of, report
from leaderboards.known_edits import course_of_task, sums_of

TASK = "sandbox-brain-disease"
FIXED = 1_000_000  # the seed of what all draws share, which is no draw's own
EDITS = (
    "1.5 times the true edit", "another subject", "truth, blurred by 0.6 px", "truth, noise of 0.03",
    "truth, moved by 1 px",
)
STATISTICS: Mapping[str, Callable[[EditSums], npt.NDArray[np.float64]]] = {
    "counterfactual_error": error, "effect_error": effect_error, "side_effect": side_effect,
}


def edit_rows(repetitions: int) -> None:
    """The three errors of each edit at 20, 40 and 200 cases."""
    course = course_of_task(TASK)
    for edit in EDITS:
        sums = sums_of(course, edit)
        for n in (20, 40, 200):
            for metric in STATISTICS:
                edit_row(metric, edit, sums, n, repetitions)


def edit_row(metric: str, edit: str, sums: EditSums, n: int, repetitions: int) -> None:
    """One metric of one edit, n of its cases a draw."""
    statistic, random = STATISTICS[metric], np.random.default_rng(n)
    draws = [sums.of_cases(random.integers(len(sums.true_true), size=n)) for _ in range(repetitions)]
    intervals = [interval_of(edit_score(metric, statistic, drawn)) for drawn in draws]
    report(f"{metric}, {edit}", n, intervals, float(statistic(sums.pooled())))


def calibration(random: np.random.Generator, n: int, sharper: float) -> Measured:
    """The calibration error of a judge of two classes whose log odds are too large by this factor."""
    log_odds = random.normal(size=n) * 2
    labels = np.where(random.random(n) < 1 / (1 + np.exp(-log_odds)), "b", "a").tolist()
    scores = np.stack([-log_odds, log_odds], axis=1) * sharper
    return judge_calibration_score(scores, labels, ["a", "b"], {})


def effective_number(random: np.random.Generator, n: int, spread: float) -> Measured:
    """The Vendi score of features that lie around one direction."""
    features_nd = 1 + spread * random.normal(size=(n, 64)) * np.arange(1, 65) ** -0.5
    return vendi_score(features_nd, extractor="simulated")


def diversity(random: np.random.Generator, n: int, noise: float) -> Measured:
    """The diversity within a class of smooth images of 32 px that share a picture."""
    shared = ndimage.gaussian_filter(np.random.default_rng(FIXED).normal(size=(32, 32)), 3)
    own = ndimage.gaussian_filter(random.normal(size=(n, 32, 32)), (0, 2, 2))
    images = (0.5 + shared / shared.std() / 10 + noise * own).clip(0, 1)
    return ms_ssim_diversity_score(torch.from_numpy(np.repeat(images[:, None], 3, 1).astype(np.float32)), ["a"] * n)


def nearness(random: np.random.Generator, n: int, shift: float) -> Measured:
    """C_T of Gaussian features, beside one set of 200 training images."""
    training_nd = np.random.default_rng(FIXED).normal(size=(200, 8))
    test_nd, generated_nd = random.normal(size=(2, n, 8)) + np.array([0, shift])[:, None, None]
    return ct_score(training_nd, test_nd, generated_nd, extractor="simulated")


SIMULATED: Mapping[str, tuple[Callable[[np.random.Generator, int, float], Measured], tuple[float, ...]]] = {
    "judge_calibration, log odds times": (calibration, (1.0, 2.0)), "vendi, spread": (effective_number, (0.5, 2.0)),
    "ms_ssim_diversity, noise": (diversity, (0.1, 0.5)), "ct, shift": (nearness, (0.0, 1.0)),
}


def set_rows(repetitions: int) -> None:
    """Calibration, diversity and novelty at 50 and 200 images; the target is the mean of the values."""
    for name, (measure, settings) in SIMULATED.items():
        for setting in settings:
            for n in (50, 200):
                scores = [measure(np.random.default_rng(seed), n, setting) for seed in range(repetitions)]
                report(f"{name} {setting:g}", n, [interval_of(score) for score in scores])


def results(random: np.random.Generator, n: int, noise: float) -> tuple[npt.NDArray[np.float64], ...]:
    """Features of truths and of what an editor made of them: the same, a little moved, with noise of its own."""
    scale_d = np.arange(1, 33) ** -0.5
    truths_nd = random.normal(size=(n, 32)) * scale_d
    return truths_nd, truths_nd + (0.2 + noise * random.normal(size=(n, 32))) * scale_d


def pair_rows(repetitions: int) -> None:
    """KID and FID of results and their truths, as pairs and as two independent samples."""
    for noise in (0.1, 0.5):
        target = kid(*results(np.random.default_rng(FIXED), 4000, noise), dependence=Dependence(paired=True))
        for n in (40, 200):
            draws = [results(np.random.default_rng(seed), n, noise) for seed in range(repetitions)]
            for dependence, how in ((Dependence(paired=True), ""), (INDEPENDENT, ", as independent sets")):
                kernel = [kid_score(*drawn, extractor="simulated", dependence=dependence) for drawn in draws]
                report(f"KID of pairs, noise {noise}{how}", n, [interval_of(score) for score in kernel], target)
                distance = [fid_score(*drawn, extractor="simulated", dependence=dependence) for drawn in draws]
                report(f"FID of pairs, noise {noise}{how}", n, [interval_of(score) for score in distance])
