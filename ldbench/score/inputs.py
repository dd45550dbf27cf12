"""What the metrics of a card are computed from: one run's images beside the task's own, each read when asked for.

Which images belong together stands in `lazy_inputs`; the arithmetic is the metrics'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Attributes, Case, Network, ParameterValue, SetName
from ldbench.data.task_data import TaskData, network_files
from ldbench.errors import MetricError
from ldbench.score.lazy_inputs import Images, LabelledSet, TaskImages, TaskSets
from ldbench.score.set_inputs import Seen, SetInputs
from ldbench.task.labels import values_of
from ldbench.task.metric_specs import JudgeSpec
from ldbench.task.scan_network_spec import SCAN_NETWORK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Inputs(SetInputs):
    """The `ldbench.api.MetricInputs` of one run, with where its scoring runs.

    `images` maps every case id to `(3, H, W) float32 in [0, 1]`; `passes` holds further images by the name of their
    pass and the id of the case that they come from. Both may read an image when it is asked for, and are averaged
    already where the card says so. `viewing` is what holds for all images that metrics get, but for the judge's and
    those that find the region.
    """

    data: TaskData
    images: Images
    passes: Mapping[str, Images]

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
    def classes(self) -> tuple[str, ...]:
        """The classes of the card."""
        return self.data.task.data.classes

    @cached_property
    def stored(self) -> TaskImages:
        """The images of the run and of its task by id."""
        return TaskImages(self.data, self.images, self.passes)

    @property
    def cases(self) -> Mapping[str, Case]:
        """All cases by id."""
        return self.stored.cases

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

    @property
    def captions(self) -> tuple[str, ...]:
        """What each evaluation case was to show, in words."""
        cases = (self.cases[case_id] for case_id in self.data.evaluation_ids)
        return tuple(case.target_prompt or case.prompt for case in cases)

    @cached_property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each image of `real`."""
        if self.data.truth is not None:
            return self.labels
        name = self.data.task.data.class_attribute
        return tuple(str(record.attributes[name]) for record in self.data.of_classes("test"))

    @property
    def paired(self) -> bool:
        """Whether `real` holds the truths of the cases, in their order."""
        return self.data.truth is not None

    def subjects(self, images: SetName) -> NDArray[np.int64] | None:
        """The subject of each image of a set, `(n,)`; None where no two share one."""
        return self.stored.subjects(images)

    @property
    def region_parameters(self) -> Mapping[str, ParameterValue]:
        """The card's settings that found the region; empty where there is none."""
        edit = self.data.task.edit
        if self.lazy.region is None or edit is None:
            return {}
        return {"region_threshold": edit.region_threshold, "region_margin": edit.region_margin}

    @property
    def judge_recipe(self) -> JudgeSpec:
        """The card's `[judge]`; `MetricError` where it has none."""
        task = self.data.task
        if task.judge is None:
            raise MetricError(f"{task.id}: expected [judge] on the card, got none")
        return task.judge

    @property
    def shipped_weights(self) -> Sequence[Path]:
        """Files of the data set that may hold the judge's weights."""
        return network_files(self.data.task.data)

    def label_values(self, images: LabelledSet) -> Mapping[str, NDArray[np.float64]]:
        """By the card's labels which images of a set have each, `(N,)`: 1, 0, or NaN where nobody knows."""
        import numpy as np

        task = self.data.task
        if not task.data.labels:
            raise MetricError(f"{task.id}: expected data.labels on the card, got none")
        found = values_of(task.data.labels, self.stored.attributes(images))
        return {label: np.array(values, np.float64) for label, values in found.items()}

    @cached_property
    def label_judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Scores `(N, L)` of each label by a judge trained on the real training scans or read back."""
        from ldbench.score.metrics.judge_labels_auc import label_judge_of

        judge = label_judge_of(
            self.judge_recipe, self.unviewed.training_scans()[0], self.label_values("training_scans"),
            device=self.device, folder=self.judge_folder, progress=self.progress, shipped=self.shipped_weights,
        )
        return judge.scores(self.unviewed.generated), judge.parameters

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

    def sets(self, seen: Seen | None) -> TaskSets:
        """The images as sets that are read by rows."""
        return TaskSets(self.stored, seen)

    def network(self, name: str) -> str | Network:
        """The network of a name, trained where it is the task's own."""
        return self._scan_network if name == SCAN_NETWORK else name

    def _label(self, case_id: str) -> str:
        return str(self.cases[case_id].attributes[self.data.task.data.class_attribute])
