"""What of a prepared data set is drawn from the owners' tables before any image is read: the test set and the pairs."""

from __future__ import annotations

import numbers
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ldbench.api import Reader, SourceImage
from ldbench.data.prepare.splits import Candidate, Plan, draw_order, draw_test_set, split_of
from ldbench.errors import DataError, unknown_name

_NAMED = 5  # images that a line names
_YEARS_DUST = 1e-6  # ages are differences of dates divided by 365.25


@dataclass(frozen=True)
class Drawn:
    """What is drawn from the owners' tables before any image is read, by hashed ids: the test set, and of each pair the
    first and the later image. Which files happen to be readable has no say in it.

    The later image is the first in hash order of those that follow the first image by at least the plan's years. Taking
    always the last would make all intervals long, taking always the next would make them short. Where the data have
    ages, an image whose age isn't known to be above the first one's makes no pair, as nothing would be asked;
    `unusable` counts subjects that have such images only.
    """

    test_set: frozenset[str]
    pairs: tuple[tuple[str, str], ...]
    unusable: int = 0

    def missed(self, usable: Collection[str]) -> list[str]:
        """The ids of the test images that turned out not to be usable."""
        return sorted(self.test_set.difference(usable))


def label_of(reader: Reader, source: SourceImage) -> str:
    """An image's class as text. `DataError` where the reader gave it none."""
    if reader.class_attribute not in source.attributes:
        got = ", ".join(sorted(source.attributes)) or "none"
        raise DataError(f"{source.name}: expected the attribute {reader.class_attribute!r}, got {got}")
    return str(source.attributes[reader.class_attribute])


def draw(reader: Reader, plan: Plan, images: Mapping[str, SourceImage]) -> Drawn:
    """The test set and the pairs of all images that the tables name, by id.

    `DataError` where there are too few, `UnknownNameError` for a test class that no image has.
    """
    by_subject: defaultdict[str, dict[str, SourceImage]] = defaultdict(dict)
    for image_id, source in images.items() if plan.min_years is not None else ():
        by_subject[source.subject][image_id] = source
    aged = any(_age(source) is not None for of_subject in by_subject.values() for source in of_subject.values())
    pairs, unusable = [], 0
    for of_subject in by_subject.values():
        first, later = _apart(of_subject, plan.min_years or 0.0)
        older = [each for each in later if _is_older(of_subject[each], of_subject[first])] if aged else later
        if older:
            pairs.append((first, min(older, key=draw_order)))
        elif later:
            unusable += 1
    return Drawn(_test_set(reader, plan, images), tuple(sorted(pairs)), unusable)


def _apart(images: Mapping[str, SourceImage], min_years: float) -> tuple[str, list[str]]:
    """A subject's first image, and those `min_years` or more after it; none where no image is dated."""
    dated = [(source.years, image_id) for image_id, source in images.items() if source.years is not None]
    if not dated:
        return "", []
    start, first = min(dated)
    return first, [image_id for years, image_id in dated if years - start >= min_years - _YEARS_DUST]


def _is_older(image: SourceImage, first: SourceImage) -> bool:
    before, after = _age(first), _age(image)
    return before is not None and after is not None and after > before


def _age(image: SourceImage) -> float | None:
    """The age at an image, where it is known as a number."""
    age = image.attributes.get("age")
    return float(age) if isinstance(age, numbers.Real) and age == age else None


def shortfall(reader: Reader, drawn: Drawn, images: Mapping[str, SourceImage], usable: Collection[str]) -> list[str]:
    """A line on the test images that were drawn and are not usable, by class and by the owners' names; none if none."""
    missed = drawn.missed(usable)
    if not missed:
        return []
    counts = Counter(label_of(reader, images[one]) for one in missed)
    classes = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
    names = sorted(images[one].name for one in missed)
    named = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return [
        f"warning: {len(missed)} of the {len(drawn.test_set)} test images that were drawn are not usable ({classes}): "
        f"{named}; none takes their place, so repair these files before you compare with others"
    ]


def _test_set(reader: Reader, plan: Plan, images: Mapping[str, SourceImage]) -> frozenset[str]:
    candidates = [
        Candidate(image_id, source.subject, label_of(reader, source))
        for image_id, source in images.items()
        if split_of(plan.hashed_as(reader.dataset), source.subject, plan.salt, plan.fractions) == "test"
    ]
    labels = {label_of(reader, source) for source in images.values()}
    if plan.test_classes and (absent := [name for name in plan.test_classes if name not in labels]):
        raise unknown_name("class", absent[0], labels, "no image has it; correct --test-classes or the table")
    named = plan.test_classes or (reader.classes if plan.test_per_class is not None else ())
    classes = named or sorted(labels)
    return frozenset(draw_test_set(candidates, classes, plan.test_per_class, plan.images_a_subject))
