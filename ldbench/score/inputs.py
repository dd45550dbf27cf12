"""What the metrics of a card are computed from: one run's images beside the task's own, each read when asked for.

Says which images belong together; the arithmetic is the metrics'. Under `grey-as-rgb` results, sources and truths are
averaged over their channels alike, or round-off would take a copy for a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ldbench.api import Attributes, Case, Network, ParameterValue, Progress, silent
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError
from ldbench.score.viewing import as_viewed, point_spread, viewing_parameters
from ldbench.task.card import Viewing
from ldbench.task.scan_network_spec import SCAN_NETWORK

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from ldbench.score.metrics.judge import Judge

Images = Mapping[str, "torch.Tensor"]


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
    pass and the id of the case that they come from. Both are averaged already where the card says so. `viewing` is
    what holds for all images that metrics get, but for the judge's and those that find the region.
    """

    data: TaskData
    images: Images
    passes: Mapping[str, Images]
    viewing: Viewing | None = None

    @cached_property
    def viewed(self) -> Inputs:
        """The same under the card's viewing conditions; itself where the card has none, or where they hold already."""
        viewing = self.data.task.viewing
        return self if viewing is None or viewing == self.viewing else replace(self, viewing=viewing)

    @property
    def viewing_parameters(self) -> Mapping[str, ParameterValue]:
        """The viewing conditions that hold here; empty where none do."""
        return {} if self.viewing is None else viewing_parameters(self.viewing)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the card."""
        return self.data.task.data.classes

    @cached_property
    def cases(self) -> Mapping[str, Case]:
        """All cases by id."""
        return {case.id: case for case in self.data.cases}

    @cached_property
    def generated(self) -> torch.Tensor:
        """The images of the evaluation cases."""
        return self._seen(self._generated)

    @property
    def _generated(self) -> torch.Tensor:
        return stack(self.images, self.data.evaluation_ids)

    @property
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
        return self._seen(self.data.distribution_reference())

    @property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each image of `real`."""
        if self.data.truth is not None:
            return self.labels
        name = self.data.task.data.class_attribute
        return tuple(str(record.attributes[name]) for record in self.data.of_classes("test"))

    @cached_property
    def sources(self) -> torch.Tensor:
        """The images that were edited, one an evaluation case."""
        return self._seen(self._sources)

    @property
    def _sources(self) -> torch.Tensor:
        return stack(self._source_images, self.data.evaluation_ids)

    @cached_property
    def truths(self) -> torch.Tensor:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""
        return self._seen(self._truths)

    @property
    def _truths(self) -> torch.Tensor:
        return stack(self._averaged(self._true_images), self.data.evaluation_ids)

    @cached_property
    def stored_truths(self) -> torch.Tensor:
        """The true images as they are stored."""
        return stack(self._true_images, self.data.evaluation_ids)

    @cached_property
    def region(self) -> torch.Tensor | None:
        """Where truth says that the image must change, `(N, H, W) bool`; None where there is no truth."""
        from ldbench.score.metrics.region import changed_region

        edit = self.data.task.edit
        if self.data.truth is None or edit is None:
            return None
        return changed_region(self._sources, self._truths, edit.region_threshold, edit.region_margin)

    @property
    def region_parameters(self) -> Mapping[str, ParameterValue]:
        """The card's settings that found the region; empty where there is none."""
        edit = self.data.task.edit
        if self.region is None or edit is None:
            return {}
        return {"region_threshold": edit.region_threshold, "region_margin": edit.region_margin}

    @cached_property
    def judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Log odds `(N, K)` of each class by the card's judge, trained on the real training scans or read back."""
        return self.judge_scores(self._generated), self._judge.parameters

    def judge_scores(self, images: torch.Tensor) -> NDArray[np.float64]:
        """Log odds `(N, K)` that the card's judge gives to any images."""
        return self._judge.scores(images)

    @cached_property
    def _judge(self) -> Judge:
        from ldbench.score.metrics.judge import judge_of

        task = self.data.task
        if task.judge is None:
            raise MetricError(f"{task.id}: expected [judge] on the card, got none")
        images, labels = self.data.training_scans()
        return judge_of(
            task.judge, task.data.classes, images, labels, device=self.device, folder=self.judge_folder,
            progress=self.progress,
        )

    def features(self, network: str, resize: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features `(n, d)` of `real` and `(m, d)` of `generated`."""
        real, generated = self.data.distribution_reference(), self._generated
        return self._features(real, network, resize), self._features(generated, network, resize)

    def _features(self, images: torch.Tensor, network: str, resize: int | None) -> NDArray[np.float32]:
        from ldbench.score.networks.features import extract

        return extract(
            images if self.viewing is None else as_viewed(images, self.viewing), self._network(network), resize=resize,
            device=self.device, cache_folder=self.cache_folder, progress=self.progress,
        )

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

        recipe, folder = self.data.task.scan_network, self.network_folder
        if recipe is None:
            raise MetricError(f"{self.data.task.id}: expected [scan_network] on the card, got none")
        return network_of_scans(recipe, self.data.dataset, self.device, folder, self.progress)

    def all_generated(self) -> tuple[torch.Tensor, list[str]]:
        """All images of the run with their classes, in the order of their ids."""
        order = sorted(self.images)
        return self._seen(stack(self.images, order)), [self._label(case_id) for case_id in order]

    def seen_scans(self) -> tuple[torch.Tensor, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""
        images, ids = self._seen_scans
        return self._seen(images), ids

    def seen_features(self, network: str, resize: int | None = None) -> NDArray[np.float32]:
        """Features `(n, d)` of `seen_scans`."""
        return self._features(self._seen_scans[0], network, resize)

    @cached_property
    def _seen_scans(self) -> tuple[torch.Tensor, tuple[str, ...]]:
        import torch

        data = self.data.dataset
        records = data.only("train").records if self.data.editing else self.data.train.records
        return torch.stack([torch.from_numpy(data.image(one)) for one in records]), tuple(one.id for one in records)

    def training_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real training images with their classes."""
        images, labels = self.data.training_scans()
        return self._seen(images), labels

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images with their classes."""
        images, labels = self.data.test_scans()
        return self._seen(images), labels

    def further(self, name: Literal["null", "back"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images of a further pass, with the sources of their cases, in the order of the cases' ids."""
        images = self.passes[name]
        order = sorted(images)
        return self._seen(stack(images, order)), self._seen(stack(self._source_images, order))

    def _seen(self, images: torch.Tensor) -> torch.Tensor:
        """The images as they are, or with the point spread where viewing conditions hold."""
        return images if self.viewing is None else point_spread(images, self.viewing)

    @cached_property
    def _true_images(self) -> dict[str, torch.Tensor]:
        task, truth = self.data.task, self.data.truth
        if truth is None:
            raise MetricError(f"{task.id}: a metric of the card needs true images, which {task.kind} has not; drop it")
        return {case_id: truth(case_id) for case_id in self.data.evaluation_ids}

    @cached_property
    def _source_images(self) -> Images:
        sources = {case_id: case.source for case_id, case in self.cases.items() if case.source is not None}
        if len(sources) < len(self.cases):
            task = self.data.task
            raise MetricError(f"{task.id}: a metric of the card needs sources, which {task.kind} has not; drop it")
        return self._averaged(sources)

    def _averaged(self, images: Images) -> Images:
        return averaged(images) if self.data.task.protocol.channels == "grey-as-rgb" else images

    def _label(self, case_id: str) -> str:
        return str(self.cases[case_id].attributes[self.data.task.data.class_attribute])


def averaged(images: Images) -> dict[str, torch.Tensor]:
    """Every image averaged over its channels."""
    return {case_id: grey_as_rgb(image) for case_id, image in images.items()}


def grey_as_rgb(image: torch.Tensor) -> torch.Tensor:
    """The mean over channels, repeated: `(3, H, W)` to `(3, H, W)`; a grey image comes back as it was."""
    return image.mean(0, keepdim=True).expand(3, -1, -1)


def stack(images: Images, order: Sequence[str]) -> torch.Tensor:
    """The images of some ids as one batch `(N, 3, H, W)`."""
    import torch

    return torch.stack([images[case_id] for case_id in order])
