"""The area under the ROC curve of each of several labels that an image may have at once, and their mean.

Each label's area is that of its own images: those that are known to have it against those that are known not to. The
mean is unweighted, over the labels that enough images have and have not. All areas come from the same images, so the
covariance is DeLong's (1988, Biometrics 44:837) of all of them: what an image adds to the mean is the sum of what it
adds to each area.

Shapes: S trainings, N images, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, ParameterValue
from ldbench.errors import MetricError
from ldbench.records.subgroups import WITH_IT
from ldbench.score.metrics.intervals import Array, Subjects, independent, of_subjects, subjects_of_rows
from ldbench.score.metrics.roc import Areas, area_of, centred

Known = Mapping[str, Array]


@dataclass(frozen=True)
class CountedLabels:
    """The labels that count, in the card's order, and of each other one why not."""

    names: tuple[str, ...]
    left_out: Mapping[str, str]


def counted_labels(metric: str, fewest: int, subjects: Subjects = None, **sets: Known) -> CountedLabels:
    """The labels that `fewest` images or more of each set have, and as many have not.

    `sets` are by what they are called, with underscores: first the one that is scored, whose `subjects` count instead
    of images where several images are of one. Its interval has so many units: ten films of one patient tell no more of
    a label than one does. Raises `MetricError` where no label counts.
    """
    left_out: dict[str, str] = {}
    scored, *_ = sets
    labels = list(sets[scored])
    units = {name: name.replace("_", " ") for name in sets}
    if subjects is not None:
        units[scored] = f"subjects of {units[scored]}"
    for label in labels:
        for name, known in sets.items():
            have, have_not = _answers(known[label], subjects if name == scored else None)
            if min(have, have_not) < fewest:
                left_out.setdefault(label, f"{have} {units[name]} have it and {have_not} have not")
    if len(left_out) == len(labels):
        got = "; ".join(f"{label}: {why}" for label, why in list(left_out.items())[:3])
        raise MetricError(
            f"{metric}: expected a label that {fewest} or more have, and as many have not, in "
            f"{' and in '.join(units.values())}, got none ({got}); ask for more cases, choose other labels, or lower "
            "`fewest`"
        )
    return CountedLabels(tuple(label for label in labels if label not in left_out), left_out)


def _answers(known_n: Array, subjects: Subjects) -> tuple[int, int]:
    """How many images have a label and how many have not; of images that share `subjects`, how many of these. A subject
    may count as both."""
    subject_n = np.arange(len(known_n)) if subjects is None else subjects
    have, have_not = (len(np.unique(subject_n[known_n == value])) for value in (1, 0))
    return have, have_not


def matrix_of(known: Known, labels: Sequence[str]) -> Array:
    """`(N, L)` of these labels: 1, 0, or NaN where nobody knows."""
    return np.stack([known[label] for label in labels], axis=1)


def label_areas(
    metric: str, scores_snl: npt.ArrayLike, known_nl: Array, subjects: Subjects = None
) -> Areas:
    """The mean area of L labels of each training on the same images; `known_nl` holds 1, 0 and NaN, both numbers in
    every column.

    `subjects` are those of the images. Raises `MetricError` for scores that are not finite.
    """
    scores = np.asarray(scores_snl, np.float64)
    if not np.isfinite(scores).all():
        raise MetricError(f"{metric}: expected finite scores, got NaN or infinity; it diverged, lower its rate")
    count = known_nl.shape[1]
    areas_s, added_sn = np.zeros(len(scores)), np.zeros(scores.shape[:2])
    for label in range(count):
        rows = np.flatnonzero(np.isfinite(known_nl[:, label]))
        has_n = known_nl[rows, label].astype(np.int64)
        for training, scores_nl in enumerate(scores):
            area, influence_n = area_of(np.stack([-scores_nl[rows, label], scores_nl[rows, label]], axis=1), has_n)
            areas_s[training] += area / count
            added_sn[training, rows] += centred(influence_n, has_n) / count
    parts_su, degrees = _of_known(metric, added_sn, known_nl, subjects)
    fewest, others = _rarest(known_nl, subjects)
    return Areas(areas_s, parts_su @ parts_su.T, fewest, others, added_sn.mean(axis=0), degrees)


def _of_known(metric: str, added_sn: Array, known_nl: Array, subjects: Subjects) -> tuple[Array, float]:
    """What each unit adds to the area of each training, and the degrees of freedom: subjects of which no label is known
    are no units."""
    known = np.flatnonzero(np.isfinite(known_nl).any(axis=1))
    whose = subjects_of_rows(subjects, known)
    if whose is None:
        return added_sn, np.inf
    count = independent(len(known), whose)
    if count < 2:  # its images are compared with each other alone, and what they add is nothing in all
        return np.zeros((len(added_sn), 1)), 1
    return np.stack([of_subjects(one, whose, metric) for one in added_sn[:, known]]), count - 1


def label_parts(
    metric: str, units: Literal["cases", "scans"], scores_snl: Array, known_nl: Array, labels: Sequence[str],
    subjects: Subjects,
) -> dict[str, Measured]:
    """The area of each label alone, with its interval; `n` counts the images of which the label is known, the parameter
    `with_it` those that have it."""
    return {
        label: replace(
            mean_area(metric, units, scores_snl[:, :, [place]], known_nl[:, [place]], subjects)[1],
            parameters={WITH_IT: int((known_nl[:, place] == 1).sum())},
        )
        for place, label in enumerate(labels)
    }


def mean_area(
    metric: str, units: Literal["cases", "scans"], scores_snl: Array, known_nl: Array, subjects: Subjects
) -> tuple[Areas, Measured]:
    """The mean area of labels, alone, and as the score of a whole set or of a group of it; `n` counts the images that
    take part, of which some of the labels is known."""
    areas = label_areas(metric, scores_snl, known_nl, subjects)
    interval = areas.interval()
    return areas, Measured(
        metric=metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, direction="higher",
        n=count_known(known_nl), contributions={units: areas.contributions_n}, degrees=areas.degrees, interval="own",
    )


def count_known(known_nl: Array) -> int:
    """How many images there are of which some label is known."""
    return int(np.isfinite(known_nl).any(axis=1).sum())


def label_parameters(counted: CountedLabels, parts: Mapping[str, Measured]) -> dict[str, ParameterValue]:
    """Which labels count, which do not, and the area of each with its interval, for `Measured.parameters`."""
    shown = ", ".join(f"{label} {one.value:.4f} [{one.ci_low:.4f}, {one.ci_high:.4f}]" for label, one in parts.items())
    left_out = "; ".join(f"{label}: {why}" for label, why in counted.left_out.items())
    return {
        "labels": ", ".join(counted.names), **({"labels_left_out": left_out} if left_out else {}),
        "average": "unweighted mean over labels", "observed_auc_per_label": shown,
    }


def validated_labels(
    metric: str, known_nl: Array, labels: Sequence[str], fewest: int, subjects: Subjects = None
) -> None:
    """`MetricError` for a group of images in which a label has too few of either kind for an area of its own, or too
    few `subjects` of either kind."""
    counts = {
        label: min(_answers(column, subjects)) for label, column in zip(labels, known_nl.T, strict=True)
    }
    rarest = min(counts, key=lambda label: counts[label])
    if counts[rarest] < fewest:
        units = "images" if subjects is None else "subjects"
        raise MetricError(
            f"{metric}: expected {fewest} or more {units} of a group that have each label, and as many that have not, "
            f"got {counts[rarest]} of {rarest}"
        )


def _rarest(known_nl: Array, subjects: Subjects) -> tuple[int, int]:
    """The subjects with the rarer answer to the label whose rarer answer is rarest, and the others that are known."""
    subject_n = np.arange(len(known_nl)) if subjects is None else subjects
    found = []
    for column in known_nl.T:
        rarer = min(_answers(column, subjects))
        whole = len(np.unique(subject_n[np.isfinite(column)]))
        found.append((rarer, max(whole - rarer, 1)))  # a subject may be in both
    return min(found)
