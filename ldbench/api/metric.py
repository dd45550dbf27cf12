"""What a metric is: one record that says everything of it, and what it is computed from.

A metric's record is read without torch: what is heavy is imported when `compute` runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ldbench.api.image_set import ImageSet, LazyInputs
from ldbench.api.score import Measured, Score
from ldbench.api.values import Attributes, Direction, ParameterValue, Progress

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

MetricAxis = Literal[
    "fidelity", "diversity", "novelty", "condition", "utility", "truth", "effectiveness", "identity"
]
MetricGroups = Literal["all", "equal", "excess", "units"]
Need = Literal["source", "truth", "judge", "null", "back", "viewing", "scan_network", "training", "labels"]
SetName = Literal["generated", "real", "test_scans", "null", "back"]


class MetricInputs(Protocol):
    """What a metric can ask for. Everything is read or computed when it is asked for first.

    Images are `(N, 3, H, W) float32 in [0, 1]`, all of a set in one tensor: a metric that asks for one pays for it,
    with 3 MB an image of 512 px. `lazy` has the same sets for metrics that read some rows at a time. Raises
    `MetricError` for what the task does not have.
    """

    @property
    def lazy(self) -> LazyInputs:
        """The images as sets that are read by rows, under the same viewing conditions."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the card."""

    @property
    def generated(self) -> torch.Tensor:
        """The images of the evaluation cases."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The class that each evaluation case was to have."""

    @property
    def attributes(self) -> tuple[Attributes, ...]:
        """What each evaluation case was to show."""

    @property
    def captions(self) -> tuple[str, ...]:
        """What each evaluation case was to show, in words: its prompt, for the editing kinds its `target_prompt`."""

    @property
    def real(self) -> torch.Tensor:
        """Real images of the test split that distributions are compared with."""

    @property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each image of `real`."""

    @property
    def paired(self) -> bool:
        """Whether the i-th image of `real` is the true image of the i-th case, so that both sets are one sample."""

    @property
    def sources(self) -> torch.Tensor:
        """The images that were edited, one an evaluation case."""

    @property
    def truths(self) -> torch.Tensor:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""

    @property
    def stored_truths(self) -> torch.Tensor:
        """The true images as they are stored."""

    @property
    def region(self) -> torch.Tensor | None:
        """Where truth says that an edit must change the image, `(N, H, W) bool`; None where nobody knows."""

    @property
    def region_parameters(self) -> Mapping[str, ParameterValue]:
        """Which settings of the card found the region, for `Measured.parameters`; empty where there is none."""

    @property
    def judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Log odds `(N, K)` of each class against the rest by the card's judge, and what the judge is."""

    def judge_scores(self, images: ImageSet) -> NDArray[np.float64]:
        """Log odds `(N, K)` that the card's judge gives to any images `(N, 3, H, W) float32 in [0, 1]`."""

    def label_values(
        self, images: Literal["generated", "all_generated", "training_scans", "test_scans"]
    ) -> Mapping[str, NDArray[np.float64]]:
        """By the card's labels (`data.labels`), `(N,)`: 1 for each image of a set that has the label, or was to have
        it, 0 for one that has not, NaN where nobody knows."""

    @property
    def label_judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Scores `(N, L)` of each label in the evaluation cases, larger meaning likelier, by a judge of the labels that
        is trained as the card's judge of the classes is; and what it is."""

    def features(self, network: str, resize: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features `(n, d)` of `real` and `(m, d)` of `generated` by a network's name."""

    def network_parameters(self, network: str, resize: int | None = None) -> dict[str, ParameterValue]:
        """What a network does to the pixels and its weights' digest, for `Measured.parameters`."""

    def readings(self, estimator: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a registered estimator reads off `real` `(n,)` and `generated` `(m,)`."""

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The ids of the evaluation cases, in the order of `generated`."""

    def subjects(self, images: SetName) -> NDArray[np.int64] | None:
        """The subject of each image of a set, `(n,)`, numbered by first appearance; None where no two share one."""

    def seen_scans(self) -> tuple[torch.Tensor, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""

    def seen_features(self, network: str, resize: int | None = None) -> NDArray[np.float32]:
        """Features `(n, d)` of `seen_scans` by a network's name."""

    def all_generated(self) -> tuple[torch.Tensor, list[str]]:
        """All images of the run with their classes; the evaluation cases are a part of them."""

    def training_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real training images with their classes."""

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images with their classes."""

    def further(self, name: Literal["null", "back"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images of the null edits or of the edits back, with the sources they belong to."""

    @property
    def viewed(self) -> MetricInputs:
        """The same inputs under the card's viewing conditions; the same object where the card has none.

        Images have its point spread; features are those of images with its point spread and its noise.
        """

    @property
    def viewing_parameters(self) -> Mapping[str, ParameterValue]:
        """The viewing conditions that hold here, for `Measured.parameters`; empty where none do."""

    @property
    def device(self) -> torch.device:
        """Where to compute."""

    @property
    def seed(self) -> int:
        """The run's seed: whatever a metric draws, it draws from this."""

    @property
    def cache_folder(self) -> Path | None:
        """Where features are kept; None keeps nothing."""

    @property
    def progress(self) -> Progress:
        """Say how far it is."""


@dataclass(frozen=True)
class NoSettings:
    """A metric whose table on a card is empty."""


@dataclass(frozen=True)
class Metric:
    """All that the suite knows of one metric; a plug-in of `ldbench.metrics`.

    - `settings` is the dataclass of the card's table `[metrics.NAME]`; `compute` gets the inputs and an instance of it.
      It returns a `Measured`, or one value a case, `(N,)`; their mean is then the score, with Student's t interval cut
      at `bounds`.
    - `needs` names what a task must have for it: "source" (an editing task), "truth" (known true images), "judge" (the
      card's `[judge]`), "viewing" (its `[viewing]`), "scan_network" (its `[scan_network]`), "null" or "back" (further
      images of the generator; `settings` then has `cases`), "training" (what the generator learnt from, which every
      task has, and two folders of images alone do not), "labels" (the card's `data.labels`).
    - `compares` says which images, `interval` what its interval covers. `bounds` are those of the true value.
    - `trained`: its value depends on a training of its own, so only further seeds show its chance. It learns classes
      from the cases and is tested on test scans, unless it needs "labels". A run that lacks a class is refused.
    - `networks` are names that its settings can give.
    - `scans`: whether contributions of "scans" are the test scans' or those of `real`.
    - `axis` is the question that it helps to answer. A board shows the first metric of each axis of its card, and
      unfolds the others.
    - `every_class`: it needs cases of every class of the card. A run that lacks a class is refused before it begins.
    - `whole_sets`: it compares all generated images with all of `real`, whatever their classes. Where these are the
      scans that are edited, doing nothing would be best, and a run is refused before it begins.
    - `unranks` says of a score whether it takes its row out of the ranking, as copies of training images do.
    - `catches` names the failures of the gauntlet that must make it worse, `blind_to` those that it cannot see.
    - `groups` says how a metric that is no mean over cases is measured within a group of cases, such as one sex or age;
      None: not at all. Leave it None for a mean over cases: those are always split by group. Its values:

    - "all": `compute` is called again with the group's images and the real ones of the group. For values whose
      expectation does not depend on the number of images. Where real images are the truths of the cases, with as many
      images of each group as the smallest has.
    - "equal": again, with as many images of each group as the smallest has, and one of each subject.
    - "excess": as "equal". Groups are compared by a distance of two sets without its mean over random exchanges of real
      and generated images; `value` is `compute` without the interval, where that is far cheaper.
    - "units": by `Measured.within`.

    Computed again, a metric may ask for features, readings, the judge's scores and images of cases and of `real`, and
    for training scans; with "excess" for features and readings alone. It gets `PluginError` for all others. A group for
    which it raises `MetricError` is left out.
    """

    name: str
    title: str
    summary: str
    direction: Direction
    compute: Callable[[MetricInputs, Any], Measured | NDArray[np.float64]]
    compares: str
    interval: str = "mean over cases (Student's t)"
    settings: type[Any] = NoSettings
    needs: frozenset[Need] = frozenset()
    bounds: tuple[float, float] = (-math.inf, math.inf)
    trained: bool = False
    networks: Sequence[str] = ()
    scans: Literal["test", "reference"] = "test"
    axis: MetricAxis | None = None
    unranks: Callable[[Score], bool] | None = None
    catches: tuple[str, ...] = ()
    blind_to: tuple[str, ...] = ()
    every_class: bool = False
    groups: MetricGroups | None = None
    value: Callable[[MetricInputs, Any], float] | None = None
    whole_sets: bool = False
