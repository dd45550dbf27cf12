"""A value with its interval, as a result stores it, and what a metric gives: with what each unit adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

from ldbench.api.values import Direction, ParameterValue
from ldbench.errors import MetricError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 1e60  # squares of squares of numbers up to here are finite, which comparisons take


@dataclass(frozen=True)
class Score:
    """One metric of one run.

    `ci_low` and `ci_high` bound a 95 % interval whose method stands in `parameters["interval"]`. `n` counts the
    generated images it was computed from. `direction` says which way is better. `extractor` names the network
    that was really used, or None. Raises `MetricError` for values that are not finite numbers.
    """

    metric: str
    value: float
    ci_low: float
    ci_high: float
    n: int
    direction: Direction
    extractor: str | None = None
    parameters: dict[str, ParameterValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        finite = all(float(abs(number)) <= LARGEST for number in numbers)  # false for NaN
        if finite and self.ci_low <= self.ci_high:
            return
        got = f"got {self.value} [{self.ci_low}, {self.ci_high}] from n = {self.n}"
        if finite:
            raise MetricError(f"{self.metric}: expected ci_low <= ci_high, {got}; repair the metric's interval")
        raise MetricError(
            f"{self.metric}: expected finite value and interval, {got}; repair compute, or check the images for "
            "constant content, where it divides by their spread"
        )


@dataclass(frozen=True)
class Measured(Score):
    """A `Score` with what each unit adds to it, so that two scores can be compared by pairs.

    It has the fields of `Score`, before its own: `metric`, `value`, `ci_low`, `ci_high`, `n` and `direction` are
    required, `extractor` and `parameters` are not.

    `contributions` holds an array `(n,)` by kind of unit, in the order of the images that were given: "cases"
    (generated images), "scans" (real ones), "groups" (groups of both). The contributions `c_u` of a value sum to zero
    within each kind, and the sum of their squares is the value's variance over such units: (x_u - mean) /
    sqrt(n (n - 1)) for a mean of n cases, and the jackknife's or DeLong's part of each sample elsewhere. The variance
    of the difference of two values over the same units is then the sum of (a_u - b_u)^2.

    Images of one subject are alike, so subjects are the units of an interval. Where some share one, the suite makes the
    bounds anew from the contributions, summed within each subject. `interval` says how: by Student's "t", or as that of
    a "share" (Wilson's). "own" leaves them as they are, for a metric that has asked for `MetricInputs.subjects` itself.
    `mean` says that the value is the mean of one number a case, as a share of cases is anyway: it has scores by group.

    `within` gives the same score of some of its units alone, by their indices `(k,)` in ascending order, from what this
    one was computed from: for scores by group of a metric whose `groups` is "units". The units are scans where
    `contributions` has only "scans", else cases. It raises `MetricError` for units that are too few, and holds no
    images and no features, as scores may be kept.

    `degrees` are the degrees of freedom of the interval's quantile of Student's t, infinite for a normal one. None: one
    fewer than there are units of the rarest kind, and infinite where there are none. Scores by group widen the interval
    by them.

    `parts` are scores of the same metric for each of what an image may have several of, by the name of that and then by
    its value, as `{"label": {"edema": ...}}`. They are shown as groups are, and their units are all of the score's.
    """

    contributions: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, compare=False, repr=False)
    within: Callable[[NDArray[np.int64]], Measured] | None = field(default=None, compare=False, repr=False)
    degrees: float | None = field(default=None, compare=False, repr=False)
    interval: Literal["t", "share", "own"] = field(default="t", compare=False, repr=False)
    mean: bool = field(default=False, compare=False, repr=False)
    parts: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict, compare=False, repr=False)
    _kept: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)  # which cases `among` keeps

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.degrees is not None and not self.degrees > 0:  # true for NaN
            raise MetricError(
                f"{self.metric}: expected degrees of freedom above 0, got {self.degrees}; repair the metric"
            )

    @property
    def score(self) -> Score:
        """The score alone, as a result stores it."""
        return Score(**{each.name: getattr(self, each.name) for each in fields(Score)})

    def among(self, kept_n: NDArray[np.bool_]) -> Measured:
        """The same where only the `kept_n` of the cases were measured: the others add nothing."""
        import numpy as np

        spread_n = np.zeros(len(kept_n))
        spread_n[kept_n] = self.contributions["cases"]
        return replace(self, contributions={**self.contributions, "cases": spread_n}, _kept=kept_n)
