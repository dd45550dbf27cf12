"""The file beside a result that says how each score differs between groups of cases: `subgroups.json`.

A finished run has it; results from before it, and submissions, do not. Nothing ranks by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.files import json_text, read_record, write_text_atomic
from ldbench.records.result import Result
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.sidecar import own_sidecar, values_of

# 1: without the field chance where there is none; 2: without pairs; 3: without with_it; 4: without left_out
SCHEMA_VERSION = 5
_OLDEST = 1
WITH_IT = "with_it"  # what a part of a score calls, in its parameters, how many of its n images have what it is of
FEWEST_OF_A_SET = 20  # generated and real images each of a group whose sets are compared
LABEL = "label"  # what the scores by label are called beside those by sex or age


@dataclass(frozen=True)
class Group:
    """One metric over the `n` cases of a group, with a 95 % interval.

    `chance` is what a distance of two sets of these sizes has where nothing sets them apart; None for other metrics.
    `with_it`, of a group that is a label, is how many of the `n` have it; None for other groups.
    """

    name: str
    n: int
    value: float
    ci_low: float
    ci_high: float
    chance: float | None = None
    with_it: int | None = None

    @property
    def compared(self) -> float:
        """What groups are compared by: the value, without what chance alone gives."""
        return self.value - (self.chance or 0.0)


@dataclass(frozen=True)
class Pair:
    """How much worse one of two groups is than the other, 0 or more, chance taken off where it is known.

    Its interval holds for all pairs of groups at once and goes below 0 where either may be the worse one.
    """

    worse: str
    better: str
    gap: float
    low: float
    high: float


@dataclass(frozen=True)
class Breakdown:
    """The groups of one attribute, and the gap between the worst and the best one, chance taken off where it is known.

    The gap's interval holds for all pairs of groups at once, and is cut at 0. `worst` and `best` are "" where fewer
    than two groups are large enough to be compared. `pairs` are all of those that are; older files have none.
    """

    groups: tuple[Group, ...]
    worst: str = ""
    best: str = ""
    gap: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0
    pairs: tuple[Pair, ...] = ()

    def group(self, name: str) -> Group:
        """The group of that name."""
        return next(group for group in self.groups if group.name == name)


def breakdown_of(
    groups: tuple[Group, ...], order: Sequence[str], pair: Callable[[str, str], Pair], widest: float
) -> Breakdown:
    """The groups and the gap of those that are compared, in `order` with the worst one first.

    `pair` takes the worse and the better of two groups; no gap is wider than `widest`.
    """
    if len(order) < 2:
        return Breakdown(groups)
    pairs = tuple(pair(*names) for names in combinations(order, 2))
    largest = pairs[len(order) - 2]  # of the first and the last group
    low, high = max(largest.low, 0.0), min(largest.high, widest)
    return Breakdown(groups, largest.worse, largest.better, largest.gap, low, high, pairs)


@dataclass(frozen=True)
class Subgroups:
    """By metric and attribute; `values` repeats the scores, so that the file can be told from another result's.

    `left_out` says in one line, by metric and attribute, why there is no breakdown, or none with a gap.
    """

    values: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, Breakdown]] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def write(subgroups: Subgroups, path: Path) -> None:
    """Write the file in one step."""
    write_text_atomic(path, text_of(subgroups))


def text_of(subgroups: Subgroups) -> str:
    """The file's text."""
    return json_text(asdict(subgroups))


def beside(path: Path | str, result: Result) -> Subgroups | None:
    """What lies beside a result file, or None; `ResultError` for a file that is damaged or contradicts the result."""
    return own_sidecar(path, SUBGROUPS, _read, lambda subgroups: subgroups.values, values_of(result))


def _read(file: Path) -> Subgroups:
    what, remedy = f"the {SUBGROUPS} of a run", "remove the file"
    found = read_record(Subgroups, file, what, SCHEMA_VERSION, remedy, oldest=_OLDEST)
    for metric, by in found.metrics.items():
        for attribute, one in by.items():
            if not _fits(one):
                raise ResultError(
                    f"{file}: expected each pair of the groups of {attribute} by {metric} once, got others; {remedy}"
                )
    return found


def _fits(one: Breakdown) -> bool:
    """Whether pairs and worst and best group are those of its groups; older files have no pairs."""
    names = [group.name for group in one.groups]
    met = [frozenset((pair.worse, pair.better)) for pair in one.pairs]
    compared = set[str]().union(*met) | {name for name in (one.worst, one.best) if name}
    every = {frozenset(pair) for pair in combinations(compared, 2)}
    whole = not met or (len(met) == len(set(met)) and set(met) == every)
    return len(set(names)) == len(names) and compared <= set(names) and whole
