"""How far the judge's reading of edited images lies from its reading of real scans of the class that was asked for.

The first metric of an edit whose truth nobody knows. A judge's score can be driven past that of every real scan, and
`target_auc` calls that perfect; here an edit that goes too far is as wrong as one that stops short. For each class the
1-Wasserstein distance between the log odds of the class on images edited into it and on real test scans of it (one
dimension: the area between both distribution functions; Ramdas et al. 2017, arXiv 1509.02237), averaged over classes
and divided by what the unedited sources have: 1 is no better than doing nothing. Read it beside identity: it doesn't
see whose image it is. The judge is held fixed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ldbench.api import Measured, Metric, MetricInputs, NoSettings, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.judge import class_indices
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, set_distance_score


def labelled(metric: str, scores_nk: Array, labels: Sequence[str], classes: Sequence[str]) -> Array:
    """The place of each label among the classes, and the judge's score of that class, `(N, 2)`."""
    index_n = class_indices(metric, labels, classes)
    return np.stack([index_n.astype(np.float64), scores_nk[np.arange(len(index_n)), index_n]], axis=1)


def distance(real_n2: Array, edited_m2: Array) -> float:
    """Mean over classes of the 1-Wasserstein distance between two sets of `labelled` readings.

    A class that one of the sets lacks is left out; `MetricError` where none is in both.
    """
    from scipy.stats import wasserstein_distance

    shared = sorted(set(real_n2[:, 0]) & set(edited_m2[:, 0]))
    if not shared:
        raise MetricError("target_distance: expected edits into a class of the test scans, got none; check the split")
    parts = [(each[each[:, 0] == place, 1] for each in (real_n2, edited_m2)) for place in shared]
    return float(np.mean([wasserstein_distance(*pair) for pair in parts]))


def target_distance_score(
    real_n2: Array, edited_m2: Array, source_m2: Array, judge: Mapping[str, ParameterValue],
    dependence: Dependence = INDEPENDENT,
) -> Measured:
    """The distance of edited readings over that of the sources' own, all `labelled` with the classes asked for.

    Its interval is the delete-a-group jackknife's over cases and scans, a case being a source with its edit. `judge`
    says what judged. Raises `MetricError` where the sources read as the target class does already.
    """
    if not distance(real_n2, source_m2) > 0:
        raise MetricError("target_distance: expected sources that the judge tells from their target class; check it")

    def relative(real_n2: Array, case_m3: Array) -> float:
        return distance(real_n2, case_m3[:, :2]) / distance(real_n2, case_m3[:, [0, 2]])

    return set_distance_score(
        "target_distance", relative, real_n2, np.column_stack([edited_m2, source_m2[:, 1]]),
        extractor=network_name(judge), parameters={**judge, "unit": "the distance of unedited sources"}, seed=0,
        over="cases and scans, judge held fixed", dependence=dependence,
    )


def _of_judge(inputs: MetricInputs, settings: NoSettings) -> Measured:
    scores_mk, judge = inputs.judged
    scans, scan_labels = inputs.lazy.test_scans()
    real_n2 = labelled("target_distance", inputs.judge_scores(scans), scan_labels, inputs.classes)
    edited_m2, source_m2 = (
        labelled("target_distance", scores, inputs.labels, inputs.classes)
        for scores in (scores_mk, inputs.judge_scores(inputs.lazy.sources))
    )
    dependence = Dependence((inputs.subjects("test_scans"), inputs.subjects("generated")))
    return target_distance_score(real_n2, edited_m2, source_m2, judge, dependence)


TARGET_DISTANCE = Metric(
    name="target_distance", title="Distance of the judge's reading from real scans of the target class",
    summary="Wasserstein distance of log odds, over that of unedited sources; too much is as wrong as too little.",
    direction="lower", compute=_of_judge, compares="edited images, their sources and real scans of the target class",
    interval="delete-a-group jackknife, judge held fixed", needs=frozenset({"source", "judge"}),
    bounds=(0.0, math.inf), networks=("resnet18",), axis="effectiveness",
    catches=("too-little",), blind_to=("other-subject", "left-right"),
)
