"""How often the intervals of FID, KID and AUC cover what they claim to cover: see docs/measurements/intervals.md.

Draws pairs of samples from populations whose answer is known or computable, and counts. Three populations of
features: Gaussian with a decaying spectrum, the same with the tails of Student's t with 8 degrees of freedom and
with 4 (infinite kurtosis: a covariance's error has no variance then, and no interval can be right), and
EfficientNet-Lite0 features of the sandbox's brain scans, real against real and real against blurred, drawn with
replacement. FID's target is its expectation at the given n, KID's the population's distance. For AUC, two and three
classes with normal scores, and three trainings of a classifier whose skill differs from one to the next: the target
is the mean over all trainings. Areas where one class has few cases (`rare`), and means of areas over labels (`labels`).
For metrics of neighbours, sets that overlap (`neighbours`) and sets that hardly do (`far`). Gaps between the means of
groups (`gaps`), over seeds (`folded-gaps`). Errors of known edits (`edits`), distances of results from their own truths
(`pairs`), and calibration, diversity and novelty (`sets`). Differences of two generators beside the same real images
(`differences`). Means over planes of volumes (`planes`). Strengths of runs and agreement in reader studies (`readers`).
Areas near 1 of few subjects with several images (`few`).
With `--subjects`: means, shares, areas and distances of several images a subject, which are as alike as 0.81, beside
what the same intervals cover when every image counts as a subject.

    python -m leaderboards.interval_coverage --repetitions 400
    python -m leaderboards.interval_coverage --only far --repetitions 200
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import stats

from ldbench.score.metrics.fid import fid
from ldbench.score.metrics.intervals import Interval, group_jackknife
from ldbench.score.metrics.kid import kid, kid_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.roc import Areas, areas
from leaderboards.coverage_of_differences import difference_rows
from leaderboards.coverage_of_edits import edit_rows, pair_rows, set_rows
from leaderboards.coverage_of_groups import FAR, OF_SEED, SEEDS, SIZES, VALUES, folded_gap_row, gap_row
from leaderboards.coverage_of_labels import label_rows
from leaderboards.coverage_of_planes import plane_rows
from leaderboards.coverage_of_readers import reader_rows
from leaderboards.coverage_of_subjects import few_rows, subject_rows
from leaderboards.coverage_table import HEADINGS, interval_of, report

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
    report(f"KID, {name}", n, [interval_of(kid_score(*pair, extractor="simulated")) for pair in pairs], target)


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


def rare_class_row(positives: int, negatives: int, truth: float, repetitions: int) -> None:
    """Binormal AUC of one training where one class has few cases."""
    random = np.random.default_rng(positives)
    separation, labels = 2**0.5 * float(stats.norm.ppf(truth)), np.repeat([1, 0], [positives, negatives])
    intervals = []
    for _ in range(repetitions):
        score = random.normal(size=len(labels)) + separation * labels
        intervals.append(auc_interval(np.stack([-score, score], axis=1), labels))
    report(f"AUC, {positives} cases against {negatives}", len(labels), intervals, truth)


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


Tails = tuple[float | None, float | None]
GAUSSIAN: Tails = (None, None)


def neighbour_rows(n: int, dimension: int, shift: float, repetitions: int, tails: Tails = GAUSSIAN) -> None:
    """Precision, recall, density and coverage of two sets of n with spectrum 1/j, the second one shifted; real and
    generated features are Gaussian or have the tails of Student's t."""
    scale_d = np.arange(1, dimension + 1) ** -0.5

    def drawn(offset: float, degrees: float | None, random: np.random.Generator) -> Array:
        features_nd = random.normal(size=(n, dimension))
        if degrees is not None:
            features_nd *= np.sqrt((degrees - 2) / random.chisquare(degrees, size=(n, 1)))
        return scale_d * (features_nd + offset)

    names = ["Gaussian" if degrees is None else f"t{degrees:.0f}" for degrees in tails]
    said = "" if tails == GAUSSIAN else f", {names[0]} against {names[1]}"
    for metric in ("precision", "recall", "density", "coverage"):
        intervals = []
        for repetition in range(repetitions):
            random = np.random.default_rng(repetition)
            real_nd, other_nd = (drawn(*of_set, random) for of_set in zip((0.0, shift), tails, strict=True))
            intervals.append(interval_of(manifold_score(metric, real_nd, other_nd, k=5, extractor="simulated")))
        report(f"{metric}, d = {dimension}, shift {shift}{said}", n, intervals)


def near_rows(options: argparse.Namespace) -> None:
    """Neighbours of sets that overlap."""
    for n in options.sizes:
        for dimension, shift in ((8, 0.0), (8, 0.4), (64, 0.15)):
            neighbour_rows(n, dimension, shift, options.repetitions)


def far_rows(options: argparse.Namespace) -> None:
    """Neighbours of sets that hardly overlap, of which one may have far outliers."""
    neighbour_rows(50, 8, 2.5, options.repetitions, (None, 4.0))
    neighbour_rows(200, 64, 1.2, options.repetitions)
    for shift, tails in ((1.5, (None, 4.0)), (2.0, (None, 4.0)), (1.5, (4.0, None)), (2.0, (4.0, 4.0))):
        neighbour_rows(200, 64, shift, options.repetitions, tails)


def area_rows(options: argparse.Namespace) -> None:
    """Areas of one training and of three."""
    for n in options.sizes:
        for separation in (0.0, 1.0, 2.5):
            auc_rows(n, separation, 5 * options.repetitions, seed=n)
            for spread in (0.0, 0.1, 0.4, 1.0):
                trainings_rows(n, separation, spread, 5 * options.repetitions, seed=n)


def rare_rows(options: argparse.Namespace) -> None:
    """Areas of 200 cases, of which few or half are of one class."""
    for positives in (5, 10, 20, 100):
        for truth in (0.8, 0.9, 0.95):
            rare_class_row(positives, 200 - positives, truth, 5 * options.repetitions)


def gap_rows(options: argparse.Namespace) -> None:
    """Gaps between the means of groups."""
    for values in VALUES:
        for sizes in SIZES:
            gap_row(values, sizes, 5 * options.repetitions)


def folded_rows(options: argparse.Namespace) -> None:
    """The same over several seeds, without and with a group that is served worse."""
    for far in (0.0, FAR):
        for sizes in ((100, 100), (40, 60, 100)):
            for seeds in SEEDS:
                for of_seed in OF_SEED:
                    folded_gap_row(sizes, seeds, of_seed, far, 5 * options.repetitions)


def distance_rows(options: argparse.Namespace) -> None:
    """FID and KID of the sandbox's brains and of simulated features."""
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


PARTS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "edits": lambda options: edit_rows(options.repetitions), "sets": lambda options: set_rows(options.repetitions),
    "pairs": lambda options: pair_rows(options.repetitions),
    "differences": lambda options: difference_rows(options.repetitions),
    "neighbours": near_rows, "far": far_rows, "areas": area_rows, "rare": rare_rows, "gaps": gap_rows,
    "labels": lambda options: label_rows(5 * options.repetitions),
    "folded-gaps": folded_rows, "distances": distance_rows, "planes": lambda options: plane_rows(options.repetitions),
    "readers": lambda options: reader_rows(options.repetitions), "few": lambda options: few_rows(options.repetitions),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--features", type=int, nargs="+", default=[64, 1280], help="of the simulated populations")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts of the table")
    parser.add_argument("--subjects", type=int, help="only several images a subject, of so many subjects")
    options = parser.parse_args()
    print(HEADINGS)
    if options.subjects:
        subject_rows(options.subjects, options.repetitions)
        return
    for name in options.only:
        PARTS[name](options)


if __name__ == "__main__":
    main()
