"""Which class each image of folders is to show: by the subfolder that it lies in, by a table, or as a caller says.

A class that one set has and another lacks would be left out of what is averaged over classes, or trained for nothing.
So each image has a class, and the sets have the same ones. Training images alone may have none: then nothing learns
from their classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Literal, TypeAlias

from ldbench.errors import UsageError
from ldbench.records.names import unsaid
from ldbench.score.folders.tables import (
    GENERATED,
    Finder,
    Said,
    Say,
    by_order,
    by_table,
    check_sets,
    kind_of,
    of_each,
    some_of,
)

FOLDERS = "folders"
_Folders: TypeAlias = 'Literal["folders"]'
# subfolders, a table's file, or by set either subfolders or the class of each image in the order of its names
Classed: TypeAlias = "_Folders | Path | Mapping[str, _Folders | Sequence[str | int]]"
_TRAINING = "training"
_CLASSES = Said("class", "classes", ("real", GENERATED, _TRAINING))
_REMEDY = "put each image in a subfolder of its class's name, or give --classes a table with columns image and class"


def classes_of(
    images: Mapping[str, Collection[str]], given: Classed, say: Say = unsaid
) -> dict[str, tuple[str, ...]]:
    """By set the class of each image, in the order of their names; none of training images where none has one.

    `images` are the names of each set, paths below its folder; `say` is told of further rows of a table. Raises
    `UsageError`, also for sets of other classes and for fewer than two of them; `DataError` for a table that cannot be
    read.
    """
    option = _CLASSES.several if isinstance(given, Mapping) else f"--{_CLASSES.several} {said_by(given)}"
    find = _finder(option, images, given, say)
    found = {name: of_each(option, _CLASSES, of_set, name, find, _REMEDY) for name, of_set in images.items()}
    for name, of_set in found.items():
        if not of_set and kind_of(name) != _TRAINING:
            raise UsageError(
                f"{option}: expected a class of each of the {name} images, got none of {some_of(list(images[name]))}; "
                f"{_REMEDY}"
            )
    _check_same(option, found)
    return found


def said_by(given: Classed) -> str:
    """What says the classes: "folders", a table's path, or "given" for a caller."""
    return "given" if isinstance(given, Mapping) else str(given)


def class_names(labels: Collection[str]) -> tuple[str, ...]:
    """The classes that are met, sorted."""
    return tuple(sorted(set(labels)))


def _check_same(option: str, labels: Mapping[str, Sequence[str]]) -> None:
    """`UsageError` where a set that has classes has one alone, or others than the first set."""
    by_set = {name: set(each) for name, each in labels.items() if each}
    for name, classes in by_set.items():
        if len(classes) < 2:
            raise UsageError(
                f"{option}: expected two or more classes of the {name} images, got {', '.join(classes)} alone; name "
                "the folder that has a subfolder a class, or leave --classes out"
            )
    first, *others = by_set
    for name in others:
        for has, lacks in permutations((first, name)):
            if more := sorted(by_set[has] - by_set[lacks]):
                raise UsageError(
                    f"{option}: expected the same classes in all sets, got {some_of(more)} among the {has} images and "
                    f"not among the {lacks} ones; {_remedy_of_other(more, by_set[lacks])}"
                )


def _remedy_of_other(classes: Sequence[str], there: Collection[str]) -> str:
    """What to do about classes that a set lacks, whose own classes are `there`: one may be spelt otherwise."""
    spelt = {each.casefold(): each for each in there}
    for name in classes:
        if other := spelt.get(name.casefold()):
            return f"{other} is another class than {name}: write its name alike, in upper and lower case too"
    return "give both sets images of each class"


def _finder(option: str, images: Mapping[str, Collection[str]], given: Classed, say: Say) -> Finder:
    if isinstance(given, Path):
        if not given.exists():
            raise UsageError(f"{option}: expected {FOLDERS}, or a CSV table, got no file of this name; correct it")
        return by_table(given, images, _CLASSES, say)
    if isinstance(given, str):
        return _subfolder
    check_sets(given, _CLASSES)
    in_folders = {name for name, each in given.items() if isinstance(each, str)}
    if other := next((each for each in given.values() if isinstance(each, str) and each != FOLDERS), None):
        raise UsageError(f"classes: expected {FOLDERS!r} or the class of each image of a set, got {other!r}; name one")
    listed = {name: each for name, each in given.items() if not isinstance(each, str)}
    find = by_order(listed, images, _CLASSES)
    return lambda name, image: _subfolder(name, image) if kind_of(name) in in_folders else find(name, image)


def _subfolder(name: str, image: str) -> str:
    """The first folder on an image's path; "" where it lies in none."""
    folder, slash, _ = image.partition("/")
    return folder if slash else ""
