"""Which class a subject's places in the test set go to, so that the rarest class has as many images as it can.

A subject that was CN at one visit and AD at another can stand for either, but not for both where one image a subject is
allowed. In hash order alone its place may go to the class that has plenty. So places are moved from class to class, on
paths of one subject or several, until no path helps the class that has fewest: then no other choice would give it more
(Harvey et al. 2006, J. Algorithms 59:53). The number of images that are asked for has no say in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Places:
    """One subject's images of each class in the order of the draw, and how many of each, the first ones, are taken."""

    images: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)

    def add(self, label: str, image: str, most: int) -> None:
        """A further image, in the order of the draw, taken where the subject has fewer than `most` so far."""
        self.images.setdefault(label, []).append(image)
        self.taken[label] = self.taken.get(label, 0) + (sum(self.taken.values()) < most)

    def could_take(self, label: str) -> str | None:
        """The next image of a class; None where it has no other."""
        images = self.images.get(label, [])
        count = self.taken.get(label, 0)
        return images[count] if count < len(images) else None

    def move(self, source: str, target: str) -> None:
        """Give a place of one class to another one."""
        self.taken[source] -= 1
        self.taken[target] += 1


def balance(subjects: Sequence[Places], classes: Sequence[str]) -> None:
    """Move places between the classes until the one with fewest can't have more; equal choices by order alone."""
    mixed = [subject for subject in subjects if len(subject.images) > 1]
    counts = {label: sum(subject.taken.get(label, 0) for subject in subjects) for label in classes}
    while path := _path(mixed, counts):
        for subject, source, target in path:
            subject.move(source, target)
            counts[source] -= 1
            counts[target] += 1


def _path(mixed: Sequence[Places], counts: dict[str, int]) -> list[tuple[Places, str, str]]:
    """The moves that give a class with fewest one more, from a class with two more or by way of others; or none."""
    fewest = min(counts.values(), default=0)
    for rarest in (label for label, count in counts.items() if count == fewest):
        reached: dict[str, list[tuple[Places, str, str]]] = {rarest: []}
        waiting = [rarest]
        while waiting:
            target = waiting.pop(0)
            for source in counts:
                giver = None if source in reached else _giver(mixed, source, target)
                if giver is None:
                    continue
                reached[source] = [(giver, source, target), *reached[target]]
                if counts[source] > fewest + 1:
                    return reached[source]
                waiting.append(source)
    return []


def _giver(mixed: Sequence[Places], source: str, target: str) -> Places | None:
    """The first subject that has a place of one class and another image of the other one."""
    able = (one for one in mixed if one.taken.get(source, 0) and one.could_take(target) is not None)
    return next(able, None)
