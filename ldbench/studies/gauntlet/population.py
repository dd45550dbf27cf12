"""Failures of the whole set: each image is real, but the images together are not what the real ones are.

Copies of the training scans belong here, and what mixes several scans into one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ldbench.studies.gauntlet.appearance import moved, with_noise
from ldbench.studies.gauntlet.failure import Images, Indices, Material, NotPossibleError, Scans

_STEP = 32  # scans that are read at a time where a whole class is looked through


def averaged(material: Material, scans: float, random: np.random.Generator) -> Images:
    """Each image is the mean of so many training scans of its class."""
    def mean(label: str) -> Images:
        members = material.of_class(label)
        return np.asarray(material.train[_drawn(members, int(scans), random)].mean(axis=0), np.float32)

    return np.stack([mean(label) for label in material.labels])


def collapsed(material: Material, distinct: float, random: np.random.Generator) -> Images:
    """Each class shows so many distinct images, repeated."""
    labels = np.array(material.labels)
    results = material.perfect.copy()
    for label in dict.fromkeys(material.labels):
        members = random.permutation(np.flatnonzero(labels == label))
        results[members] = material.perfect[np.resize(members[: int(distinct)], len(members))]
    return results


def without_tails(material: Material, kept: float, random: np.random.Generator) -> Images:
    """Training scans of each class from the share that is nearest to the class's mean image."""
    typical = {label: _nearest(material, label, kept) for label in dict.fromkeys(material.labels)}
    return _scans(material, typical, material.labels, random)


def _nearest(material: Material, label: str, kept: float) -> Indices:
    members = material.of_class(label)
    mean = np.float32(0)
    for images in _in_turn(material.train, members):
        mean = np.add.reduce(np.concatenate([np.broadcast_to(mean, (1, images.shape[1])), images]))
    mean = mean / np.float32(len(members))
    far = [((images - mean) ** 2).sum(axis=1) for images in _in_turn(material.train, members)]
    order = np.argsort(np.concatenate(far), kind="stable")
    return np.asarray(members[order[: max(round(kept * len(members)), 2)]])


def _in_turn(scans: Scans, members: Indices) -> Iterator[Images]:
    """The scans of some indices as rows of pixels, a few at a time: a whole class need not fit in memory."""
    for first in range(0, len(members), _STEP):
        images = scans[members[first : first + _STEP]]
        yield images.reshape(len(images), -1)


def of_one_class(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the images shows the first class, whatever was asked for; training scans."""
    classes = list(dict.fromkeys(material.labels))
    count = round(share * len(material.labels))
    others = np.resize(np.array(classes[1:]), len(material.labels) - count)
    labels = random.permutation([*[classes[0]] * count, *others.tolist()])
    return _scans(material, {label: material.of_class(label) for label in classes}, labels.tolist(), random)


def swapped(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of each class changes places with images of other classes: the set stays, the requests are missed."""
    labels = np.array(material.labels)
    chosen = []
    for label in dict.fromkeys(material.labels):
        members = random.permutation(np.flatnonzero(labels == label))
        chosen.append(members[: round(share * len(members))])
    order = np.concatenate(chosen)
    results = material.perfect.copy()
    results[order] = material.perfect[np.roll(order, max(map(len, chosen)))]
    return results


def of_another_modality(material: Material, share: float, random: np.random.Generator) -> Images:
    """This share of the images comes from another data set."""
    if material.elsewhere is None:
        raise NotPossibleError("no other data set with images of this size is installed")
    results = material.perfect.copy()
    chosen = random.permutation(len(results))[: round(share * len(results))]
    results[chosen] = material.elsewhere[_drawn(np.arange(len(material.elsewhere)), len(chosen), random)]
    return results


def copies(material: Material, share: float, random: np.random.Generator) -> Images:
    """Training scans of the classes, and labels, asked for, as they are."""
    return _scans(material, *material.alike(), random)


def shifted_copies(material: Material, distance: float, random: np.random.Generator) -> Images:
    """The same, moved to the right by `distance` 64ths of the side."""
    return moved(copies(material, 1, random), distance * material.step)


def noisy_copies(material: Material, deviation: float, random: np.random.Generator) -> Images:
    """The same with white noise."""
    return with_noise(copies(material, 1, random), deviation, random)


def copies_of_test(material: Material, share: float, random: np.random.Generator) -> Images:
    """The test scans themselves, whatever was asked for."""
    return material.test[_drawn(np.arange(len(material.test)), len(material.perfect), random)]


def _scans(
    material: Material, pool: dict[str, Indices], labels: tuple[str, ...] | list[str], random: np.random.Generator
) -> Images:
    """A training scan from the pool of each label's class; none twice while there are others."""
    chosen = np.empty(len(labels), np.int64)
    for label, members in pool.items():
        places = np.flatnonzero(np.array(labels) == label)
        chosen[places] = _drawn(members, len(places), random)
    return material.train[chosen]


def _drawn(members: Indices, count: int, random: np.random.Generator) -> Indices:
    """`count` of the members in random order, repeated only where there are too few."""
    return np.resize(random.permutation(members), count)
