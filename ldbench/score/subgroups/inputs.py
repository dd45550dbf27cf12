"""A run's inputs within one group of cases: rows of what scoring has read and extracted already.

No image goes through a network again for it. Sets that have no rows by case or by real image are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from ldbench.api import Attributes, ImageSet, LazyInputs, MetricInputs, ParameterValue, Progress, SetName
from ldbench.errors import PluginError
from ldbench.score.image_sets import PickedSet
from ldbench.score.lazy_inputs import LabelledSet
from ldbench.score.metrics.intervals import subjects_of_rows
from ldbench.score.metrics.row_blocks import Number, copied_rows
from ldbench.score.whole_sets import WholeSets

if TYPE_CHECKING:
    import torch

Rows = npt.NDArray[np.int64]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class GroupSets:
    """The `ldbench.api.LazyInputs` of a group."""

    whole: LazyInputs
    real_n: Rows
    generated_m: Rows

    @property
    def generated(self) -> ImageSet:
        """The images of the group's evaluation cases."""
        return self._of_cases(self.whole.generated)

    @property
    def real(self) -> ImageSet:
        """The real images of the group."""
        return self._rows(self.whole.real, self.real_n)

    @property
    def sources(self) -> ImageSet:
        """The images that were edited, one an evaluation case of the group."""
        return self._of_cases(self.whole.sources)

    @property
    def truths(self) -> ImageSet:
        """The true images, one an evaluation case of the group."""
        return self._of_cases(self.whole.truths)

    @property
    def stored_truths(self) -> ImageSet:
        """The true images as they are stored."""
        return self._of_cases(self.whole.stored_truths)

    @property
    def region(self) -> ImageSet | None:
        """Where truth says that the image must change; None where there is no truth."""
        return None if self.whole.region is None else self._of_cases(self.whole.region)

    def seen_scans(self) -> tuple[ImageSet, tuple[str, ...]]:
        """All real images that a generator may have learnt from: a group has no others."""
        return self.whole.seen_scans()

    def training_scans(self) -> tuple[ImageSet, list[str]]:
        """All real training images with their classes: a group has no others."""
        return self.whole.training_scans()

    def all_generated(self) -> tuple[ImageSet, list[str]]:
        """Refused: images of cases that are not evaluated have no group here."""
        raise _refused("all_generated")

    def test_scans(self) -> tuple[ImageSet, list[str]]:
        """Refused: `real` holds the real images of the group."""
        raise _refused("test_scans")

    def further(self, name: Literal["null", "back"]) -> tuple[ImageSet, ImageSet]:
        """Refused: further passes have cases of their own."""
        raise _refused(f"further({name!r})")

    def _of_cases(self, images: ImageSet) -> ImageSet:
        return self._rows(images, self.generated_m)

    def _rows(self, images: ImageSet, rows: Rows) -> ImageSet:
        return PickedSet(images, tuple(rows.tolist()))


@dataclass(frozen=True)
class GroupInputs(WholeSets):
    """The `ldbench.api.MetricInputs` of a group: the rows `real_n` and `generated_m` of the `whole`, ascending."""

    whole: MetricInputs
    real_n: Rows
    generated_m: Rows

    @property
    def lazy(self) -> LazyInputs:
        """The group's images as sets that are read by rows."""
        return GroupSets(self.whole.lazy, self.real_n, self.generated_m)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the card."""
        return self.whole.classes

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The class that each case of the group was to have."""
        return _picked(self.whole.labels, self.generated_m)

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The ids of the group's cases."""
        return _picked(self.whole.case_ids, self.generated_m)

    @property
    def attributes(self) -> tuple[Attributes, ...]:
        """What each case of the group was to show."""
        return _picked(self.whole.attributes, self.generated_m)

    @property
    def captions(self) -> tuple[str, ...]:
        """What each case of the group was to show, in words."""
        return _picked(self.whole.captions, self.generated_m)

    @cached_property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each image of `real`."""
        return _picked(self.whole.real_labels, self.real_n)

    @property
    def paired(self) -> bool:
        """As of all images: truths of pairs are drawn with their cases."""
        return self.whole.paired

    def subjects(self, images: SetName) -> Rows | None:
        """The subjects of the group's generated images, or of its real ones, which are all the scans it has; further
        passes are refused."""
        if images == "generated":
            return subjects_of_rows(self.whole.subjects("generated"), self.generated_m)
        if images in ("real", "test_scans"):
            return subjects_of_rows(self.whole.subjects("real"), self.real_n)
        raise _refused(f"subjects({images!r})")

    @property
    def region_parameters(self) -> Mapping[str, ParameterValue]:
        """The card's settings that found the region."""
        return self.whole.region_parameters

    @property
    def judged(self) -> tuple[npt.NDArray[np.float64], Mapping[str, ParameterValue]]:
        """The judge's log odds of the group's images, and what the judge is."""
        scores, parameters = self.whole.judged
        return scores[self.generated_m], parameters

    def judge_scores(self, images: ImageSet) -> npt.NDArray[np.float64]:
        """Log odds that the card's judge gives to any images."""
        return self.whole.judge_scores(images)

    def label_values(self, images: LabelledSet) -> Mapping[str, npt.NDArray[np.float64]]:
        """The labels of the group's cases, or those of all training scans; others are refused, as their images are."""
        if images not in ("generated", "training_scans"):
            raise _refused(f"label_values({images!r})")
        rows = self.generated_m if images == "generated" else slice(None)
        return {label: values[rows] for label, values in self.whole.label_values(images).items()}

    @property
    def label_judged(self) -> tuple[npt.NDArray[np.float64], Mapping[str, ParameterValue]]:
        """The scores of each label in the group's images, and what their judge is."""
        scores, parameters = self.whole.label_judged
        return scores[self.generated_m], parameters

    def features(
        self, network: str, resize: int | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Features of the group's real and generated images."""
        return self.of_both(*self.whole.features(network, resize))

    def readings(self, estimator: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Readings off the group's real and generated images."""
        return self.of_both(*self.whole.readings(estimator))

    def of_both(
        self, real: npt.NDArray[Number], generated: npt.NDArray[Number]
    ) -> tuple[npt.NDArray[Number], npt.NDArray[Number]]:
        """The group's rows of an array of the real images and of one of the generated images."""
        return copied_rows(real, self.real_n), copied_rows(generated, self.generated_m)

    def network_parameters(self, network: str, resize: int | None = None) -> dict[str, ParameterValue]:
        """What a network does to the pixels, and its weights' digest."""
        return self.whole.network_parameters(network, resize)

    def seen_features(self, network: str, resize: int | None = None) -> npt.NDArray[np.float32]:
        """Features of `seen_scans`."""
        return self.whole.seen_features(network, resize)

    @property
    def viewed(self) -> MetricInputs:
        """The same group under the card's viewing conditions."""
        return replace(self, whole=self.whole.viewed)

    @property
    def viewing_parameters(self) -> Mapping[str, ParameterValue]:
        """The viewing conditions that hold here."""
        return self.whole.viewing_parameters

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.whole.device

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.whole.seed

    @property
    def cache_folder(self) -> Path | None:
        """Where features are kept."""
        return self.whole.cache_folder

    @property
    def progress(self) -> Progress:
        """Say how far it is."""
        return self.whole.progress


def _picked(items: Sequence[_Item], rows: Rows) -> tuple[_Item, ...]:
    return tuple(items[row] for row in rows)


def _refused(name: str) -> PluginError:
    return PluginError(f"{name}: expected a metric that asks for cases or `real` within a group; drop its `groups`")
