"""A metric that is a distance of two sets of samples, as a score with the jackknife's interval.

What FID and its like share. No distance is below 0, and neither is a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ldbench.api import Measured, MetricInputs, ParameterValue
from ldbench.score.metrics.intervals import GROUPS, Subjects, group_jackknife, over_subjects

_SETS = "both sets, for the expected value at these sample sizes"
_PAIRS = "pairs of both sets, for the expected value at this sample size"


@dataclass(frozen=True)
class Dependence:
    """Which samples of a real and of a generated set belong together.

    `subjects` are those of each set. `paired`: rows of both belong together, as results do with their truths.
    """

    subjects: tuple[Subjects, Subjects] = (None, None)
    paired: bool = False


INDEPENDENT = Dependence()


def dependence_of(inputs: MetricInputs) -> Dependence:
    """Which of the real and of the generated images belong together."""
    return Dependence((inputs.subjects("real"), inputs.subjects("generated")), inputs.paired)


def set_distance_score(
    metric: str, distance: Callable[..., float], real: npt.NDArray[Any], generated: npt.NDArray[Any], *,
    extractor: str, parameters: Mapping[str, ParameterValue], seed: int, groups: int = GROUPS, over: str = _SETS,
    classes: Sequence[npt.NDArray[Any]] | None = None, dependence: Dependence = INDEPENDENT,
) -> Measured:
    """`distance(real, generated)`, a sample a row, with `group_jackknife`'s interval over what `over` says.

    `classes` are those of both sets.
    """
    interval, contributions = group_jackknife(
        distance, real, generated, metric=metric, groups=groups, seed=seed, classes=classes,
        subjects=dependence.subjects, paired=dependence.paired,
    )
    units = _PAIRS if dependence.paired else over
    how = over_subjects(f"95 % delete-a-group jackknife over {units}", *dependence.subjects)
    return Measured(
        metric=metric, value=interval.value, ci_low=max(interval.low, 0.0), ci_high=interval.high, n=len(generated),
        direction="lower", extractor=extractor, contributions={"groups": contributions},
        parameters={
            **parameters, "n_real": len(real), "interval": how, "interval_groups": len(contributions),
            "interval_seed": seed,
        },
    )
