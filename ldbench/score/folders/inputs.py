"""What the metrics of folders are computed from: the part of `ldbench.api.MetricInputs` that images alone have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from ldbench.api import ImageSet, LazyInputs, MetricInputs, ParameterValue, SetName
from ldbench.errors import MetricError
from ldbench.score.folders.classes import class_names
from ldbench.score.folders.label_inputs import LabelInputs
from ldbench.score.folders.sets import FolderSet, MeasuredSet
from ldbench.score.image_sets import StoredSet
from ldbench.score.reference.record import Reference
from ldbench.score.set_inputs import Seen
from ldbench.task.card import ViewingConditions
from ldbench.task.metric_specs import JudgeSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ldbench.data.stored_images import StoredImages


_JUDGES = frozenset({"_judge", "_judge_on_real", "_label_judge", "_label_judge_on_real"})  # kept by their names
JUDGE_ON_REAL = "judge_real_accuracy"  # the parameter of a score that says how often its judge was right there


class NoRealImagesError(MetricError):
    """A metric asks for real images where no more than their statistics is known."""

    def __init__(self) -> None:
        super().__init__("expected real images, got statistics of them; name the folder of the images")


class _WithoutTask:
    """Raises when a metric asks for what images alone do not have."""

    def __getattr__(self, name: str) -> Any:
        if hasattr(MetricInputs, name):
            raise _of_a_task(name)
        raise AttributeError(name)


def _of_a_task(name: str) -> MetricError:
    return MetricError(f"expected {name} of a task, got images alone; score them on a task card")


@dataclass(frozen=True)
class FolderSets(_WithoutTask):
    """The images as sets that are read by rows; `seen` is what viewing conditions do to each batch of them.

    `labels` has the class of each image of a set, where somebody says it.
    """

    images: Mapping[str, StoredImages]
    seen: Seen | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def generated(self) -> ImageSet:
        """All generated images, in the order of their names."""
        return self._set("generated")

    @property
    def real(self) -> ImageSet:
        """All real images, in the order of their names."""
        if "real" not in self.images:
            raise NoRealImagesError
        return self._set("real")

    @property
    def stored_truths(self) -> StoredSet:
        """The real images of the same names, as they are stored."""
        return StoredSet(self.images["real"], list(self.images["generated"]))

    @property
    def truths(self) -> ImageSet:
        """The real images of the same names."""
        return replace(self.stored_truths, seen=self.seen)

    def all_generated(self) -> tuple[ImageSet, list[str]]:
        """All generated images with their classes."""
        return self.generated, self._labels("generated")

    def test_scans(self) -> tuple[ImageSet, list[str]]:
        """All real images with their classes."""
        return self.real, self._labels("real")

    def training_scans(self) -> tuple[ImageSet, list[str]]:
        """The training images with their classes; `MetricError` where nobody says these."""
        images, _ = self.seen_scans()
        if not self.labels.get("training"):
            raise MetricError(
                "expected a class of each training image, got none; put each in a subfolder of its class's name, or in "
                "the table of --classes"
            )
        return images, self._labels("training")

    def seen_scans(self) -> tuple[ImageSet, tuple[str, ...]]:
        """The training images with their names."""
        if "training" not in self.images:
            raise MetricError("expected the images that the generator learnt from, got none; name them with --training")
        return self._set("training"), tuple(self.images["training"])

    def _labels(self, name: str) -> list[str]:
        """The class of each image of a set; where nobody says it, all are of one."""
        return list(self.labels.get(name) or [""] * len(self.images[name]))

    def _set(self, name: str) -> ImageSet:
        return StoredSet(self.images[name], list(self.images[name]), self.seen)


@dataclass(frozen=True)
class _GeneratedFeatures:
    """Features of both sets, where those of the real images are not to be had: who takes them is refused."""

    inputs: FolderInputs
    network: str
    resize: int | None

    def __getitem__(self, place: int) -> NDArray[np.float32]:
        if place not in (1, -1):
            raise NoRealImagesError
        return self.inputs._features("generated", self.network, self.resize)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        raise NoRealImagesError


@dataclass(frozen=True, kw_only=True)
class FolderInputs(LabelInputs, _WithoutTask):
    """Images by what they are ("real", "generated", "training"), and where their scoring runs.

    `conditions` are the viewing conditions of metrics that have them. `whose` has the subject of each image of "real"
    and "generated", if somebody knows, `classed` the class of each image, also of "training". `judge` is how a judge is
    trained on the latter. `pairs` says that images of one name belong together. `reference` has statistics of the real
    images where they themselves are not at hand.
    """

    images: Mapping[str, StoredImages]
    conditions: ViewingConditions | None = None
    whose: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    judge: JudgeSpec | None = None
    pairs: bool = False
    reference: Reference | None = None

    @property
    def for_metrics(self) -> MetricInputs:
        """The same as what a metric takes: whatever it asks for is here, or refused."""
        return cast(MetricInputs, self)

    def sets(self, seen: Seen | None) -> LazyInputs:
        """The images as sets that are read by rows."""
        return cast(LazyInputs, FolderSets(self.images, seen, self.classed))

    @cached_property
    def viewed(self) -> FolderInputs:
        """The same under the viewing conditions; itself where there are none, or where they hold already."""
        if self.conditions is None or self.viewing is not None:
            return self
        return replace(self, viewing=self.conditions)

    def features(self, network: str, resize: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features `(n, d)` of `real` and `(m, d)` of `generated`; of the latter alone beside statistics."""
        if self.reference is None:
            return super().features(network, resize)
        both: Any = _GeneratedFeatures(self, network, resize)
        return cast("tuple[NDArray[np.float32], NDArray[np.float32]]", both)

    def real_features(self, network: str, resize: int | None = None) -> NDArray[np.float32]:
        """Features `(n, d)` of `real`, where there may be no generated images."""
        return self._features("real", network, resize)

    def beside(self, sets: Mapping[str, MeasuredSet]) -> FolderInputs:
        """Other generated images beside the same real and training ones, whose features and judge are kept."""
        other = replace(self, **of_sets(sets))
        for known, anew in ((self, other), (self.viewed, other.viewed)):
            anew._extracted.update({key: kept for key, kept in known._extracted.items() if key[0] != "generated"})
            vars(anew).update({name: vars(known)[name] for name in vars(known).keys() & _JUDGES})
        return other

    @property
    def paired(self) -> bool:
        """Whether images of one name are pairs, and both folders hold the same names, of the same subjects."""
        if not self.pairs:
            return False
        real, generated = ((list(self.images[name]), self.whose.get(name, ())) for name in ("real", "generated"))
        return real == generated

    def subjects(self, images: SetName) -> NDArray[np.int64] | None:
        """The subject of each image of a set; None where no two share one, as where nobody knows them."""
        from ldbench.score.metrics.intervals import numbered

        name = "real" if images == "test_scans" else images
        if name == "real" and self.reference is not None:
            return self.reference.subjects
        return numbered(self.whose.get(name, ()))

    def feature_count(self, network: str) -> int | None:
        """How many features a network gave of each image; None where nobody asked it for any."""
        extracted = {**self._extracted, **self.viewed._extracted}
        return next((features.shape[1] for (_, name, _), features in extracted.items() if name == network), None)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the images, sorted; `MetricError` where nobody says any."""
        if not self.classed:
            raise _of_a_task("classes")
        return class_names(self.classed["generated"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The class of each generated image; where nobody says it, all are of one."""
        return tuple(self.classed.get("generated") or ("",) * len(self.images["generated"]))

    @property
    def real_labels(self) -> tuple[str, ...]:
        """The class of each real image; `MetricError` where nobody says it."""
        if not self.classed:
            raise _of_a_task("real_labels")
        return tuple(self.classed["real"])

    @property
    def judge_recipe(self) -> JudgeSpec:
        """How the judge is trained; `MetricError` where images alone are given."""
        if self.judge is None:
            raise _of_a_task("judged")
        return self.judge

    @cached_property
    def judged(self) -> tuple[NDArray[np.float64], Mapping[str, ParameterValue]]:
        """Log odds `(N, K)` of each class by the judge of the training images, and what the judge is: also how often it
        is right on the real images, as nothing else says here how far it can be trusted."""
        scores, judge = super().judged
        return scores, {**judge, JUDGE_ON_REAL: self._judge_on_real}

    @cached_property
    def _judge_on_real(self) -> float:
        from ldbench.score.metrics.effectiveness import flip_rate_score

        scores = self.judge_scores(self.unviewed.real)
        return flip_rate_score(scores, self.real_labels, self.classes, self._judge.parameters).value

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The names of the generated images."""
        return tuple(self.images["generated"])


def of_sets(sets: Mapping[str, MeasuredSet]) -> dict[str, Any]:
    """What of `FolderInputs` comes from sets by what they are; statistics of real images are no set."""
    images = {name: each for name, each in sets.items() if isinstance(each, FolderSet)}
    return {
        "images": {name: each.images for name, each in images.items()},
        "noun": next(iter(images.values())).noun,
        "whose": {name: each.subjects for name, each in images.items()},
        "classed": {name: each.classes for name, each in images.items() if each.classes},
        "labelled": {name: each.labels for name, each in images.items() if each.labels},
    }
