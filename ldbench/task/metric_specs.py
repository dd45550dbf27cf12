"""The metrics of a card: their settings, read by what each metric's own record declares.

A metric is known here by its name alone (`ldbench.plugins.kinds.METRICS`), and its settings stand in its own module.
Here stands how a classifier is trained, as a card's judge is trained so too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Protocol, runtime_checkable

from ldbench.api import Metric, Need
from ldbench.errors import PluginError, UnknownNameError
from ldbench.plugins.kinds import METRICS
from ldbench.records.from_table import TypedError, build

# marks fields younger than the cards' hashes, which leave them out at their defaults; settings that are younger than
# the fields that they inherit set WHOLE, and have them all
LATER: Mapping[str, bool] = {"later": True}
WHOLE = "hashed_whole"


@runtime_checkable
class HasUnmet(Protocol):
    """Settings of any metric that can say before a run what they need and cannot get."""

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """Each reason, in one line, why the metric of this `name` can't be computed.

        `smaller` counts the images of the smaller of both sets, real and generated, as far as that is known.
        """


@dataclass(frozen=True)
class ScanCounts:
    """What a task has before a run: the scans that a generator may learn from (`seen`), those of the `test` split, and
    the `side` of an image in pixels.

    `test_seen` counts the test scans that are training images, byte by byte, as far as that is known without reading
    them: 0 where it is not.
    """

    seen: int
    test: int
    side: int
    test_seen: Callable[[], int] = field(default=lambda: 0, compare=False)


@runtime_checkable
class HasUnmetScans(Protocol):
    """Settings of any metric that can say before a run what they lack of a task's own scans."""

    def unmet_scans(self, name: str, scans: ScanCounts) -> Iterator[str]:
        """Each reason, in one line, why the metric of this `name` can't be computed beside these scans."""


@dataclass(frozen=True)
class TrainingSpec:
    """How a ResNet18 learns classes or labels from scratch; `ClassifierSpec` says what each field means."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-2
    shift: int = 2
    flip: bool = False
    seed: int = 0
    spread_seeds: int = 1
    blur: float = field(default=0.0, metadata=LATER)
    noise: float = field(default=0.0, metadata=LATER)
    veil: float = field(default=0.0, metadata=LATER)
    width: int = field(default=64, metadata=LATER)

    def __post_init__(self) -> None:
        self._check_least(blur=0, noise=0, veil=0)
        self._check_least(epochs=1, batch_size=1, shift=0, seed=0, spread_seeds=1, width=8)

    def _check_least(self, **least: int) -> None:
        for name, value in least.items():
            if getattr(self, name) < value:
                raise TypedError(f"{name}: expected {value} or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class ClassifierSpec(TrainingSpec):
    """AUC of a ResNet18 trained from scratch on generated images and tested on real ones.

    It is trained with the seeds `seed` to `seed + spread_seeds - 1`, whatever the run's seed: the value is the mean,
    and the spread is part of its interval. An epoch shows the largest class once and the others as often.

    Cross-entropy: AdamW under a one-cycle schedule that peaks at `learning_rate`. `shift` moves each training image by
    up to so many pixels (edges repeated), `flip` mirrors it left-right with probability 1/2. `blur`, `noise` and `veil`
    are upper ends: each training image gets an amount drawn evenly between 0 and that. They are the standard deviation
    of a Gaussian blur in pixels, that of white noise, and a grey level added to all pixels. So none of them alone
    changes what the network reads. Half a grey level of uniform noise is always added: it undoes 8-bit rounding, and
    keeps batch norm's running variance off zero when a generator has made blank images. `auc-margin` (Yuan et al. 2021,
    arXiv 2012.03173) goes on for `margin_epochs` from the cross-entropy network with a fresh last layer, LibAUC's loss
    and its optimiser PESG at `margin_learning_rate`. The best rate depends on the data (docs/measurements/settings.md),
    so a card states it.

    `width` is the channels of the network's first stage, twice as many in each next one: 64 is ResNet18 as published,
    fewer train faster.
    """

    objective: Literal["cross-entropy", "auc-margin"] = "cross-entropy"
    margin_epochs: int = 4
    margin_learning_rate: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_least(margin_epochs=1)


@dataclass(frozen=True)
class JudgeSpec(ClassifierSpec):
    """The classifier of real scans that judges a task's images: trained as `ClassifierSpec` says, once for all models.

    `sha256` is the digest of its weights (`ldbench.score.networks.kept_state`): where it stands, no others serve.
    `labels_sha256` is that of the judge of labels, which is another network trained by the same recipe.
    """

    sha256: str | None = field(default=None, metadata=LATER)
    labels_sha256: str | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_digest(self.sha256)
        check_digest(self.labels_sha256, "labels_sha256")

    @property
    def training(self) -> JudgeSpec:
        """The recipe alone: what a training depends on, without the digests of what came of it."""
        return replace(self, sha256=None, labels_sha256=None)


def check_digest(sha256: str | None, key: str = "sha256") -> None:
    """Raises `TypedError` where a card's table names weights by something that is no SHA-256."""
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise TypedError(f"{key}: expected 64 hexadecimal digits, got {sha256!r}")


def table_of(settings: Any) -> dict[str, Any]:
    """A dataclass of a card as a table, without young fields at their defaults: what older cards and scores hold."""
    whole = getattr(settings, WHOLE, False)
    young = [item for item in fields(settings) if item.metadata.get("later") and not whole]
    absent = {item.name for item in young if getattr(settings, item.name) == item.default}
    return {name: value for name, value in asdict(settings).items() if name not in absent}


def metric_settings(table: Mapping[str, Any]) -> dict[str, Any]:
    """The card's `[metrics]`, each table as its metric's settings, in the card's order.

    Raises `TypedError`, also for two metrics of one name, whose scores nobody could tell apart.
    """
    records = {name: _metric(name) for name in table}
    if (namesake := first_namesake(records)) is not None:
        raise TypedError(f"metrics.{namesake}")
    return {name: build(records[name].settings, settings, f"metrics.{name}") for name, settings in table.items()}


def first_namesake(records: Mapping[str, Metric]) -> str | None:
    """The first of the metrics whose scores would bear the name of an earlier one's: "which: expected, got, remedy"."""
    seen = dict[str, str]()
    for asked, metric in records.items():
        earlier = seen.setdefault(metric.name, asked)
        if earlier != asked:
            named = asked if ":" in asked else earlier
            return f"{asked}: expected another name than that of {earlier}, got {metric.name!r} too; rename {named}"
    return None


def _metric(name: str) -> Metric:
    try:
        return METRICS.load(name)
    except (UnknownNameError, PluginError) as error:
        raise TypedError(f"metrics.{name}: {error}") from error


def records_of(metrics: Mapping[str, Any]) -> dict[str, Metric]:
    """The record of each metric of a card by the name that its scores bear."""
    return {record.name: record for record in map(METRICS.load, metrics)}


def needing(names: Iterable[str], *needs: Need) -> list[str]:
    """Those of the metrics that need any of these, in order."""
    return [name for name in names if METRICS.load(name).needs & set(needs)]


def further_images(metrics: Mapping[str, Any], need: Literal["null", "back"]) -> int:
    """How many further images of a kind the metrics ask for, at most."""
    return max((metrics[name].cases for name in needing(metrics, need)), default=0)
