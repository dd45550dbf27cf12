"""What a gauntlet found, as `gauntlet.json` holds it, and the verdicts over it.

A metric *catches* a failure at a severity where its value is worse than the control's by more than chance, *rewards* it
where it is better by more than that, and *over-reads* it where a reader sees no difference. For edits every pixel that
differs from the truth is beyond chance, so an unseen change is over-read only where it also costs more than a tenth of
the dearer of two plain failures: all sources unedited, all results of other subjects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ldbench.api import Direction
from ldbench.records.files import json_text, read_record, write_text_atomic
from ldbench.records.result import TaskRef

SCHEMA_VERSION = 1
FILE = "gauntlet.json"
TOLERATED = 0.1
_PLAIN = (("too-little", 1.0), ("other-subject", 1.0))
_ROUND_OFF = 1e-9

Verdict = Literal["caught", "missed", "rewarded", "over-read", "quiet", "refused"]


@dataclass(frozen=True)
class FailureScore:
    """A metric's value for one set of images with its interval; `chance` is how far it moves without a cause.

    `error` says why the metric refused the images, whose numbers are then None.
    """

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    chance: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Obstacle:
    """One failure at one severity and each metric's score; `unseen`: a reader sees no difference.

    The control is the obstacle with an empty name.
    """

    failure: str
    severity: float
    unseen: bool
    scores: Mapping[str, FailureScore]


@dataclass(frozen=True)
class GauntletMetric:
    """A metric as it was measured: its name, its direction and its settings."""

    name: str
    direction: Direction
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Gauntlet:
    """All that a gauntlet found on a task, with `cases` images in each set.

    `skipped` says of failures, and `left_out` of metrics, why they are absent; `finished` whether nothing is to come.
    """

    task: TaskRef
    split_hash: str
    seed: int
    cases: int
    control: str
    metrics: tuple[GauntletMetric, ...]
    obstacles: tuple[Obstacle, ...]
    skipped: Mapping[str, str]
    left_out: Mapping[str, str]
    finished: bool = False
    schema_version: int = SCHEMA_VERSION

    @property
    def failures(self) -> list[str]:
        """The names of the failures, in order."""
        return list(dict.fromkeys(obstacle.failure for obstacle in self.obstacles if obstacle.failure))

    def of(self, failure: str) -> list[Obstacle]:
        """A failure's obstacles, in the order of growing harm."""
        return [obstacle for obstacle in self.obstacles if obstacle.failure == failure]

    @property
    def measured_control(self) -> Obstacle:
        """The perfect images' scores."""
        return self.of("")[0]

    def cost(self, obstacle: Obstacle, metric: GauntletMetric) -> float | None:
        """How much worse than the control's the score is; negative where it is better, None where there is none."""
        pair = [one.scores.get(metric.name) for one in (self.measured_control, obstacle)]
        control, value = (None if score is None else score.value for score in pair)
        if control is None or value is None:
            return None
        return value - control if metric.direction == "lower" else control - value

    def verdict(self, obstacle: Obstacle, metric: GauntletMetric) -> Verdict:
        """What the metric says of an obstacle."""
        cost = self.cost(obstacle, metric)
        if cost is None:
            return "refused"
        chance = (obstacle.scores[metric.name].chance or 0.0) + _ROUND_OFF
        if obstacle.unseen:
            return "over-read" if cost > max(chance, self._tolerated(metric)) else "quiet"
        return "caught" if cost > chance else "rewarded" if cost < -chance else "missed"

    def _tolerated(self, metric: GauntletMetric) -> float:
        plain = [one for one in self.obstacles if (one.failure, one.severity) in _PLAIN]
        return max([0.0, *(TOLERATED * (self.cost(one, metric) or 0.0) for one in plain)])


def dumps(gauntlet: Gauntlet) -> str:
    """The file's text: sorted keys, NaN refused, newline at the end."""
    return json_text(asdict(gauntlet))


def write(gauntlet: Gauntlet, path: Path) -> None:
    """Write the file, whole or not at all."""
    write_text_atomic(path, dumps(gauntlet))


def read(path: Path) -> Gauntlet:
    """Read a gauntlet's file; anything else is a `ResultError`, one line."""
    return read_record(Gauntlet, path, "a gauntlet's file", SCHEMA_VERSION, "run `ldbench gauntlet` again")
