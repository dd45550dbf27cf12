"""Reasons to doubt a prepared data set in which no single thing is wrong: notes with counts.

They leave nothing out: only those who know the data can say whether two equal pictures are one, and whether `1000` and
`1000.0` are one person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ldbench.api import SourceImage
from ldbench.data.prepare.equal_pictures import EqualPicture, lines_on
from ldbench.data.prepare.pixels.grey import BIT_DEPTH
from ldbench.data.prepare.readers.csv_text import folded
from ldbench.data.prepare.readers.folder_table import number

_NIFTI = (".nii", ".nii.gz")
_AGE = "age"  # the column that makes groups by decade and orders pairs
_NAMED = 3  # cells or spellings that a line names


def notes_on(
    images: Sequence[SourceImage], equal: Sequence[tuple[EqualPicture, ...]], taken: Sequence[Sequence[str]] = (),
    unusable_pairs: int = 0, class_attribute: str = "", classes: Sequence[str] = (),
) -> tuple[str, ...]:
    """A line for each thing `taken` on trust of some images, each attribute that isn't known of all, and each doubt;
    `equal` are groups of equal pictures, `unusable_pairs` subjects whose scans lie apart in time and not in age. The
    `class_attribute` may be text whatever it spells, and numbers where `classes` names those to use."""
    columns = _text_columns(images)
    numbers = [line for name, cells in columns.items() if name != class_attribute for line in _no_numbers(name, cells)]
    values = [line for name, cells in columns.items() for line in _respelt(name, cells)]
    of_classes = [] if classes else _numbered_classes(class_attribute, columns.get(class_attribute, Counter()))
    named = (*of_classes, *_not_for_templates({name for image in images for name in image.attributes}))
    of_images = (*_unknown(images), *numbers, *values, *named, *_mirrored(images))
    return (*_taken(taken), *of_images, *lines_on(equal), *_spellings(images), *_pairless(unusable_pairs))


def _taken(notes: Sequence[Sequence[str]]) -> list[str]:
    """How many images each note is on; a warning where the bit depth of a set differs from one picture to another."""
    counts = Counter(note for of_image in notes for note in of_image)
    lines = [f"noted    {note:38} {count:8}" for note, count in sorted(counts.items())]
    depths = [count for note, count in counts.items() if note.startswith(BIT_DEPTH)]
    if depths and max(depths) < len(notes):
        lines.append(
            "warning: not all pictures were read at one bit depth, so the same value is not the same grey; if one "
            "device made them, state it for all, as --set window=0,4095 for 12 bits"
        )
    return lines


def _mirrored(images: Sequence[SourceImage]) -> list[str]:
    """Whether NIfTI, which is turned, stands beside pictures and films, which stay as they are stored."""
    turned = sum(image.path.name.lower().endswith(_NIFTI) for image in images)
    stored = len(images) - turned
    if not turned or not stored:
        return []
    return [
        f"warning: {turned} NIfTI images stand beside {stored} pictures or DICOM images. NIfTI has the subject's left "
        "in the first column, and these mostly the right, so one part is likely the other's mirror image; prepare "
        "each part as a data set of its own, or convert all images to one format, facing one way"
    ]


def _unknown(images: Sequence[SourceImage]) -> list[str]:
    have = Counter(name for image in images for name, value in image.attributes.items() if value == value)  # no NaN
    lacking = {name: len(images) - count for name, count in sorted(have.items())}
    lines = [f"unknown  {name:38} {count:8}" for name, count in lacking.items() if count]
    if lines:
        lines.append(
            "warning: a card whose templates name an unknown attribute can't be run on these images; fill their cells "
            "or leave their rows out, and prepare again, or write templates without it. A label of a card (data.labels)"
            " may be unknown: its metrics leave such images out"
        )
    return lines


def _text_columns(images: Iterable[SourceImage]) -> dict[str, Counter[str]]:
    """The attributes of which a value is text, by name: how many images have each value that is."""
    columns: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for image in images:
        for name, value in image.attributes.items():
            if isinstance(value, str):
                columns[name][value] += 1
    return dict(sorted(columns.items()))


def _no_numbers(name: str, cells: Counter[str]) -> list[str]:
    """Whether a column is text although half or more of its cells are numbers. `007` is a code, but no age."""
    others = {cell: count for cell, count in cells.items() if number(cell) is None}
    aged = name.casefold() == _AGE
    if 2 * sum(others.values()) > cells.total() or (others and not aged and all(cell.isdecimal() for cell in others)):
        return []
    some = ", ".join(map(repr, list(others)[:_NAMED])) + (", ..." if len(others) > _NAMED else "")
    cause = f"{sum(others.values())} of {cells.total()} cells spell no number: {some}"
    lost = "; as text it makes no groups by decade, and --min-years can't order pairs by it" if aged else ""
    return [
        f"warning: the column {name!r} is text and not numbers, as "
        f"{cause if others else 'cells of rows that are left out spell none'}{lost}; correct these cells or leave them "
        "empty, and prepare again"
    ]


def _numbered_classes(name: str, cells: Counter[str]) -> list[str]:
    """Whether all classes are numbers, which may be codes, or levels of which one is no class."""
    if not cells or any(number(cell) is None for cell in cells):
        return []
    some = ", ".join(map(repr, sorted(cells)[:_NAMED])) + (", ..." if len(cells) > _NAMED else "")
    uncertain = " CheXpert's tables write -1 for uncertain: here it is a class." if {"-1", "-1.0"} & set(cells) else ""
    return [
        f"warning: the classes in the column {name!r} are numbers: {some}.{uncertain} Prompts say them as they stand; "
        "write words instead, and use some of them alone by --classes"
    ]


def _not_for_templates(names: Iterable[str]) -> list[str]:
    """The columns whose names no field of a template can have."""
    odd = sorted(name for name in names if not name.isidentifier())
    if not odd:
        return []
    some = ", ".join(map(repr, odd[:_NAMED])) + (", ..." if len(odd) > _NAMED else "")
    return [
        f"warning: no template of a card can name the columns {some}; where prompts should say them, rename them in "
        "the header to letters, digits and _, and prepare again"
    ]


def _respelt(name: str, cells: Counter[str]) -> list[str]:
    """Whether values of a column differ in case or space alone, or in how accents are encoded."""
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for cell in cells:
        spelt[folded(cell)].append(cell)
    several = [sorted(values) for values in spelt.values() if len(values) > 1]
    if not several:
        return []
    some = "; ".join(" and ".join(map(repr, values)) for values in several[:_NAMED])
    count = sum(cells[value] for values in several for value in values)
    return [
        f"warning: values of the column {name!r} differ in case or space alone: {some}, {count} images in all: each "
        "spelling is a value of its own; spell each value in one way"
    ]


def _spellings(images: Iterable[SourceImage]) -> list[str]:
    """Subjects that differ only as `1000` and `1000.0`, `s1` and `S1`, or in how accents are encoded."""
    spelt: defaultdict[str | float, Counter[str]] = defaultdict(Counter)
    for image in images:
        spelt[_person(image.subject)][image.subject] += 1
    several = [counts for counts in spelt.values() if len(counts) > 1]
    if not several:
        return []
    example = " and ".join(map(repr, sorted(several[0])[:2]))
    count = sum(counts.total() for counts in several)
    return [
        f"warning: {len(several)} subjects are spelt in two ways, as {example}, {count} images in all: each spelling "
        "is a person of its own and may be in another split; spell each subject in one way"
    ]


def _pairless(unusable_pairs: int) -> list[str]:
    if not unusable_pairs:
        return []
    return [
        f"warning: {unusable_pairs} subjects have scans far enough apart in time, but no later one with an age known "
        "to be above the first one's: they make no pair; give ages with their fractions of a year"
    ]


def _person(subject: str) -> str | float:
    text = folded(subject)
    if text.replace(".", "", 1).isdecimal():
        whole, _, part = text.partition(".")
        return f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}"
    return text
