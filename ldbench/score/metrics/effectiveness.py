"""Effectiveness: whether an edited image shows the class that was asked for, as a classifier of real scans judges.

Pearl's axiom as Monteiro et al. 2023 (arXiv 2303.01274) measure it: a pseudo-oracle reads the attribute off the
counterfactual. `flip_rate` is the share of results whose likeliest class is the wanted one; `target_auc` asks only
that the judge ranks them so, which no threshold can spoil: the paper's disease task judges with such a classifier
(Sec. 4.2.2). A copied source is useless on both: where two classes are negated its AUC is near 0, not near 1/2. Both
say nothing of whose image it is (a random subject of the wanted class does well), so they are read beside identity.
The intervals are over cases; the judge is held fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, NoSettings, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import LEVEL, Array, Subjects, of_mean, over_subjects, subjects_of_rows
from ldbench.score.metrics.judge import class_indices
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.metrics.roc import areas, validated_classes


def flip_rate_score(
    scores_nk: npt.ArrayLike, targets: Sequence[str], classes: Sequence[str], judge: Mapping[str, ParameterValue],
    metric: str = "flip_rate",
) -> Measured:
    """Share of cases whose target class scores above every other, with Wilson's interval (1927, JASA 22:209).

    `scores_nk` is `(N, K)`, the judge's scores of the edited images, larger meaning likelier; `targets` are N of the K
    `classes`; `judge` says what judged. A tie for the first place is no flip. Raises `MetricError`.
    """
    scores, target_n = checked_scores(metric, scores_nk, targets, classes)
    rows = np.arange(len(scores))
    rest = scores.copy()
    rest[rows, target_n] = -np.inf
    flips = scores[rows, target_n] > rest.max(axis=1)
    flipped = int(flips.sum())
    from scipy import stats

    bounds = stats.binomtest(flipped, len(scores)).proportion_ci(LEVEL, method="wilson")
    value = flipped / len(scores)
    return Measured(
        metric=metric, value=value, n=len(scores), direction="higher", extractor=network_name(judge),
        # at 0 and 1 round-off puts the bound past the value
        ci_low=min(float(bounds.low), value), ci_high=max(float(bounds.high), value),
        parameters={**judge, "interval": "95 % Wilson over cases, judge held fixed"},
        contributions={"cases": of_mean(flips.astype(np.float64))}, interval="share",
    )


def target_auc_score(
    scores_nk: npt.ArrayLike, targets: Sequence[str], classes: Sequence[str], judge: Mapping[str, ParameterValue],
    metric: str = "target_auc", subjects: Subjects = None,
) -> Measured:
    """Area under the ROC curve of the judge's scores against the TARGET classes; arguments as for `flip_rate_score`.

    Two classes: the binary area; more: the unweighted mean of one-versus-rest areas. Value and interval:
    `ldbench.score.metrics.roc.areas`; `subjects` are those of the images. Raises `MetricError` where a class is
    nobody's target.
    """
    scores, target_n = checked_scores(metric, scores_nk, targets, classes)
    absent = [label for index, label in enumerate(classes) if index not in target_n]
    if absent:
        raise MetricError(
            f"{metric}: expected cases of every target class in {list(classes)}, got none of {absent}; "
            "change the card's cases or classes"
        )
    areas_of_targets = areas(scores[None], target_n, subjects)
    interval = areas_of_targets.interval()

    def within(rows: npt.NDArray[np.int64]) -> Measured:
        validated_classes(metric, target_n[rows], classes)
        of_rows = subjects_of_rows(subjects, rows)
        return target_auc_score(scores[rows], [targets[row] for row in rows], classes, judge, metric, of_rows)

    return Measured(
        metric=metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(scores),
        direction="higher", extractor=network_name(judge),
        parameters={
            **judge, "average": "binary" if len(classes) == 2 else "macro one-versus-rest",
            "interval": over_subjects(
                "95 % DeLong over cases, logit scale (Newcombe where degenerate), judge held fixed", subjects
            ),
        },
        contributions={"cases": areas_of_targets.contributions_n}, within=within, degrees=areas_of_targets.degrees,
        interval="own",
    )


def checked_scores(
    metric: str, scores_nk: npt.ArrayLike, targets: Sequence[str], classes: Sequence[str]
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Scores `(N, K)` in float64 and the place of each case's target among the classes, `(N,)`; `MetricError`."""
    scores = np.asarray(scores_nk, np.float64)
    expected = (len(targets), len(classes))
    if scores.shape != expected or not len(targets) or not np.isfinite(scores).all():
        raise MetricError(
            f"{metric}: expected finite scores of shape {expected}, one row a case, got shape {scores.shape}; "
            "check the judge"
        )
    return scores, class_indices(metric, targets, classes)


def by_judge(score_of: Callable[..., Measured], inputs: MetricInputs, settings: NoSettings) -> Measured:
    """A score of the judge's log odds against the classes that were asked for."""
    scores, judge = inputs.judged
    return score_of(scores, inputs.labels, inputs.classes, judge)


def area_by_judge(metric: str, inputs: MetricInputs, settings: NoSettings) -> Measured:
    """`target_auc_score` of the judge's log odds against the classes that were asked for."""
    return by_judge(partial(target_auc_score, metric=metric, subjects=inputs.subjects("generated")), inputs, settings)


TARGET_AUC = Metric(
    name="target_auc", title="AUC of the target class, by a judge trained on real",
    summary="ROC area of the judge's scores against target classes; near 0 for copies where two classes are swapped.",
    direction="higher", compute=partial(area_by_judge, "target_auc"), compares="edited images and their target classes",
    interval="over cases (DeLong), judge held fixed", needs=frozenset({"source", "judge"}), bounds=(0.0, 1.0),
    networks=("resnet18",), axis="effectiveness", every_class=True, groups="units",
    catches=("too-little",), blind_to=("too-much", "other-subject", "jpeg"),
)

FLIP_RATE = Metric(
    name="flip_rate", title="Share of results judged to be of the target class",
    summary="Share of results whose likeliest class is the wanted one, by a ResNet18 trained on real scans.",
    direction="higher", compute=partial(by_judge, flip_rate_score), compares="edited images and their target classes",
    interval="over cases (Wilson), judge held fixed", needs=frozenset({"source", "judge"}), bounds=(0.0, 1.0),
    networks=("resnet18",), axis="effectiveness",
    catches=("too-little", "unedited"), blind_to=("other-subject",),
)
