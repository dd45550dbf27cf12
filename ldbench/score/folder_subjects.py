"""Whose the images of folders are: by a table, by a pattern on their names, or as a caller says.

Images of one subject are alike, so that intervals must count subjects (`ldbench.score.by_subject`). A wrong subject
makes them wrong without a sign: so each image of a set has one, or none of the set has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ldbench.errors import UsageError

# a table's file, a pattern, or by set the subject of each image in the order of its names
Whose: TypeAlias = "Path | re.Pattern[str] | Mapping[str, Sequence[str | int]]"
GENERATED = "generated"  # the first set of generated images; further ones are "generated 2" and so on
_SETS = ("real", GENERATED)  # no metric asks for the subjects of training images
_IMAGE, _SUBJECT, _SET = "image", "subject", "set"
_OF_MANIFEST = "image_id"  # what the manifest of `ldbench data prepare` calls an image
_NAMED = 3


def pattern_of(text: str) -> re.Pattern[str]:
    """A pattern that finds a subject in a name; UsageError for no regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"--subject-pattern: expected a regular expression, got {text!r}: {error}") from error


def kind_of(name: str) -> str:
    """What a set holds, by its name: all sets of generated images are "generated"."""
    return name.partition(" ")[0]


def subjects_of(images: Mapping[str, Collection[str]], whose: Whose) -> dict[str, tuple[str, ...]]:
    """By set the subject of each image, in the order of their names; none where no image of the set has one.

    `images` are the names of each set. Raises `UsageError`; `DataError` for a table that cannot be read.
    """
    if isinstance(whose, re.Pattern):
        option, find = "--subject-pattern", _by_pattern(whose)
    elif isinstance(whose, Path):
        option, find = f"--subjects {whose}", _by_table(whose, images)
    else:
        option, find = "subjects", _by_order(whose, images)
    found = {name: _of_set(option, of_set, name, find) for name, of_set in images.items() if kind_of(name) in _SETS}
    if not any(found.values()):
        raise UsageError(f"{option}: expected the subjects of real or of generated images, got none; check their names")
    return found


def subject_line(images: Mapping[str, Mapping[str, str | int]]) -> str:
    """One line that counts the subjects of each set of `FolderScores.images`; "" where nobody said any."""
    counts = [
        f"{each['subjects']} in {each['images']} {name} images" for name, each in images.items() if "subjects" in each
    ]
    return f"subjects: {', '.join(counts)}" if counts else ""


def _of_set(option: str, images: Collection[str], name: str, find: Callable[[str, str], str]) -> tuple[str, ...]:
    subjects = tuple(find(name, image) for image in images)
    without = [image for image, subject in zip(images, subjects, strict=True) if not subject]
    if not without or len(without) == len(subjects):
        return () if without else subjects
    raise UsageError(
        f"{option}: expected a subject of each of the {name} images, got none of {_named(without)}; give each one, or "
        "none of this set"
    )


def _by_pattern(pattern: re.Pattern[str]) -> Callable[[str, str], str]:
    def find(name: str, image: str) -> str:
        match = pattern.search(image)
        return "" if match is None else (match[1 if pattern.groups else 0] or "")

    return find


def _by_table(path: Path, images: Mapping[str, Collection[str]]) -> Callable[[str, str], str]:
    from ldbench.data.image_folder import SUFFIXES
    """Subjects by a table of the user's, or by a manifest, which names further images, and calls nothing a set."""
    from ldbench.data.prepare.readers.csv_text import column_names, known, read_csv

    names = column_names(path)
    manifest = _OF_MANIFEST in names and _IMAGE not in names
    needed, optional = ((_OF_MANIFEST, _SUBJECT), ()) if manifest else ((_IMAGE, _SUBJECT), (_SET,))
    columns = read_csv(path, "a table of images and subjects", needed, optional, others=False).columns
    of_image, unknown = dict[tuple[str, str], str](), list[str]()
    for image, subject, name in zip(*(columns[each] for each in needed), _sets(path, columns), strict=True):
        stem = image[: -len(Path(image).suffix)] if Path(image).suffix.lower() in SUFFIXES else image
        places = [each for each in images if name in ("", kind_of(each)) and stem in images[each]]
        if not places and not manifest:
            unknown.append(image)
        for place in places:
            if of_image.setdefault((place, stem), known(subject)) != known(subject):
                raise UsageError(f"--subjects {path}: expected one subject of {image}, got two; drop a row")
    if unknown:
        raise UsageError(
            f"--subjects {path}: expected names of {', '.join(images)} images, got {_named(unknown)}; drop these rows"
        )
    return lambda name, image: of_image.get((name, image), "")


def _sets(path: Path, columns: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """The set that each row names, "" for any."""
    names = columns.get(_SET, [""] * len(columns[_SUBJECT]))
    if other := next((name for name in names if name not in (*_SETS, "")), None):
        raise UsageError(f"--subjects {path}: expected {' or '.join(_SETS)} as set, got {other!r}; correct it")
    return names


def _by_order(
    whose: Mapping[str, Sequence[str | int]], images: Mapping[str, Collection[str]]
) -> Callable[[str, str], str]:
    if other := next((name for name in whose if name not in _SETS), None):
        raise UsageError(f"subjects: expected subjects of {' or '.join(_SETS)}, got {other!r}; name one of them")
    of_image = dict[tuple[str, str], str]()
    for name in (each for each in images if kind_of(each) in whose):
        subjects = whose[kind_of(name)]
        if len(subjects) != len(images[name]):
            raise UsageError(
                f"subjects: expected one of each of the {len(images[name])} {name} images, got {len(subjects)}; "
                "give them in the order of the images' names"
            )
        of_image |= {(name, image): str(subject) for image, subject in zip(images[name], subjects, strict=True)}
    return lambda name, image: of_image.get((name, image), "")


def _named(images: Sequence[str]) -> str:
    rest = len(images) - _NAMED
    return ", ".join(images[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
