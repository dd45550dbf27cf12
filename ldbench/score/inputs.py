"""What the metrics of a card are computed from: one run's images beside the task's own, each read when asked for.

Which images belong together stands in `lazy_inputs`; the arithmetic is the metrics'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ldbench.api import Attributes, Case, ImageSet, Network, ParameterValue, Progress, silent
from ldbench.data.task_data import TaskData, network_files
from ldbench.errors import MetricError
from ldbench.score.lazy_inputs import Images, TaskImages, TaskSets
from ldbench.score.viewing import as_viewed, point_spread, viewing_parameters
from ldbench.task.card import Viewing
from ldbench.task.scan_network_spec import SCAN_NETWORK

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from ldbench.score.metrics.judge import Judge

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
        return None if self.cache_folder is None else self.cache_folder.parent / "networks"

    @property
    def judge_folder(self) -> Path | None:
        """Where the judges of editing tasks are kept, beside the features."""
        return None if self.cache_folder is None else self.cache_folder.parent / "judges"


@dataclass(frozen=True, kw_only=True)
class Inputs(ScoringContext):
    """The `ldbench.api.MetricInputs` of one run, with where its scoring runs.

    `images` maps every case id to `(3, H, W) float32 in [0, 1]`; `passes` holds further images by the name of their
    pass and the id of the case that they come from. Both may read an image when it is asked for, and are averaged
    already where the card says so. `viewing` is what holds for all images that metrics get, but for the judge's and
    those that find the region.
    """

    data: TaskData
    images: Images
    passes: Mapping[str, Images]
    viewing: Viewing | None = None

    @cached_property
    def viewed(self) -> Inputs:
        """The same under the card's viewing conditions; itself where the card has none, or where they hold already."""
        viewing = self.data.task.viewing
        if viewing is None or viewing == self.viewing:
            return self
        seen = replace(self, viewing=viewing)
        vars(seen)["stored"] = self.stored  # what has been decoded serves both
        return seen

    @property
    def viewing_parameters(self) -> Mapping[str, ParameterValue]:
        """The viewing conditions that hold here; empty where none do."""
        return {} if self.viewing is None else viewing_parameters(self.viewing)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the card."""
        return self.data.task.data.classes

    @cached_property
    def stored(self) -> TaskImages:
        """The images of the run and of its task by id."""
        return TaskImages(self.data, self.images, self.passes)

    @cached_property
    def lazy(self) -> TaskSets:
        """The images as sets that are read by rows."""
        return TaskSets(self.stored, None if self.viewing is None else partial(point_spread, viewing=self.viewing))

    @cached_property
    def _unviewed(self) -> TaskSets:
        return TaskSets(self.stored)

    @cached_property
    def _viewed_by_networks(self) -> TaskSets:
        return TaskSets(self.stored, None if self.viewing is None else partial(as_viewed, viewing=self.viewing))

    @property
    def cases(self) -> Mapping[str, Case]:
        """All cases by id."""
        return self.stored.cases

    @cached_property
    def generated(self) -> torch.Tensor:
        """The images of the evaluation cases."""
        return self.lazy.generated[:]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The class that each evaluation case was to have."""
        return tuple(self._label(case_id) for case_id in self.data.evaluation_ids)

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The ids of the evaluation cases, in the order of `generated`."""
        return tuple(self.data.evaluation_ids)

    @property
    def attributes(self) -> tuple[Attributes, ...]:
        """What each evaluation case was to show."""
        return tuple(self.cases[case_id].attributes for case_id in self.data.evaluation_ids)

    @cached_property
    def real(self) -> torch.Tensor:
        """The true images of an editing task's evaluation cases, else the test scans."""
        return self.lazy.real[:]

    @cached_property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each image of `real`."""
        if self.data.truth is not None:
            return self.labels
        name = self.data.task.data.class_attribute
        return tuple(str(record.attributes[name]) for record in self.data.of_classes("test"))

    @cached_property
    def sources(self) -> torch.Tensor:
        """The images that were edited, one an evaluation case."""
        return self.lazy.sources[:]

    @cached_property
    def truths(self) -> torch.Tensor:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""
        return self.lazy.truths[:]

    @cached_property
    def stored_truths(self) -> torch.Tensor:
        """The true images as they are stored."""
        return self.lazy.stored_truths[:]

    @cached_property
    def region(self) -> torch.Tensor | None:
        """Where truth says that the image must change, `(N, H, W) bool`; None where there is no truth."""
        return None if self.lazy.region is None else self.lazy.region[:]

    @property
    def region_parameters(self) -> Mapping[str, ParameterValue]:
        """The card's settings that found the region; empty where there is none."""
        edit = self.data.task.edit
        if self.lazy.region is None or edit is None:
            return {}
        return {"region_threshold": edit.region_threshold, "region_margin": edit.region_margin}

    @cached_property
    def judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Log odds `(N, K)` of each class by the card's judge, trained on the real training scans or read back."""
        return self.judge_scores(self._unviewed.generated), self._judge.parameters

    def judge_scores(self, images: ImageSet) -> NDArray[np.float64]:
        """Log odds `(N, K)` that the card's judge gives to any images."""
        return self._judge.scores(images)

    @cached_property
    def _judge(self) -> Judge:
        from ldbench.score.metrics.judge import judge_of

        task = self.data.task
        if task.judge is None:
            raise MetricError(f"{task.id}: expected [judge] on the card, got none")
        images, labels = self._unviewed.training_scans()
        return judge_of(
            task.judge, task.data.classes, images, labels, device=self.device, folder=self.judge_folder,
            progress=self.progress, shipped=network_files(task.data),
        )

    def features(self, network: str, resize: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features `(n, d)` of `real` and `(m, d)` of `generated`."""
        return self._features("real", network, resize), self._features("generated", network, resize)

    def _features(
        self, name: Literal["real", "generated", "seen"], network: str, resize: int | None
    ) -> NDArray[np.float32]:
        from ldbench.score.networks.features import extract

        key, sets = (name, network, resize), self._viewed_by_networks
        if key not in self._extracted:
            images = sets.seen_scans()[0] if name == "seen" else sets.real if name == "real" else sets.generated
            self._extracted[key] = extract(
                images, self._network(network), resize=resize, device=self.device, cache_folder=self.cache_folder,
                progress=self.progress,
            )
        return self._extracted[key]

    @cached_property
    def _extracted(self) -> dict[tuple[str, str, int | None], NDArray[np.float32]]:
        """Features by set, network and size: several metrics ask for the same ones."""
        return {}

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

        return {**extractor_parameters(self._network(network), resize), **self.viewing_parameters}

    def _network(self, name: str) -> str | Network:
        """The network of a name, trained where it is the task's own."""
        return self._scan_network if name == SCAN_NETWORK else name

    @cached_property
    def _scan_network(self) -> Network:
        from ldbench.score.networks.scan_network import network_of_scans

        task = self.data.task
        if task.scan_network is None:
            raise MetricError(f"{task.id}: expected [scan_network] on the card, got none")
        return network_of_scans(
            task.scan_network, self.data.dataset, self.device, self.network_folder, self.progress,
            shipped=network_files(task.data),
        )

    def all_generated(self) -> tuple[torch.Tensor, list[str]]:
        """All images of the run with their classes, in the order of their ids."""
        images, labels = self.lazy.all_generated()
        return images[:], labels

    def seen_scans(self) -> tuple[torch.Tensor, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""
        images, ids = self.lazy.seen_scans()
        return images[:], ids

    def seen_features(self, network: str, resize: int | None = None) -> NDArray[np.float32]:
        """Features `(n, d)` of `seen_scans`."""
        return self._features("seen", network, resize)

    def training_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real training images with their classes."""
        images, labels = self.lazy.training_scans()
        return images[:], labels

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images with their classes."""
        images, labels = self.lazy.test_scans()
        return images[:], labels

    def further(self, name: Literal["null", "back"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images of a further pass, with the sources of their cases, in the order of the cases' ids."""
        images, sources = self.lazy.further(name)
        return images[:], sources[:]

    def _label(self, case_id: str) -> str:
        return str(self.cases[case_id].attributes[self.data.task.data.class_attribute])
