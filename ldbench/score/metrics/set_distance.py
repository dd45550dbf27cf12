"""A metric that is a distance of two sets of samples, as a score with the jackknife's interval.

What FID and its like share. No distance is below 0, and neither is a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from ldbench.api import Measured, MetricInputs, ParameterValue
from ldbench.score.metrics.intervals import GROUPS, Subjects, group_jackknife, over_subjects

_SETS = "both sets, for the expected value at these sample sizes"
_PAIRS = "pairs of both sets, for the expected value at this sample size"


def set_distance_score(
    metric: str, distance: Callable[..., float], real: npt.NDArray[Any], generated: npt.NDArray[Any], *,
    extractor: str, parameters: Mapping[str, ParameterValue], seed: int, groups: int = GROUPS, over: str = _SETS,
    classes: Sequence[npt.NDArray[Any]] | None = None, subjects: Sequence[Subjects] = (), paired: bool = False,
) -> Measured:
    """`distance(real, generated)`, a sample a row, with `group_jackknife`'s interval over what `over` says.

    `classes` and `subjects` are those of both sets; `paired` says that rows of both belong together.
    """
    interval, contributions = group_jackknife(
        distance, real, generated, metric=metric, groups=groups, seed=seed, classes=classes, subjects=subjects,
        paired=paired,
    )
    how = over_subjects(f"95 % delete-a-group jackknife over {_PAIRS if paired else over}", *subjects)
    return Measured(
        metric=metric, value=interval.value, ci_low=max(interval.low, 0.0), ci_high=interval.high, n=len(generated),
        direction="lower", extractor=extractor, contributions={"groups": contributions},
        parameters={
            **parameters, "n_real": len(real), "interval": how, "interval_groups": len(contributions),
            "interval_seed": seed,
        },
    )


def of_both_sets(inputs: MetricInputs) -> tuple[Subjects, Subjects]:
    """The subjects of the real and of the generated images."""
    return inputs.subjects("real"), inputs.subjects("generated")
