"""What a metric is given of sets of images, wherever these come from: whole, by rows, and as features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ldbench.api import ImageSet, LazyInputs, Network, ParameterValue, Progress, silent
from ldbench.records.caches import JUDGES, NETWORKS
from ldbench.score.viewing import as_viewed, point_spread, viewing_parameters
from ldbench.score.whole_sets import WholeSets
from ldbench.task.card import ViewingConditions
from ldbench.task.metric_specs import JudgeSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from ldbench.score.metrics.judge import Judge

Seen = Callable[["torch.Tensor"], "torch.Tensor"]
_Set = Literal["real", "generated", "seen"]
_SETS: Mapping[_Set, str] = {"real": "real", "generated": "generated", "seen": "training"}  # as progress calls them


@dataclass(frozen=True)
class ScoringContext:
    """Where scoring runs, where features are kept (None keeps nothing), and the run's seed, which seeds all random
    draws (subsets, resampling) but the classifier's: that seed is the card's."""

    device: torch.device
    seed: int
    cache_folder: Path | None = None
    progress: Progress = silent

    @property
    def network_folder(self) -> Path | None:
        """Where feature networks that were trained here are kept, beside the features."""
        return None if self.cache_folder is None else self.cache_folder.parent / NETWORKS

    @property
    def judge_folder(self) -> Path | None:
        """Where judges that were trained here are kept, beside the features."""
        return None if self.cache_folder is None else self.cache_folder.parent / JUDGES


@dataclass(frozen=True, kw_only=True)
class SetInputs(ScoringContext, WholeSets):
    """The part of `ldbench.api.MetricInputs` that depends on the images alone.

    `viewing` is what holds for all images that metrics get. What the sets lack, they refuse. `noun` is what progress
    calls an image.
    """

    viewing: ViewingConditions | None = None
    noun: str = "image"

    @abstractmethod
    def sets(self, seen: Seen | None) -> LazyInputs:
        """The images as sets that are read by rows; `seen` is what is done to each batch of them."""

    def network(self, name: str) -> str | Network:
        """The feature network of a name."""
        return name

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The classes that images are of."""

    @property
    @abstractmethod
    def judge_recipe(self) -> JudgeSpec:
        """How the judge is trained; `MetricError` where there is none."""

    @property
    def shipped_weights(self) -> Sequence[Path]:
        """Files beside the cache that may hold the judge's weights, where the recipe names these."""
        return ()

    @cached_property
    def judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Log odds `(N, K)` of each class by the judge, trained on the real training scans or read back."""
        return self.judge_scores(self.unviewed.generated), self._judge.parameters

    def judge_scores(self, images: ImageSet) -> NDArray[np.float64]:
        """Log odds `(N, K)` that the judge gives to any images."""
        return self._judge.scores(images)

    @cached_property
    def _judge(self) -> Judge:
        from ldbench.score.metrics.judge import judge_of

        recipe = self.judge_recipe
        images, labels = self.unviewed.training_scans()
        return judge_of(
            recipe, self.classes, images, labels, device=self.device, folder=self.judge_folder,
            progress=self.progress, shipped=self.shipped_weights,
        )

    @property
    def viewing_parameters(self) -> Mapping[str, ParameterValue]:
        """The viewing conditions that hold here; empty where none do."""
        return {} if self.viewing is None else viewing_parameters(self.viewing)

    @cached_property
    def lazy(self) -> LazyInputs:
        """The images as a reader compares them: with the point spread, without noise."""
        return self.sets(None if self.viewing is None else partial(point_spread, viewing=self.viewing))

    @cached_property
    def unviewed(self) -> LazyInputs:
        """The images as they are stored."""
        return self.sets(None)

    @cached_property
    def _viewed_by_networks(self) -> LazyInputs:
        return self.sets(None if self.viewing is None else partial(as_viewed, viewing=self.viewing))

    def features(self, network: str, resize: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features `(n, d)` of `real` and `(m, d)` of `generated`."""
        return self._features("real", network, resize), self._features("generated", network, resize)

    def seen_features(self, network: str, resize: int | None = None) -> NDArray[np.float32]:
        """Features `(n, d)` of `seen_scans`."""
        return self._features("seen", network, resize)

    def readings(self, estimator: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a registered estimator reads off `real` `(n,)` and `generated` `(m,)`."""
        from ldbench.plugins.kinds import ESTIMATORS
        from ldbench.score.metrics.attribute_error import readings_of

        if estimator not in self._read:
            read = ESTIMATORS.load(estimator).read
            self._read[estimator] = (
                readings_of(estimator, self.lazy.real, read), readings_of(estimator, self.lazy.generated, read)
            )
        return self._read[estimator]

    @cached_property
    def _read(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Readings by estimator: a metric and its groups ask for the same ones."""
        return {}

    def network_parameters(self, network: str, resize: int | None = None) -> dict[str, ParameterValue]:
        """What a network does to the pixels, and its weights' digest."""
        from ldbench.score.networks.features import extractor_parameters

        return {**extractor_parameters(self.network(network), resize), **self.viewing_parameters}

    def _features(self, name: _Set, network: str, resize: int | None) -> NDArray[np.float32]:
        from ldbench.score.networks.features import extract

        key, sets = (name, network, resize), self._viewed_by_networks
        if key not in self._extracted:
            images = sets.seen_scans()[0] if name == "seen" else sets.real if name == "real" else sets.generated
            self._extracted[key] = extract(
                images, self.network(network), resize=resize, device=self.device, cache_folder=self.cache_folder,
                progress=partial(_of_set, self.progress, f"{_SETS[name]} {self.noun}s"),
            )
        return self._extracted[key]

    @cached_property
    def _extracted(self) -> dict[tuple[str, str, int | None], NDArray[np.float32]]:
        """Features by set, network and size: several metrics ask for the same ones."""
        return {}


def _of_set(progress: Progress, images: str, stage: str, done: int, total: int, note: str = "") -> None:
    progress(f"{stage}, {images}", done, total, note)
