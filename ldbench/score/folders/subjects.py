"""Whose the images of folders are: by a table, by a pattern on their names, or as a caller says.

Images of one subject are alike, so that intervals must count subjects (`ldbench.score.by_subject`). A wrong subject
makes them wrong without a sign: so each image of a set has one, or none of the set has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ldbench.errors import UsageError
from ldbench.records.names import unsaid
from ldbench.score.folders.tables import GENERATED, SET, Finder, Said, Say, by_order, by_table, kind_of, of_each

# a table's file, a pattern, or by set the subject of each image in the order of its names
Whose: TypeAlias = "Path | re.Pattern[str] | Mapping[str, Sequence[str | int]]"
_TRAINING = "training"
_SUBJECTS = Said("subject", "subjects", ("real", GENERATED))  # no metric asks for those of training images
_IN_TABLE = Said("subject", "subjects", (*_SUBJECTS.sets, _TRAINING))
_REMEDY = "give each one, or none of this set"


def pattern_of(text: str) -> re.Pattern[str]:
    """A pattern that finds a subject in a name; UsageError for no regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"--subject-pattern: expected a regular expression, got {text!r}: {error}") from error


def subjects_of(
    images: Mapping[str, Collection[str]], whose: Whose, say: Say = unsaid
) -> dict[str, tuple[str, ...]]:
    """By set the subject of each image, in the order of their names; none where no image of the set has one.

    `images` are the names of each set; `say` is told of further rows of a table, and of subjects that real and training
    images share. Raises `UsageError`; `DataError` for a table that cannot be read.
    """
    if isinstance(whose, re.Pattern):
        option, find = "--subject-pattern", _by_pattern(whose)
    elif isinstance(whose, Path):
        option, find = f"--subjects {whose}", by_table(whose, images, _IN_TABLE, say)
    else:
        option, find = "subjects", by_order(whose, images, _SUBJECTS)
    found = {
        name: of_each(option, _SUBJECTS, of_set, name, find, _REMEDY)
        for name, of_set in images.items() if kind_of(name) in _SUBJECTS.sets
    }
    if not any(found.values()):
        raise UsageError(f"{option}: expected the subjects of real or of generated images, got none; check their names")
    real, learnt = set(found.get("real", ())), _learnt(images, whose, find)
    if both := len(real & learnt):
        say(
            f"{option}: {both} of {len(real)} subjects of the real images are subjects of training images too: real "
            "images are then nearer to what was learnt than those of new subjects, which biases copied_share, ct, fld "
            "and what a judge says; take real images of other subjects"
        )
    return found


def _learnt(images: Mapping[str, Collection[str]], whose: Whose, find: Finder) -> set[str]:
    """The subjects of training images, as far as somebody says them: a row without a set, of an image that the real
    images have too, says it of these alone."""
    from ldbench.data.prepare.readers.csv_text import column_names

    names = images.get(_TRAINING, ())
    if isinstance(whose, Path) and SET not in column_names(whose):
        names = [image for image in names if image not in images.get("real", ())]
    return {subject for image in names if (subject := find(_TRAINING, image))}


def _by_pattern(pattern: re.Pattern[str]) -> Finder:
    def find(name: str, image: str) -> str:
        match = pattern.search(image)
        return "" if match is None else (match[1 if pattern.groups else 0] or "")

    return find
