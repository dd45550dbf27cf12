"""What was measured of one folder of generated images: the scores, how they came about, and what each image adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ldbench.api import Measured, Metric, ParameterValue, Score


@dataclass(frozen=True)
class FolderParts:
    """What tells a folder apart from another one: each metric with its score, which has what every image adds, and by
    kind of images ("scans": real ones, "cases": generated ones) whose each is: its subject or, where each image counts
    as one, its name."""

    measured: tuple[tuple[Metric, Measured], ...] = ()
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderScores:
    """One score a metric; why other metrics have none; what was measured: each folder, its images' number and digest,
    the number of files ignored as no images; and with which options. `notes` say what makes values mean less than they
    seem to: images that are in two folders, few of them, and sets that were prepared unequally. `parts` are for the
    difference from another folder. Where somebody says classes, `classes` counts the images of each in each set, and
    `only_named` names metrics that are measured where they are asked for alone; `by_class` has the scores within each
    class, if they were asked for. Where somebody says labels, `labels` counts by set and label the images "with" it and
    those of which it is "known"; `by_label` has the scores of the images that have each label. Of volumes that are cut
    along several planes `scores` are means over these, and `by_plane` has the scores of each. `settings` has, by
    metric, those that are not its own defaults."""

    scores: tuple[Score, ...]
    refused: Mapping[str, str]
    images: Mapping[str, Mapping[str, str | int]]
    options: Mapping[str, ParameterValue]
    notes: tuple[str, ...] = ()
    parts: FolderParts = field(default_factory=FolderParts, repr=False, compare=False)
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    only_named: tuple[str, ...] = ()
    by_class: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    by_label: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    by_plane: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)

    @property
    def record(self) -> dict[str, Any]:
        """What of it is written as JSON: all but what each image adds, and settings, which stand in each score."""
        said: dict[str, Any] = {"classes": self.classes} if self.classes else {}
        if self.labels:
            said["labels"] = self.labels
        if said:
            said["only_named"] = self.only_named
        by = {"by_class": self.by_class, "by_label": self.by_label, "by_plane": self.by_plane}
        for name, scores in by.items():
            if scores:
                said[name] = {one: list(map(asdict, each)) for one, each in scores.items()}
        return {
            "scores": [asdict(score) for score in self.scores], "refused": self.refused, "images": self.images,
            "options": self.options, "notes": self.notes, **said,
        }

    def in_words(self, words: Callable[[str], str]) -> FolderScores:
        """The same with other words in what is told of values."""
        refused = {name: words(reason) for name, reason in self.refused.items()}
        return replace(self, refused=refused, notes=tuple(map(words, self.notes)))

    @property
    def folder(self) -> str:
        """The folder of generated images that the scores are of."""
        return str(self.images["generated"]["folder"])

    @property
    def of_volumes(self) -> bool:
        """Whether the images are slices of volumes."""
        return "volumes" in self.options

    @property
    def files(self) -> str:
        """What the folders hold: "images" or "volumes"."""
        return "volumes" if self.of_volumes else "images"

    @property
    def shown(self) -> str:
        """What was measured of these: "images" or "slices"."""
        return "slices" if self.of_volumes else "images"

    def in_files(self, name: str, images: int) -> int:
        """A number of images of a set as that of the images or volumes that they are of."""
        if not self.of_volumes:
            return images
        of_set = self.images[name]
        return images * int(of_set["volumes"]) // int(of_set["images"])

    @property
    def values(self) -> dict[str, float]:
        """The value of each metric by its name, for a logger."""
        return {score.metric: score.value for score in self.scores}


def shared_parameters(scores: Sequence[Measured]) -> dict[str, ParameterValue]:
    """The parameters that all of the scores have, with one value."""
    first, *others = scores
    return {
        name: value for name, value in first.parameters.items()
        if all(each.parameters.get(name) == value for each in others)
    }
