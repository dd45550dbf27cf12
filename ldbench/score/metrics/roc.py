"""Areas under ROC curves and their intervals, for one classifier or for several trainings of the same one.

Pure arithmetic on scores: several trainings that read the same test cases are a study of several readers and several
cases, and are analysed as one. What no interval here covers is the draw of the
images a classifier learnt from: runs with other seeds show that.

Shapes: S trainings, N test cases, K classes; P positive and Q negative cases of one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import LEVEL, Array, Interval, Subjects, independent, of_subjects, t_quantile

_NOTHING = 1e-12  # a variance below this is round-off
FEWEST = 10  # cases of each class in a group: of fewer, classes are fully separated by chance


@dataclass(frozen=True)
class Areas:
    """The area of each training `areas_s` in [0, 1], and the covariance `covariance_ss` that their common test cases
    give them with the trained classifiers held fixed; `fewest` subjects are in the rarest class, `others` in the rest.
    `contributions_n` is what each test case adds to the mean area (`ldbench.api.Measured`). `cases_degrees`
    of freedom are those of the covariance; infinite where each case has a subject of its own."""

    areas_s: Array
    covariance_ss: Array
    fewest: int
    others: int
    contributions_n: Array = field(default_factory=lambda: np.zeros(0))
    cases_degrees: float = np.inf

    @property
    def mean(self) -> float:
        """The mean area over trainings."""
        return float(self.areas_s.mean())

    @property
    def spread(self) -> float | None:
        """Standard deviation over trainings; None for a single one."""
        return float(self.areas_s.std(ddof=1)) if len(self.areas_s) > 1 else None

    def interval(self) -> Interval:
        """The mean area with a 95 % interval over test cases and, for two trainings or more, over trainings.

        The variance of the mean is MS / S + C, MS being the variance between trainings and C the mean covariance
        of two of them: Obuchowski and Rockette (1995, Commun. Stat. Simul. Comput. 24:285) with DeLong's
        covariances. The sum of MS / S and the DeLong variance of the mean would count twice what case and training
        have in common. It is never taken smaller than that DeLong variance. One training: DeLong's variance.
        Bounds come from the logit scale, by Student's t with `degrees`; where the variance is zero (classes fully
        separated, or all scores tied) they are Newcombe's (2006, Stat. Med. 25:559, method 5), which need no spread.
        """
        variance = float(self.covariance_ss.mean())
        if len(self.areas_s) > 1:
            variance = max(self._between / len(self.areas_s) + self._shared, variance)
        if variance > _NOTHING and 0 < self.mean < 1:
            return _logit_interval(self.mean, variance, t_quantile(self.degrees))
        return _newcombe_interval(self.mean, self.fewest, self.others)

    @property
    def degrees(self) -> float:
        """The interval's degrees of freedom, Hillis' (2007, Stat. Med. 26:596): (S - 1) (1 + S C / MS)^2.

        Few where the spread of a few trainings is most of the error, so that the quantile of Student's t pays for not
        knowing it well. Those of the cases at most, as where there is one training or all agree.
        """
        count = len(self.areas_s)
        if count < 2 or self._between <= _NOTHING:
            return self.cases_degrees
        return min(self.cases_degrees, (count - 1) * (1 + count * self._shared / self._between) ** 2)

    @property
    def _between(self) -> float:
        return float(self.areas_s.var(ddof=1))

    @property
    def _shared(self) -> float:
        return max(float(self.covariance_ss[~np.eye(len(self.areas_s), dtype=bool)].mean()), 0.0)


def areas(scores_snk: npt.ArrayLike, labels_n: npt.ArrayLike, subjects: Subjects = None) -> Areas:
    """AUC (two classes) or macro one-versus-rest AUC (more) of each training on the same test cases.

    `scores_snk` is `(S, N, K)`, larger meaning likelier; `labels_n` holds 0 to K - 1. The covariance is DeLong's
    (1988, Biometrics 44:837) carried over to the mean of K areas, classes resampled apart. Where cases share a subject
    it is that of subjects, whose cases may be of several classes (Obuchowski 1997, Biometrics 53:567). Raises
    `MetricError` for scores that are not finite.
    """
    scores, labels = np.asarray(scores_snk, np.float64), np.asarray(labels_n, np.int64)
    if not np.isfinite(scores).all():
        raise MetricError("auc: expected finite scores, got NaN or infinity; the classifier diverged, lower its rate")
    pairs = [area_of(scores_nk, labels) for scores_nk in scores]
    influence_sn = np.stack([influence for _, influence in pairs])
    mean_areas, contributions = np.array([area for area, _ in pairs]), centred(influence_sn.mean(axis=0), labels)
    if subjects is not None:
        parts_sg = np.stack([of_subjects(centred(each_n, labels), subjects, "auc") for each_n in influence_sn])
        counts = [len(np.unique(subjects[labels == k])) for k in np.unique(labels)]
        whole = independent(len(labels), subjects)
        rest = max(whole - min(counts), 1)  # a subject may be in both
        return Areas(mean_areas, parts_sg @ parts_sg.T, min(counts), rest, contributions, whole - 1)
    groups = [influence_sn[:, labels == k] for k in np.unique(labels)]
    covariance = np.zeros((len(scores), len(scores)))
    for group in groups:
        if group.shape[1] > 1:
            covariance += group.shape[1] * np.cov(group, ddof=1).reshape(covariance.shape)
    fewest = min(group.shape[1] for group in groups)
    return Areas(mean_areas, covariance, fewest, len(labels) - fewest, contributions)


def validated_classes(metric: str, labels_n: npt.NDArray[np.int64], classes: Sequence[object]) -> None:
    """`MetricError` for a group of cases that has too few of a class for an area of its own."""
    fewest = int(np.bincount(labels_n, minlength=len(classes)).min())
    if fewest < FEWEST:
        raise MetricError(f"{metric}: expected {FEWEST} or more cases of each class in a group, got {fewest}")


def centred(influence_n: Array, labels: npt.NDArray[np.int64]) -> Array:
    """Deviations from the class's mean, scaled so that the sum of their squares is DeLong's variance."""
    centred_n = np.zeros(len(labels))
    for k in np.unique(labels):
        own, count = labels == k, int((labels == k).sum())
        if count > 1:
            centred_n[own] = (influence_n[own] - influence_n[own].mean()) * (count / (count - 1)) ** 0.5
    return centred_n


def area_of(scores_nk: Array, labels: npt.NDArray[np.int64]) -> tuple[float, Array]:
    """The area and what each case adds to it, `(N,)`."""
    used = (1,) if scores_nk.shape[1] == 2 else tuple(range(scores_nk.shape[1]))
    found, influence_n = [], np.zeros(len(labels))
    for k in used:
        positive = labels == k
        one_p, other_q = scores_nk[positive, k], scores_nk[~positive, k]
        below_p, above_q = _below(one_p, other_q), len(one_p) - _below(other_q, one_p)
        found.append(float(below_p.sum() / (len(one_p) * len(other_q))))
        influence_n[positive] += below_p / len(other_q) / len(one_p) / len(used)
        influence_n[~positive] += above_q / len(one_p) / len(other_q) / len(used)
    return float(np.mean(found)), influence_n


def _below(values_p: Array, others_q: Array) -> Array:
    """How many of the others lie below each value, a tie as half of one, `(P,)`."""
    ordered_q = np.sort(others_q)
    left_p, right_p = (np.searchsorted(ordered_q, values_p, side) for side in ("left", "right"))
    return (left_p + right_p) / 2


def _logit_interval(value: float, variance: float, quantile: float) -> Interval:
    centre = np.log(value / (1 - value))
    half = quantile * variance**0.5 / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    return Interval(value, float(low), float(high))


def _newcombe_interval(value: float, positives: int, negatives: int) -> Interval:
    """Bounds where |value - theta| is 1.96 standard errors of theta, not of the value (a score interval)."""
    from scipy import optimize, stats

    pairs, mean_size = positives * negatives, (positives + negatives) / 2
    z = float(stats.norm.ppf(0.5 + LEVEL / 2))

    def excess(theta: float) -> float:
        spread = (mean_size - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta)) + 1
        return abs(value - theta) - z * float(np.sqrt(theta * (1 - theta) / pairs * spread))

    # At 0 and 1 the value itself is a second, empty solution, so the search stops short of it.
    step = 1e-9
    low = float(optimize.brentq(excess, 0.0, value - step)) if value > step else 0.0
    high = float(optimize.brentq(excess, value + step, 1.0)) if value < 1 - step else 1.0
    return Interval(value, low, high)
