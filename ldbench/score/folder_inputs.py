"""What the metrics of folders are computed from: the part of `ldbench.api.MetricInputs` that images alone have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from ldbench.api import ImageSet, LazyInputs, MetricInputs, SetName
from ldbench.errors import MetricError
from ldbench.score.folder_sets import FolderSet, MeasuredSet
from ldbench.score.image_sets import StoredSet
from ldbench.score.reference.record import Reference
from ldbench.score.set_inputs import Seen, SetInputs
from ldbench.task.card import ViewingConditions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ldbench.data.stored_images import StoredImages


class NoRealImagesError(MetricError):
    """A metric asks for real images where no more than their statistics is known."""

    def __init__(self) -> None:
        super().__init__("expected real images, got statistics of them; name the folder of the images")


class _WithoutTask:
    """Raises when a metric asks for what images alone do not have."""

    def __getattr__(self, name: str) -> Any:
        if hasattr(MetricInputs, name):
            raise MetricError(f"expected {name} of a task, got images alone; score them on a task card")
        raise AttributeError(name)


@dataclass(frozen=True)
class FolderSets(_WithoutTask):
    """The images as sets that are read by rows; `seen` is what viewing conditions do to each batch of them."""

    images: Mapping[str, StoredImages]
    seen: Seen | None = None

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
        """All generated images; they are of one class."""
        return self.generated, [""] * len(self.images["generated"])

    def test_scans(self) -> tuple[ImageSet, list[str]]:
        """All real images; they are of one class."""
        real = self.real
        return real, [""] * len(real)

    def seen_scans(self) -> tuple[ImageSet, tuple[str, ...]]:
        """The training images with their names."""
        if "training" not in self.images:
            raise MetricError("expected the images that the generator learnt from, got none; name them with --training")
        return self._set("training"), tuple(self.images["training"])

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
class FolderInputs(SetInputs, _WithoutTask):
    """Images by what they are ("real", "generated", "training"), and where their scoring runs.

    `conditions` are the viewing conditions of metrics that have them. `whose` has the subject of each image of "real"
    and "generated", if somebody knows. `pairs` says that images of one name belong together. `reference` has statistics
    of the real images where they themselves are not at hand.
    """

    images: Mapping[str, StoredImages]
    conditions: ViewingConditions | None = None
    whose: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pairs: bool = False
    reference: Reference | None = None

    @property
    def for_metrics(self) -> MetricInputs:
        """The same as what a metric takes: whatever it asks for is here, or refused."""
        return cast(MetricInputs, self)

    def sets(self, seen: Seen | None) -> LazyInputs:
        """The images as sets that are read by rows."""
        return cast(LazyInputs, FolderSets(self.images, seen))

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
        """Other generated images beside the same real and training ones, whose features are kept."""
        other = replace(self, **of_sets(sets))
        for known, anew in ((self, other), (self.viewed, other.viewed)):
            anew._extracted.update({key: kept for key, kept in known._extracted.items() if key[0] != "generated"})
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
    def labels(self) -> tuple[str, ...]:
        """All images are of one class."""
        return ("",) * len(self.images["generated"])

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The names of the generated images."""
        return tuple(self.images["generated"])


def of_sets(sets: Mapping[str, MeasuredSet]) -> dict[str, Any]:
    """What of `FolderInputs` comes from sets by what they are; statistics of real images are no set."""
    images = {name: each for name, each in sets.items() if isinstance(each, FolderSet)}
    return {
        "images": {name: each.images for name, each in images.items()},
        "whose": {name: each.subjects for name, each in images.items()},
    }
