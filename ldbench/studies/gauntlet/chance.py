"""How far a metric moves by chance, so that only what is further away counts as noticed.

Text to image: would another draw of as many fresh real scans give this value? What each image adds to the control's
score (`Measured.contributions`) gives the variance of such draws; the difference of two draws has twice that, the real
scans that both are compared with being the same. Groups that hold scans of both sets get the share of theirs that the
images have where n images are compared with m scans. Without either, both scores' intervals are taken as independent.

Edits: the truth and the failure are results for the same cases, so their difference is paired case by case.

Contributions are those of subjects (`ldbench.score.by_subject.folded`): images of one are alike, and say less than as
many of others.
"""

from __future__ import annotations

import math

import numpy as np

from ldbench.api import Measured
from ldbench.score.metrics.intervals import t_quantile


def between_draws(control: Measured, scans: int) -> float:
    """Half of the 95 % prediction interval for the score of another draw, where `scans` real ones are compared with."""
    spread = {kind: math.fsum(values**2) for kind, values in control.contributions.items()}
    if spread.get("cases"):
        return t_quantile(len(control.contributions["cases"]) - 1) * math.sqrt(2 * spread["cases"])
    if spread.get("groups"):
        share = 2 * scans / (scans + control.n)
        return t_quantile(len(control.contributions["groups"]) - 1) * math.sqrt(share * spread["groups"])
    return _half(control) * math.sqrt(2)


def between_results(control: Measured, failure: Measured) -> float:
    """Half of the 95 % interval of the difference of two scores over the same cases and scans."""
    kinds = control.contributions.keys() | failure.contributions.keys()
    if not kinds:
        return math.hypot(_half(control), _half(failure))
    variance, units = 0.0, []
    for kind in kinds:
        pair = [score.contributions.get(kind, np.zeros(1)) for score in (control, failure)]
        variance += float(((pair[0] - pair[1]) ** 2).sum())
        units.append(max(map(len, pair)))
    return t_quantile(min(units) - 1) * math.sqrt(variance)


def _half(score: Measured) -> float:
    return (score.ci_high - score.ci_low) / 2
