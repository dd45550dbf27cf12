"""Distance to the true counterfactual, in units of what a copy of the source has: an editing task's first metric.

With the edit that was made d = x' - x and the true one t = y - x, all cases taken as one long vector:
`counterfactual_error` is ||d - t|| / ||t||, which is 0 for the truth alone and 1 for a copy. It has two parts at right
angles. `effect` = <d, t> / ||t||^2 says how much of the true edit was made: 1 is right, less is too little, more too
much. `side_effect` = ||d - effect t|| / ||t|| is all the rest. Their law: error^2 = (1 - effect)^2 + side_effect^2.
A ratio of sums and no mean of ratios: a case in which truth changes next to nothing then weighs next to nothing. The
images are seen under the card's viewing conditions. The definitions are this suite's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs, NoSettings, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.image_sets import over_batches
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array, contributed_interval, of_deletions
from ldbench.score.metrics.viewed import viewed

if TYPE_CHECKING:
    import torch

_BATCH = 64


@dataclass(frozen=True)
class EditSums:
    """Inner products of the edits made, d, and the true ones, t; one number a case, or one for all cases together."""

    made_made: Array
    made_true: Array
    true_true: Array

    def pooled(self) -> EditSums:
        """The sums over all cases."""
        return EditSums(*(np.asarray(part.sum()) for part in (self.made_made, self.made_true, self.true_true)))

    def of_cases(self, rows: npt.NDArray[np.int64]) -> EditSums:
        """The sums of some cases."""
        return EditSums(self.made_made[rows], self.made_true[rows], self.true_true[rows])

    def without_each(self) -> EditSums:
        """The sums over all cases but one, for each of them `(N,)`."""
        return EditSums(*(part.sum() - part for part in (self.made_made, self.made_true, self.true_true)))


def error(sums: EditSums) -> Array:
    """||d - t|| / ||t||; round-off below 0 is cut."""
    square = sums.made_made - 2 * sums.made_true + sums.true_true
    return np.asarray(np.sqrt(np.maximum(square, 0) / sums.true_true))


def effect(sums: EditSums) -> Array:
    """<d, t> / ||t||^2."""
    return np.asarray(sums.made_true / sums.true_true)


def effect_error(sums: EditSums) -> Array:
    """|1 - effect|."""
    return np.asarray(np.abs(1 - effect(sums)))


def side_effect(sums: EditSums) -> Array:
    """||d - effect t|| / ||t||; round-off below 0 is cut."""
    square = sums.made_made / sums.true_true - effect(sums) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0)))


def edit_sums(metric: str, result: ImageSet, source: ImageSet, truth: ImageSet) -> EditSums:
    """The sums of each case `(N,)`, float64, of images `(N, 3, H, W) float32 in [0, 1]`.

    Raises `MetricError` for other images, and where fewer than two truths differ from their source.
    """
    validated_pairs(metric, result, source, smallest=1)
    validated_pairs(metric, result, truth, smallest=1)
    products = over_batches(_inner_products, result, source, truth, most=_BATCH)
    made_made, made_true, true_true = np.concatenate(products, axis=1)
    return _checked(metric, EditSums(made_made, made_true, true_true))


def _checked(metric: str, sums: EditSums) -> EditSums:
    """The sums; `MetricError` where fewer than two truths differ from their source."""
    true_true = sums.true_true
    if int((true_true > 0).sum()) < 2:
        raise MetricError(
            f"{metric}: expected 2 or more cases whose true image differs from its source, got "
            f"{int((true_true > 0).sum())} of {len(true_true)}; choose other cases"
        )
    return sums


def _inner_products(result: torch.Tensor, source: torch.Tensor, truth: torch.Tensor) -> Array:
    """The three products of some cases, `(3, n)`."""
    import torch

    before = source.double()
    made, true = ((images - before).flatten(1) for images in (result, truth))  # float64, without a copy of the images
    products = torch.stack([(one * other).sum(dim=1) for one, other in ((made, made), (made, true), (true, true))])
    return np.asarray(products.cpu().numpy(), dtype=np.float64)


def edit_score(metric: str, statistic: Callable[[EditSums], Array], sums: EditSums) -> Measured:
    """A statistic of the pooled sums, at least 0, with the jackknife's interval over cases."""
    contributions = of_deletions(statistic(sums.without_each()))
    interval = contributed_interval(float(statistic(sums.pooled())), contributions)
    parameters: dict[str, ParameterValue] = {
        "distance": "root of summed squared pixel differences, over that of the true edits",
        "interval": "95 % jackknife over cases (Student's t)", "observed_effect": float(effect(sums.pooled())),
    }
    return Measured(
        metric=metric, value=interval.value, ci_low=max(interval.low, 0.0), ci_high=interval.high,
        n=len(contributions), direction="lower", parameters=parameters, contributions={"cases": contributions},
        within=lambda rows: edit_score(metric, statistic, _checked(metric, sums.of_cases(rows))),
    )


def _of_edits(metric: str, statistic: Callable[[EditSums], Array], inputs: MetricInputs, _: NoSettings) -> Measured:
    images = inputs.lazy
    return edit_score(metric, statistic, edit_sums(metric, images.generated, images.sources, images.truths))


COUNTERFACTUAL_ERROR = Metric(
    name="counterfactual_error", title="Error against the true counterfactual, relative to a copy's",
    summary="||x' - y|| / ||x - y||; 0 for the truth, 1 for a copy, more for worse than doing nothing.",
    direction="lower", compute=viewed(partial(_of_edits, "counterfactual_error", error)),
    compares="edited images, their sources and their true counterparts", interval="jackknife over cases",
    needs=frozenset({"source", "truth"}), bounds=(0.0, math.inf), axis="truth", groups="units",
    catches=(
        "too-little", "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift",
        "left-right", "upside-down", "lesion", "hole",
    ),
)

EFFECT_ERROR = Metric(
    name="effect_error", title="Error of the edit's size along the true edit",
    summary="|1 - effect|, effect = <x' - x, y - x> / ||y - x||^2; 0 for the truth, 1 for a copy or twice too much.",
    direction="lower", compute=viewed(partial(_of_edits, "effect_error", effect_error)),
    compares="edited images, their sources and their true counterparts", interval="jackknife over cases",
    needs=frozenset({"source", "truth"}), bounds=(0.0, math.inf), axis="truth", groups="units",
    catches=("too-little", "too-much", "blur", "shift"),
)

SIDE_EFFECT = Metric(
    name="side_effect", title="Change beside the true edit, relative to the true edit",
    summary="What an edit changes at right angles to the true edit, over the true edit's size; 0 for truth and copy.",
    direction="lower", compute=viewed(partial(_of_edits, "side_effect", side_effect)),
    compares="edited images, their sources and their true counterparts", interval="jackknife over cases",
    needs=frozenset({"source", "truth"}), bounds=(0.0, math.inf), axis="truth", groups="units",
    catches=(
        "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right",
        "upside-down", "lesion", "hole",
    ),
)
