"""Several images a subject, as alike as 0.81: what the intervals of means, shares, areas and distances cover, and what
they would cover if every image counted as a subject. `leaderboards.interval_coverage` prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

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
from ldbench.score.metrics.roc import areas
from ldbench.score.metrics.set_distance import Dependence
from leaderboards.coverage_table import interval_of, report

Array = npt.NDArray[np.float64]
Draw = Callable[[int], Array]  # by dimensions the values of all images, those of a subject one after another
Measure = Callable[[Draw, Subjects], Measured]


def _together(score: Measured, shared: Mapping[str, Subjects]) -> Measured:
    """With subjects as the units of its interval, as the suite makes it."""
    return by_subject(score, shared, metric_bounds(score.metric))


def of_subjects(subjects: int, images: int, random: np.random.Generator, dimension: int = 1) -> Array:
    """Normal values `(subjects * images, dimension)`, those of one subject with a correlation of 0.81."""
    own, other = random.normal(size=(subjects, 1, dimension)), random.normal(size=(subjects, images, dimension))
    return (0.9 * own + 0.19**0.5 * other).reshape(-1, dimension)


def measures(subjects: int, shift: float = 0.4) -> dict[str, Measure]:
    """What is measured of images of so many subjects: each draws them and measures them. Generated sets are shifted."""
    half = np.arange(subjects) % 2

    def mean(draw: Draw, shared: Subjects) -> Measured:
        values = draw(1)[:, 0] / 100 + 0.5
        return _together(mean_score("minimality", values, "lower", {}), {"cases": shared})

    def share(draw: Draw, shared: Subjects) -> Measured:
        readings = draw(1) + 1
        scores = np.concatenate([-readings, readings], axis=1)
        return _together(flip_rate_score(scores, ["b"] * len(scores), ["a", "b"], {}), {"cases": shared})

    def area(draw: Draw, shared: Subjects) -> Measured:
        readings = draw(1)
        labels = np.repeat(half, len(readings) // subjects)
        readings = readings + labels[:, None]
        scores, targets = np.concatenate([-readings, readings], axis=1), np.array(["a", "b"])[labels].tolist()
        return target_auc_score(scores, targets, ["a", "b"], {}, subjects=shared)

    def sets(draw: Draw) -> tuple[Array, Array]:
        scale_d = np.arange(1, 9) ** -0.5
        real, other = (draw(8) for _ in range(2))
        return real * scale_d, (other + shift) * scale_d

    def frechet(draw: Draw, shared: Subjects) -> Measured:
        return fid_score(*sets(draw), extractor="simulated", dependence=Dependence((shared, shared)))

    def kernel(draw: Draw, shared: Subjects) -> Measured:
        score = kid_score(*sets(draw), extractor="simulated", dependence=Dependence((shared, shared)))
        return _together(score, {"scans": shared, "cases": shared})

    def near(name: str, draw: Draw, shared: Subjects) -> Measured:
        score = manifold_score(name, *sets(draw), k=5, extractor="simulated", subjects=(shared, shared))
        return _together(score, {"scans": shared, "cases": shared})

    measured: dict[str, Measure] = {"mean": mean, "share": share, "AUC": area, "FID": frechet, "KID": kernel}
    return measured | {name: partial(near, name) for name in ("coverage", "precision", "recall", "density")}


def subject_rows(subjects: int, repetitions: int) -> None:
    """The target is the mean of the values: how they scatter is the question. A row a metric and number of images."""
    for name, measure in measures(subjects).items():
        for images in (1, 2, 4, 8):
            whose = numbered(np.repeat(np.arange(subjects), images).tolist())
            for how, shared in (("", whose), (", images as subjects", None))[: 1 if images == 1 else 2]:
                intervals = [
                    interval_of(measure(partial(of_subjects, subjects, images, np.random.default_rng(seed)), shared))
                    for seed in range(repetitions)
                ]
                report(f"{name}, {images} a subject{how}", subjects * images, intervals)


def few_rows(repetitions: int) -> None:
    """Areas near 1 of few subjects, half of them of each class. The target is the population's area."""
    for subjects, images in ((10, 1), (10, 6), (20, 3), (20, 6), (50, 6)):
        for truth in (0.8, 0.9, 0.95, 0.97):
            few_row(subjects, images, truth, repetitions)


def few_row(subjects: int, images: int, truth: float, repetitions: int) -> None:
    """One row of them."""
    from scipy import stats

    shared = numbered(np.repeat(np.arange(subjects), images).tolist())
    labels, apart = np.repeat(np.arange(subjects) % 2, images), 2**0.5 * float(stats.norm.ppf(truth))
    intervals = []
    for draw in range(repetitions):
        reading = of_subjects(subjects, images, np.random.default_rng(draw))[:, 0] + apart * labels
        intervals.append(areas(np.stack([-reading, reading], axis=1)[None], labels, shared).interval())
    report(f"AUC, {subjects} subjects with {images} images", subjects * images, intervals, truth)
