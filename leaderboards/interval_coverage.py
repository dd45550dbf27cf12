"""How often the intervals of FID, KID and AUC cover what they claim to cover: see docs/measurements/intervals.md.

Draws pairs of samples from populations whose answer is known or computable, and counts. Three populations of
features: Gaussian with a decaying spectrum, the same with the tails of Student's t with 8 degrees of freedom and
with 4 (infinite kurtosis: a covariance's error has no variance then, and no interval can be right), and
EfficientNet-Lite0 features of the sandbox's brain scans, real against real and real against blurred, drawn with
replacement. FID's target is its expectation at the given n, KID's the population's distance. For AUC, two and three
classes with normal scores, and three trainings of a classifier whose skill differs from one to the next: the target
is the mean over all trainings. With `--subjects`: means, shares, areas and distances of several images a subject,
which are as alike as 0.81, beside what the same intervals cover when every image counts as a subject.

    python -m leaderboards.interval_coverage --repetitions 400
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import stats

from ldbench.api import Measured
from ldbench.plugins.kinds import metric_bounds
from ldbench.score.by_subject import by_subject
from ldbench.score.metrics.effectiveness import flip_rate_score, target_auc_score
from ldbench.score.metrics.fid import fid, fid_score
from ldbench.score.metrics.intervals import Interval, Subjects, group_jackknife, numbered
from ldbench.score.metrics.kid import kid, kid_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.roc import Areas, areas

Array = npt.NDArray[np.float64]
Sampler = Callable[[int, np.random.Generator], tuple[Array, Array]]
DATA = Path(__file__).parents[1] / "tasks" / "sandbox_brain" / "images.npz"


def gaussian(dimension: int, tails: float | None) -> Sampler:
    """Two populations with spectrum 1/j, shifted by 0.3 and scaled by 1.1 in every second direction."""
    scale_d = np.arange(1, dimension + 1) ** -0.5
    other_d = scale_d * np.where(np.arange(dimension) % 2, 1.1, 1.0)

    def draw(n: int, random: np.random.Generator) -> tuple[Array, Array]:
        sets = random.normal(size=(2, n, dimension))
        if tails is not None:  # multivariate t of the same covariance
            sets *= np.sqrt((tails - 2) / random.chisquare(tails, size=(2, n, 1)))
        return sets[0] * scale_d, (sets[1] + 0.3) * other_d

    return draw


def sandbox() -> tuple[Array, Array]:
    """Features of half of the sandbox's training scans, and of the other half blurred."""
    from scipy.ndimage import gaussian_filter

    from ldbench.records.files import user_cache_folder
    from ldbench.score.networks.features import extract

    cache = user_cache_folder() / "features"
    scans = np.load(DATA)["train"].astype(np.float32) / 255
    half = len(scans) // 2
    blurred = gaussian_filter(scans[half:], (0, 0.7, 0.7)).clip(0, 1)
    real, other = (
        extract(np.repeat(images[:, None], 3, axis=1), "efficientnet-lite0", cache_folder=cache).astype(np.float64)
        for images in (scans[:half], blurred)
    )
    return real, other


def resampled(real_pool: Array, generated_pool: Array) -> Sampler:
    """Samples drawn from two finite populations with replacement."""

    def draw(n: int, random: np.random.Generator) -> tuple[Array, Array]:
        return real_pool[random.integers(len(real_pool), size=n)], generated_pool[
            random.integers(len(generated_pool), size=n)
        ]

    return draw


def population_kid(real_nd: Array, generated_md: Array) -> float:
    """Kernel distance of two finite populations drawn from with replacement: every pair counts, a self pair too."""

    def mean_kernel(left: Array, right: Array) -> float:
        return float(((left @ right.T / left.shape[1] + 1) ** 3).mean())

    across = mean_kernel(real_nd, generated_md)
    return mean_kernel(real_nd, real_nd) + mean_kernel(generated_md, generated_md) - 2 * across


def report(name: str, n: int, intervals: list[Interval], truth: float) -> None:
    """One row: coverage with its standard error, misses on each side, half width over 1.96 true deviations."""
    low, high = np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
    value = np.array([i.value for i in intervals])
    coverage = float(((low <= truth) & (truth <= high)).mean())
    error = (coverage * (1 - coverage) / len(value)) ** 0.5
    width = float((high - low).mean() / 2 / (1.96 * value.std(ddof=1)))
    print(
        f"| {name} | {n} | {truth:.4g} | {100 * coverage:.1f} +- {100 * error:.1f} | {100 * (low > truth).mean():.1f} "
        f"| {100 * (high < truth).mean():.1f} | {width:.2f} |",
        flush=True,
    )


def features_rows(name: str, draw: Sampler, n: int, repetitions: int, seed: int, known_kid: float | None) -> None:
    """FID, naive bootstrap of FID, and KID for one population and sample size."""
    random = np.random.default_rng(seed)
    pairs = [draw(n, random) for _ in range(repetitions)]
    intervals = [group_jackknife(fid, *pair, metric="fid", seed=i)[0] for i, pair in enumerate(pairs)]
    more = [draw(n, random) for _ in range(2 * repetitions)]
    expected = float(np.mean([i.value for i in intervals] + [fid(*pair) for pair in more]))
    report(f"FID, {name}", n, intervals, expected)
    few = pairs[: max(repetitions // 15, 2)]
    report(f"FID, {name}, naive bootstrap (not used)", n, [bootstrap(*pair, random) for pair in few], expected)
    target = known_kid if known_kid is not None else float(np.mean([kid(*pair) for pair in pairs + more]))
    report(f"KID, {name}", n, [kid_interval(*pair) for pair in pairs], target)


def kid_interval(real_nd: Array, generated_md: Array) -> Interval:
    """The interval of the score."""
    score = kid_score(real_nd, generated_md, extractor="simulated")
    return Interval(score.value, score.ci_low, score.ci_high)


def bootstrap(real_nd: Array, generated_md: Array, random: np.random.Generator, draws: int = 60) -> Interval:
    """The interval that is not used: percentiles of FID over sets resampled with replacement."""
    n, m = len(real_nd), len(generated_md)
    values = [fid(real_nd[random.integers(n, size=n)], generated_md[random.integers(m, size=m)]) for _ in range(draws)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(fid(real_nd, generated_md), float(low), float(high))


def auc_interval(scores_nk: Array, labels_n: npt.NDArray[np.int64]) -> Interval:
    """The interval of one training."""
    return areas(scores_nk[None], labels_n).interval()


def auc_rows(n: int, separation: float, repetitions: int, seed: int) -> None:
    """Binormal AUC, and macro one-versus-rest of three classes whose true areas come from a long simulation."""
    random = np.random.default_rng(seed)
    intervals = []
    for _ in range(repetitions):
        labels = np.arange(n) % 2
        score = random.normal(size=n) + separation * labels
        intervals.append(auc_interval(np.stack([-score, score], axis=1), labels))
    report(f"AUC, 2 classes {separation} apart", n, intervals, float(stats.norm.cdf(separation / 2**0.5)))

    def three(size: int) -> tuple[Array, npt.NDArray[np.int64]]:
        labels = np.arange(size) % 3
        return random.normal(size=(size, 3)) + separation * np.eye(3)[labels], labels

    truth = float(np.mean([auc_interval(*three(6000)).value for _ in range(30)]))
    report(f"AUC, 3 classes {separation} apart", n, [auc_interval(*three(n)) for _ in range(repetitions)], truth)


def trainings_rows(n: int, separation: float, spread: float, repetitions: int, seed: int) -> None:
    """Three trainings of skill N(separation, spread^2) that share half of each test case's variance."""
    random = np.random.default_rng(seed)
    labels, intervals, held_fixed = np.arange(n) % 2, [], []
    for _ in range(repetitions):
        skill = separation + spread * random.normal(size=(3, 1))
        score = skill * labels + (random.normal(size=n) + random.normal(size=(3, n))) / 2**0.5
        found = areas(np.stack([-score, score], axis=2), labels)
        intervals.append(found.interval())
        mean = np.array([found.mean])
        held_fixed.append(Areas(mean, found.covariance_ss.mean()[None, None], found.fewest, found.others).interval())
    truth = float(stats.norm.cdf(separation / (2 + spread**2) ** 0.5))
    report(f"AUC, 3 trainings, skill {separation} ± {spread}", n, intervals, truth)
    report(f"the same, trainings held fixed, skill {separation} ± {spread}", n, held_fixed, truth)


def neighbour_rows(n: int, dimension: int, shift: float, repetitions: int) -> None:
    """Precision, recall, density and coverage of two Gaussian sets of n with spectrum 1/j, the second one shifted."""
    scale_d = np.arange(1, dimension + 1) ** -0.5
    for metric in ("precision", "recall", "density", "coverage"):
        intervals = []
        for repetition in range(repetitions):
            random = np.random.default_rng(repetition)
            real_nd, other_nd = (scale_d * (random.normal(size=(n, dimension)) + offset) for offset in (0.0, shift))
            score = manifold_score(metric, real_nd, other_nd, k=5, extractor="simulated")
            intervals.append(Interval(score.value, score.ci_low, score.ci_high))
        expected = float(np.mean([interval.value for interval in intervals]))
        report(f"{metric}, d = {dimension}, shift {shift}", n, intervals, expected)


Measure = Callable[[np.random.Generator, int, Subjects], Measured]


def of_subjects(subjects: int, images: int, random: np.random.Generator, dimension: int = 1) -> Array:
    """Normal values `(subjects * images, dimension)`, those of one subject with a correlation of 0.81."""
    own, other = random.normal(size=(subjects, 1, dimension)), random.normal(size=(subjects, images, dimension))
    return (0.9 * own + 0.19**0.5 * other).reshape(-1, dimension)


def measures(subjects: int) -> dict[str, Measure]:
    """What is measured of so many subjects: each draws its images and measures them."""
    half = np.arange(subjects) % 2

    def together(score: Measured, shared: Mapping[str, Subjects]) -> Measured:
        return by_subject(score, shared, metric_bounds(score.metric))

    def mean(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        values = of_subjects(subjects, images, random)[:, 0] / 100 + 0.5
        return together(mean_score("minimality", values, "lower", {}), {"cases": shared})

    def share(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        readings = of_subjects(subjects, images, random) + 1
        scores = np.concatenate([-readings, readings], axis=1)
        return together(flip_rate_score(scores, ["b"] * len(scores), ["a", "b"], {}), {"cases": shared})

    def area(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        labels = np.repeat(half, images)
        readings = of_subjects(subjects, images, random) + labels[:, None]
        scores, targets = np.concatenate([-readings, readings], axis=1), np.array(["a", "b"])[labels].tolist()
        return target_auc_score(scores, targets, ["a", "b"], {}, subjects=shared)

    def sets(random: np.random.Generator, images: int) -> tuple[Array, Array]:
        scale_d = np.arange(1, 9) ** -0.5
        real, other = (of_subjects(subjects, images, random, 8) for _ in range(2))
        return real * scale_d, (other + 0.4) * scale_d

    def frechet(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        return fid_score(*sets(random, images), extractor="simulated", subjects=(shared, shared))

    def kernel(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        score = kid_score(*sets(random, images), extractor="simulated", subjects=(shared, shared))
        return together(score, {"scans": shared, "cases": shared})

    def covered(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        score = manifold_score("coverage", *sets(random, images), k=5, extractor="simulated")
        return together(score, {"scans": shared, "cases": shared})

    return {"mean": mean, "share": share, "AUC": area, "FID": frechet, "KID": kernel, "coverage": covered}


def subject_rows(subjects: int, repetitions: int) -> None:
    """The target is the mean of the values: how they scatter is the question. A row a metric and number of images."""
    for name, measure in measures(subjects).items():
        for images in (1, 2, 4, 8):
            whose = numbered(np.repeat(np.arange(subjects), images).tolist())
            for how, shared in (("", whose), (", images as subjects", None))[: 1 if images == 1 else 2]:
                scores = [measure(np.random.default_rng(seed), images, shared) for seed in range(repetitions)]
                intervals = [Interval(one.value, one.ci_low, one.ci_high) for one in scores]
                expected = float(np.mean([one.value for one in scores]))
                report(f"{name}, {images} a subject{how}", subjects * images, intervals, expected)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--features", type=int, nargs="+", default=[64, 1280], help="of the simulated populations")
    parser.add_argument("--neighbours", action="store_true", help="only precision, recall, density and coverage")
    parser.add_argument("--subjects", type=int, help="only several images a subject, of so many subjects")
    options = parser.parse_args()
    print("| interval | n | target | covered, % | too high, % | too low, % | width / ideal |")
    print("|---|---|---|---|---|---|---|")
    if options.subjects:
        subject_rows(options.subjects, options.repetitions)
        return
    for n in options.sizes:
        for dimension, shift in ((8, 0.0), (8, 0.4), (64, 0.15)):
            neighbour_rows(n, dimension, shift, options.repetitions)
    if options.neighbours:
        return
    for n in options.sizes:
        for separation in (0.0, 1.0, 2.5):
            auc_rows(n, separation, 5 * options.repetitions, seed=n)
            for spread in (0.0, 0.1, 0.4, 1.0):
                trainings_rows(n, separation, spread, 5 * options.repetitions, seed=n)
    real_pool, blurred_pool = sandbox()
    for n in options.sizes:
        for name, other in (("real against real", real_pool), ("real against blurred", blurred_pool)):
            known = population_kid(real_pool, other)
            draw = resampled(real_pool, other)
            features_rows(f"sandbox brains, {name}", draw, n, options.repetitions, n, known)
        for dimension in options.features:
            for name, tails in (("Gaussian", None), ("t8", 8.0), ("t4", 4.0)):
                draw = gaussian(dimension, tails)
                features_rows(f"{name}, d = {dimension}", draw, n, options.repetitions, 7 * n + dimension, None)


if __name__ == "__main__":
    main()
