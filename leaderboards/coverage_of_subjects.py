"""Several images a subject, as alike as 0.81: what the intervals of means, shares, areas and distances cover, and what
they would cover if every image counted as a subject. `leaderboards.interval_coverage` prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured
from ldbench.plugins.kinds import metric_bounds
from ldbench.score.by_subject import by_subject
from ldbench.score.metrics.effectiveness import flip_rate_score, target_auc_score
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.intervals import Subjects, numbered
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.manifold import manifold_score
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.set_distance import Dependence
from leaderboards.coverage_table import interval_of, report

Array = npt.NDArray[np.float64]
Measure = Callable[[np.random.Generator, int, Subjects], Measured]


def _together(score: Measured, shared: Mapping[str, Subjects]) -> Measured:
    """With subjects as the units of its interval, as the suite makes it."""
    return by_subject(score, shared, metric_bounds(score.metric))


def of_subjects(subjects: int, images: int, random: np.random.Generator, dimension: int = 1) -> Array:
    """Normal values `(subjects * images, dimension)`, those of one subject with a correlation of 0.81."""
    own, other = random.normal(size=(subjects, 1, dimension)), random.normal(size=(subjects, images, dimension))
    return (0.9 * own + 0.19**0.5 * other).reshape(-1, dimension)


def measures(subjects: int) -> dict[str, Measure]:
    """What is measured of so many subjects: each draws its images and measures them."""
    half = np.arange(subjects) % 2

    def mean(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        values = of_subjects(subjects, images, random)[:, 0] / 100 + 0.5
        return _together(mean_score("minimality", values, "lower", {}), {"cases": shared})

    def share(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        readings = of_subjects(subjects, images, random) + 1
        scores = np.concatenate([-readings, readings], axis=1)
        return _together(flip_rate_score(scores, ["b"] * len(scores), ["a", "b"], {}), {"cases": shared})

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
        return fid_score(*sets(random, images), extractor="simulated", dependence=Dependence((shared, shared)))

    def kernel(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        score = kid_score(*sets(random, images), extractor="simulated", dependence=Dependence((shared, shared)))
        return _together(score, {"scans": shared, "cases": shared})

    def covered(random: np.random.Generator, images: int, shared: Subjects) -> Measured:
        score = manifold_score("coverage", *sets(random, images), k=5, extractor="simulated")
        return _together(score, {"scans": shared, "cases": shared})

    return {"mean": mean, "share": share, "AUC": area, "FID": frechet, "KID": kernel, "coverage": covered}


def subject_rows(subjects: int, repetitions: int) -> None:
    """The target is the mean of the values: how they scatter is the question. A row a metric and number of images."""
    for name, measure in measures(subjects).items():
        for images in (1, 2, 4, 8):
            whose = numbered(np.repeat(np.arange(subjects), images).tolist())
            for how, shared in (("", whose), (", images as subjects", None))[: 1 if images == 1 else 2]:
                scores = [measure(np.random.default_rng(seed), images, shared) for seed in range(repetitions)]
                report(f"{name}, {images} a subject{how}", subjects * images, [interval_of(one) for one in scores])
