"""Condition: whether generated images show the class that was asked for, as a judge of real scans reads them.

The judge is a classifier that learnt from the real training scans (`[judge]` on the card). Accuracy is the share of
images whose likeliest class is the one asked for, the AUC asks only for the order, and the calibration error (Naeini
et al. 2015, doi 10.1609/aaai.v29i1.9602) whether the judge is right as often as it is sure: it is sure of its classes
on real scans, so images that show them too clearly or not at all miss it. The scores are those of `effectiveness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.effectiveness import area_by_judge, by_judge, checked_scores, flip_rate_score
from ldbench.score.metrics.intervals import Array, Subjects, group_jackknife, over_subjects
from ldbench.score.metrics.resnet18 import network_name


@dataclass(frozen=True)
class CalibrationSpec:
    """Calibration of the judge: its confidences are counted in so many `bins` of equal width."""

    bins: int = 10

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise TypedError(f"bins: expected 1 or more, got {self.bins}")


def calibration_error(confidence_n: Array, right_n: npt.NDArray[np.bool_], bins: int) -> float:
    """The mean over images of |share right - mean confidence| of their bin, in [0, 1].

    `bins` of equal width cut `(0, 1]`; each holds its upper edge.
    """
    bin_n = np.clip(np.ceil(confidence_n * bins).astype(np.int64) - 1, 0, bins - 1)
    gap_b = np.bincount(bin_n, right_n - confidence_n, minlength=bins)
    return float(np.abs(gap_b).sum() / len(confidence_n))


def judge_calibration_score(
    scores_nk: npt.ArrayLike, targets: Sequence[str], classes: Sequence[str], judge: Mapping[str, ParameterValue], *,
    bins: int = 10, subjects: Subjects = None,
) -> Measured:
    """The calibration error of log odds `(N, K)` against the N classes asked for, with `group_jackknife`'s interval.

    Raises `MetricError` as `ldbench.score.metrics.effectiveness.flip_rate_score` does, and for a single case or
    subject.
    """
    scores, target_n = checked_scores("judge_calibration", scores_nk, targets, classes)
    confidence_n = 1 / (1 + np.exp(-scores.max(axis=1)))
    right_n = scores.argmax(axis=1) == target_n

    def error(index_n: npt.NDArray[np.int64]) -> float:
        return calibration_error(confidence_n[index_n], right_n[index_n], bins)

    interval, contributions = group_jackknife(
        error, np.arange(len(scores)), metric="judge_calibration", seed=0, subjects=[subjects]
    )
    return Measured(
        metric="judge_calibration", value=interval.value, ci_low=max(interval.low, 0.0),
        ci_high=min(interval.high, 1.0), n=len(scores), direction="lower",
        extractor=network_name(judge), contributions={"groups": contributions},
        parameters={
            **judge, "bins": bins, "interval_groups": len(contributions), "interval_seed": 0,
            "interval": over_subjects("95 % delete-a-group jackknife over cases, judge held fixed", subjects),
        },
    )


def _calibration(inputs: MetricInputs, settings: CalibrationSpec) -> Measured:
    scores, judge = inputs.judged
    return judge_calibration_score(
        scores, inputs.labels, inputs.classes, judge, bins=settings.bins, subjects=inputs.subjects("generated")
    )


JUDGE_ACCURACY = Metric(
    name="judge_accuracy", title="Share of images judged to be of the class asked for",
    summary="Share of images whose likeliest class is the one asked for, by a ResNet18 trained on real scans.",
    direction="higher", compute=partial(by_judge, partial(flip_rate_score, metric="judge_accuracy")),
    compares="generated images and the classes asked for", interval="over cases (Wilson), judge held fixed",
    needs=frozenset({"judge"}), bounds=(0.0, 1.0), networks=("resnet18",), axis="condition",
    catches=("swapped-classes", "class-share"), blind_to=("copies",),
)

JUDGE_AUC = Metric(
    name="judge_auc", title="AUC of the class asked for, by a judge trained on real",
    summary="ROC area of the judge's scores against the classes asked for; 1/2 where images say nothing of them.",
    direction="higher", compute=partial(area_by_judge, "judge_auc"),
    compares="generated images and the classes asked for", interval="over cases (DeLong), judge held fixed",
    needs=frozenset({"judge"}), bounds=(0.0, 1.0), networks=("resnet18",), axis="condition",
    every_class=True, groups="units", catches=("swapped-classes", "class-share"), blind_to=("copies",),
)

JUDGE_CALIBRATION = Metric(
    name="judge_calibration", title="Calibration error of the judge against the classes asked for",
    summary="Whether the judge is right as often as it is sure; 0 where it is.", direction="lower",
    compute=_calibration, groups="equal", compares="generated images and the classes asked for",
    interval="expected value at this number of images (delete-a-group jackknife), judge held fixed",
    settings=CalibrationSpec, needs=frozenset({"judge"}), bounds=(0.0, 1.0), networks=("resnet18",), axis="condition",
    catches=("swapped-classes",), blind_to=("copies",),
)
