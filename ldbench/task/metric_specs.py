"""The metrics that a card can ask for, each with its parameters.

Says what stands on a card and nothing of how a metric is computed. Refuses values that no metric could use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ldbench.records.typed import TypedError

# fields younger than the card's hash: left out of it where they hold their default
LATER: Mapping[str, bool] = {"later": True}

# metrics that need a source image, a true image or both
PAIRED = frozenset({
    "ssim", "psnr", "lpips", "target_auc", "flip_rate", "age_error", "ratio_error", "source_ssim", "identity_ssim",
    "identity_lpips", "minimality", "composition", "reversibility", "error_inside", "error_outside",
})
# those of them that need the true image
TRUE_IMAGES = frozenset({
    "ssim", "psnr", "lpips", "age_error", "ratio_error", "error_inside", "error_outside",
})
JUDGED = frozenset({"target_auc", "flip_rate"})  # metrics that the judge, a classifier of real scans, gives


@dataclass(frozen=True)
class DistributionSpec:
    """FID: the feature extractor and the side, in pixels, that it sees."""

    extractor: str
    resize: int


@dataclass(frozen=True)
class KernelSpec:
    """KID: as FID; `subset_size` 0 means the unbiased estimate over all pairs."""

    extractor: str
    resize: int
    subset_size: int = 0
    subsets: int = 100


@dataclass(frozen=True)
class PerceptualSpec:
    """LPIPS: the network that compares the two images."""

    extractor: str


@dataclass(frozen=True)
class PixelSpec:
    """SSIM and PSNR, on images in [0, 1]; their constants are the literature's and stand in every score."""


@dataclass(frozen=True)
class ClassifierSpec:
    """AUC of a ResNet18 trained from scratch on generated images and tested on real ones.

    It is trained with the seeds `seed` to `seed + spread_seeds - 1`, whatever the run's seed: the value is the mean,
    and the spread is part of its interval. `auc-margin` goes on for `margin_epochs` with LibAUC's loss and optimiser.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-2
    shift: int = 2
    flip: bool = False
    objective: Literal["cross-entropy", "auc-margin"] = "cross-entropy"
    margin_epochs: int = 4
    margin_learning_rate: float = 0.02
    seed: int = 0
    spread_seeds: int = 1

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 1, "shift": 0, "margin_epochs": 1, "seed": 0, "spread_seeds": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise TypedError(f"metrics.auc.{name}: expected {value} or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class JudgedSpec:
    """A metric given by the task's judge, which stands on the card as `[judge]`."""


@dataclass(frozen=True)
class AttributeSpec:
    """The error of an attribute as an estimator reads it off the image (`ldbench.data.sandbox.estimators`)."""

    estimator: str


@dataclass(frozen=True)
class PassSpec:
    """A metric that needs further images of the generator: of so many cases, chosen by a hash of their ids."""

    cases: int

    def __post_init__(self) -> None:
        if self.cases < 2:
            raise TypedError(f"metrics: expected 2 or more cases, got {self.cases}")


@dataclass(frozen=True)
class Metrics:
    """The metrics of a task with their parameters; a metric that is absent is not measured."""

    fid: DistributionSpec | None = None
    kid: KernelSpec | None = None
    ssim: PixelSpec | None = None
    psnr: PixelSpec | None = None
    lpips: PerceptualSpec | None = None
    auc: ClassifierSpec | None = None
    target_auc: JudgedSpec | None = field(default=None, metadata=LATER)
    flip_rate: JudgedSpec | None = field(default=None, metadata=LATER)
    age_error: AttributeSpec | None = field(default=None, metadata=LATER)
    ratio_error: AttributeSpec | None = field(default=None, metadata=LATER)
    source_ssim: PixelSpec | None = field(default=None, metadata=LATER)
    identity_ssim: PixelSpec | None = field(default=None, metadata=LATER)
    identity_lpips: PerceptualSpec | None = field(default=None, metadata=LATER)
    minimality: PixelSpec | None = field(default=None, metadata=LATER)
    composition: PassSpec | None = field(default=None, metadata=LATER)
    reversibility: PassSpec | None = field(default=None, metadata=LATER)
    error_inside: PixelSpec | None = field(default=None, metadata=LATER)
    error_outside: PixelSpec | None = field(default=None, metadata=LATER)

    def names(self) -> list[str]:
        """The metrics that are measured, in table order."""
        return [name for name, spec in vars(self).items() if spec is not None]
