"""Whether a recomputed score is the recorded one: equal, reproduced within its interval, or different, and in what.

What is equal, `ldbench.records.rounding` says. Metrics that depend on a training or on viewing noise may be reproduced
without being equal. A score from other parameters, another extractor or another n differs whatever its value.

A result may come from a stranger who gains by a better value or a narrower interval. So what may move without being a
fault is kept small, and the boards take the scores that are recomputed here (`verify --out`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Score
from ldbench.plugins.kinds import METRICS
from ldbench.records.identity import method
from ldbench.records.rounding import SHARE, SMALLEST, numbers_apart
from ldbench.records.run_folder import UNITS
from ldbench.records.units import Contributions, Units, kind_of

Floats = NDArray[np.float64]
Verdict = Literal["equal", "reproduced", "differs"]
ROUNDED_SHARE = 0.25  # of the half-width, where rounding shows; 0.13 was under viewing noise (docs/verification.md)
LIKE_SHARE = 0.5  # of the contributions' size, where a score is reproduced: about 25 % of the interval's half-width
_MINOR = 0.1  # of that of all lists: a list that adds less than that says little of the standard error
_ONE_UNIT = 1.2  # of its contribution: it moves those of all others a little
_NAMED = 2  # ways of measuring that a note names


@dataclass(frozen=True)
class Check:
    """One metric as recorded and recomputed, None where a side lacks it, with the verdict and why. `trained`: by a
    network that was trained for this score, so that cases may be judged otherwise."""

    metric: str
    recorded: float | None
    recomputed: float | None
    verdict: Verdict
    note: str = ""
    trained: bool = False

    @property
    def difference(self) -> float | None:
        """Recomputed minus recorded."""
        if self.recorded is None or self.recomputed is None:
            return None
        return self.recomputed - self.recorded

    def line(self, width: int) -> str:
        """The check as a row of a table in the terminal, whose column of metrics is so many letters wide."""
        numbers = [(self.recorded, "{:.6g}"), (self.recomputed, "{:.6g}"), (self.difference, "{:+.2g}")]
        cells = [f"{'none' if number is None else form.format(number):>12}" for number, form in numbers]
        row = " ".join([f"{self.metric:{width}}", *cells, f" {self.verdict}"])
        return f"{row}: {self.note}" if self.note else row


def check_scores(recorded: Sequence[Score], recomputed: Sequence[Score]) -> list[Check]:
    """One check a metric of either side, in the order recomputed; a metric that one side lacks differs."""
    before, now = ({score.metric: score for score in scores} for scores in (recorded, recomputed))
    checks = []
    for name in [*now, *(name for name in before if name not in now)]:
        if name in before and name in now:
            checks.append(check_score(before[name], now[name]))
        elif name in now:
            checks.append(Check(name, None, now[name].value, "differs", "the result lacks it"))
        else:
            checks.append(Check(name, before[name].value, None, "differs", "these images don't give it"))
    return checks


def check_score(recorded: Score, now: Score) -> Check:
    """The check of one metric."""
    if ways := _ways(recorded, now):
        return Check(now.metric, recorded.value, now.value, "differs", ways)
    apart = numbers_apart(recorded, now)
    if not apart:
        return Check(now.metric, recorded.value, now.value, "equal")
    moved = "value" in apart and len(apart) > 1  # a value that left its interval where it was wasn't trained anew
    if moved and _is_trained_here(now) and _as_wide(recorded, now):
        if _holds(recorded, now.value) and _holds(now, recorded.value):
            note = "within its interval; a network rounds in its own way on each processor"
            return Check(now.metric, recorded.value, now.value, "reproduced", note, trained=True)
    elif _shows_rounding(now) and not numbers_apart(recorded, now, ROUNDED_SHARE):
        note = f"within {ROUNDED_SHARE:.0%} of its interval's half; another processor rounds a few images otherwise"
        return Check(now.metric, recorded.value, now.value, "reproduced", note)
    end = apart[0]
    note = "" if end == "value" else f"{end} {getattr(recorded, end):.6g}, here {getattr(now, end):.6g}"
    return Check(now.metric, recorded.value, now.value, "differs", note)


def check_units(checks: Sequence[Check], recorded: Units | None, now: Units) -> list[Check]:
    """The checks again, where a units.json lies beside the result: what it says of an equal score must be equal, too,
    to a hundredth of the score's standard error; what it says of a reproduced one must be so to a half,
    or of that size where a network is trained anew. A value that it repeats must be the result's: whichever of the two
    was altered, the metric differs."""
    if recorded is None:
        return list(checks)
    known = {check.metric for check in checks}
    more = [Check(name, None, None, "differs") for name in recorded.metrics if name not in known]
    return [_check_beside(check, recorded, now) for check in (*checks, *more)]


def _check_beside(check: Check, recorded: Units, now: Units) -> Check:
    repeated = recorded.metrics.get(check.metric)
    if repeated is not None and repeated.value != check.recorded:
        before = f"{check.note}; " if check.note and check.verdict == "differs" else ""
        note = f"{before}{UNITS} and the result contradict each other: {repeated.value:.6g} there"
        return replace(check, verdict="differs", note=note)
    if check.verdict == "differs" or _agree(check, recorded, now):
        return check
    return replace(check, verdict="differs", note=f"{UNITS} has other contributions")


def _agree(check: Check, recorded: Units, now: Units) -> bool:
    """Whether both hold such contributions of a metric as its verdict allows."""
    if check.verdict == "equal":
        return _same_units(check.metric, recorded, now)
    return _like_units(check.metric, recorded, now, check.trained)


def _ways(recorded: Score, now: Score) -> str:
    """In what the ways of measuring differ, recorded and here; empty where they don't."""
    one, other = (
        {"n": score.n, "direction": score.direction, "extractor": score.extractor, **method(score)}
        for score in (recorded, now)
    )
    keys = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    differences = [f"{key} {one.get(key)!r:.40}, here {other.get(key)!r:.40}" for key in keys]
    return ", ".join(differences[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")


def _holds(score: Score, value: float) -> bool:
    return score.ci_low <= value <= score.ci_high


def _as_wide(recorded: Score, now: Score) -> bool:
    """Whether the recorded interval is not much narrower: another training changes its width little."""
    widths = [score.ci_high - score.ci_low for score in (recorded, now)]
    return widths[0] >= (1 - ROUNDED_SHARE) * widths[1]


def _same_units(metric: str, recorded: Units, now: Units) -> bool:
    pairs = _of_same_ids(metric, recorded, now)
    return pairs is not None and all(
        np.linalg.norm(one - other) <= SHARE * np.linalg.norm(other) + SMALLEST for one, other in pairs
    )


def _like_units(metric: str, recorded: Units, now: Units, trained: bool) -> bool:
    """Whether both hold contributions of the same units and of the same size: smaller ones would make paired tests too
    sure.

    A network that is trained anew may judge each unit differently, so there only the size is compared, and one unit
    that is judged differently may make all of the difference.
    """
    pairs = _of_same_ids(metric, recorded, now)
    if pairs is None:
        return False
    whole = float(np.sqrt(sum(float(other @ other) for _, other in pairs)))
    for one, other in pairs:
        sizes = [float(np.linalg.norm(values)) for values in (one, other)]
        apart = abs(sizes[0] - sizes[1]) if trained else float(np.linalg.norm(one - other))
        turned = max(float(np.abs(values).max(initial=0.0)) for values in (one, other)) if trained else 0.0
        if not apart <= max(LIKE_SHARE * sizes[1], _MINOR * whole, _ONE_UNIT * turned, SMALLEST):
            return False
    return True


def _of_same_ids(metric: str, recorded: Units, now: Units) -> list[tuple[Floats, Floats]] | None:
    """A metric's recorded contributions and those computed here, one pair for each list of ids; None where the lists or
    the subjects differ."""
    one, other = (_by_kind(units, metric) for units in (recorded, now))
    if one.keys() != other.keys() or any(one[kind][:2] != other[kind][:2] for kind in other):
        return None
    return [(np.asarray(one[kind][2], np.float64), np.asarray(other[kind][2], np.float64)) for kind in other]


def _by_kind(units: Units, metric: str) -> dict[str, tuple[tuple[str, ...], tuple[int, ...] | None, Sequence[float]]]:
    """A metric's lists by their kind: ids, subjects and contributions."""
    by_unit = units.metrics.get(metric, Contributions(0.0, {})).by_unit
    return {
        kind_of(name): (tuple(units.ids[name]), units.subjects.get(name), values) for name, values in by_unit.items()
    }


def _shows_rounding(score: Score) -> bool:
    """Where one pixel or digit that is rounded otherwise can be seen: by a judge of fixed weights, whose answer it can
    turn, and by a network that sees images with the noise of the viewing conditions. That noise is drawn by a digest of
    the blurred pixels, so another grey level of one of them makes another draw."""
    record = METRICS.installed(score.metric)
    if record is None:
        return False
    noisy = bool(score.parameters.get("viewing_noise")) and score.extractor is not None
    return "judge" in record.needs or (noisy and not record.needs & {"source", "truth"})


def _is_trained_here(score: Score) -> bool:
    """By a network that is trained anew for the score, whose rounding grows over its steps: a classifier, or a judge
    whose weights the card does not pin."""
    record = METRICS.installed(score.metric)
    unpinned = record is not None and "judge" in record.needs and "sha256" not in score.parameters
    return unpinned or (record is not None and record.trained)
