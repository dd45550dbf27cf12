"""What a file of statistics says of the real images and of their features, and which of it must hold for others too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ldbench.api import ParameterValue
from ldbench.data.preparation import PreparationSummary
from ldbench.data.volumes.cut import Cut
from ldbench.errors import UsageError
from ldbench.score.folders.form import Channels, Conditions
from ldbench.score.folders.one_size import Fit
from ldbench.score.metrics.group_statistics import GroupStatistics
from ldbench.score.metrics.intervals import Subjects
from ldbench.task.card import ViewingConditions

SCHEMA_VERSION = 1
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class FeaturesRecord:
    """Which features a metric compares: of which network, which sees images of `resize` pixels, and how many.

    `parameters` are what that network does, with the digest of its weights, the viewing conditions that hold, and the
    digest of its code where it is somebody else's.
    """

    extractor: str
    resize: int
    features: int
    parameters: Mapping[str, ParameterValue]


@dataclass(frozen=True)
class ReferenceRecord:
    """All that a file says beside its numbers.

    `images` is the number of real images, `height` and `width` their size as they were measured; `subjects` counts
    their subjects, None where nobody said whose they are. `sha256` is the digest of all their names and pixels, that of
    a folder's answer. `arithmetic` is the device that computed their features. `metrics` has the features of each
    metric by its name. `volumes` says how the images were cut from volumes, if they were.
    """

    schema_version: int
    ldbench: str
    images: int
    subjects: int | None
    sha256: str
    height: int
    width: int
    side: int | None
    fit: Fit | None
    channels: Channels
    viewing: ViewingConditions | None
    prepared: PreparationSummary
    arithmetic: str
    metrics: Mapping[str, FeaturesRecord]
    volumes: Cut | None = None

    def in_files(self, images: int) -> tuple[int, str]:
        """A number of images as that of the files that hold them, and what such a file is called."""
        return (images, "image") if self.volumes is None else (images // self.volumes.count, "volume")


@dataclass(frozen=True)
class Reference:
    """Real images of which no more than statistics is known; among sets of images it stands where theirs would.

    `where` is the file's path. `statistics` are those of each metric by its name.
    """

    where: str
    record: ReferenceRecord
    statistics: Mapping[str, GroupStatistics]
    pixels: tuple[bytes, ...] = ()  # no digest of an image is kept
    units: tuple[str, ...] = ()  # nor a name
    notes: tuple[str, ...] = ()  # lines about the table of subjects, while the file is made

    @property
    def count(self) -> int:
        """How many images there are."""
        return self.record.images

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return "image" if self.record.volumes is None else "slice"

    def in_files(self, images: int) -> tuple[int, str]:
        """A number of images as that of the files that hold them, and what such a file is called."""
        return self.record.in_files(images)

    @property
    def class_counts(self) -> dict[str, int]:
        """None: statistics have no classes."""
        return {}

    @property
    def label_counts(self) -> dict[str, dict[str, int]]:
        """None: nor have they labels."""
        return {}

    @property
    def size(self) -> tuple[int, int]:
        """Their height and width."""
        return self.record.height, self.record.width

    @property
    def prepared(self) -> PreparationSummary:
        """How they were prepared."""
        return self.record.prepared

    @property
    def subjects(self) -> Subjects:
        """Subjects of the images that make the same groups as theirs; None where no two images share one."""
        return next(iter(self.statistics.values())).subjects_n

    @property
    def described(self) -> dict[str, str | int]:
        """The set as an answer tells of it."""
        subjects = {} if self.record.subjects is None else {"subjects": self.record.subjects}
        volumes = {} if self.record.volumes is None else {"volumes": self.in_files(self.count)[0]}
        return {
            "folder": self.where, "images": self.record.images, "ignored": 0, "sha256": self.record.sha256, **volumes,
            **subjects,
        }

    def cut(self, asked: Cut | None) -> Cut | None:
        """How volumes are cut, as the real ones were; `UsageError` where it is asked for otherwise."""
        own = self.record.volumes
        if asked is not None and own is None:
            raise UsageError(
                f"--volumes {','.join(asked.planes)}: expected a folder of real volumes, got statistics of images "
                f"({self.where}); name the folder, or ask for a file of volumes"
            )
        if asked is not None and asked != own:
            raise UsageError(
                f"--volumes: expected that of the real volumes in {self.where}, {_cut(own)}, got {_cut(asked)}; "
                f"{_REMEDY}"
            )
        return own

    def conditions(self, asked: Conditions) -> Conditions:
        """The conditions of the real images, which hold for others too; `UsageError` where others are asked for."""
        record = self.record
        if asked.viewing not in (None, record.viewing):
            raise UsageError(
                f"--blur, --noise: expected those of the real images in {self.where}, {_spelt(record.viewing)}, got "
                f"{_spelt(asked.viewing)}; {_REMEDY}"
            )
        sides = {record.side, record.height if record.height == record.width else record.side}
        return Conditions(
            self._same("side", asked.side, record.side, sides), self._same("fit", asked.fit, record.fit, {record.fit}),
            self._same("channels", asked.channels, record.channels, {record.channels}),
            record.viewing,
        )

    def _same(self, option: str, asked: _Value | None, own: _Value, allowed: set[_Value]) -> _Value:
        """What is asked for, else what the real images have."""
        if asked is None:
            return own
        if asked not in allowed and (option, own) != ("fit", None):  # images that were square before have any fit
            expected = f"{self.record.width} x {self.record.height} pixels" if option == "side" else own
            raise UsageError(
                f"--{option} {asked}: expected that of the real images in {self.where}, {expected}; {_REMEDY}"
            )
        return asked


_REMEDY = "leave it out, or ask for a file that was made so"


def _cut(given: Cut | None) -> str:
    return "" if given is None else ", ".join(f"{name} {each}" for name, each in given.options.items())


def _spelt(viewing: ViewingConditions | None) -> str:
    return "none" if viewing is None else f"blur {viewing.blur:g} and noise {viewing.noise:g}"
