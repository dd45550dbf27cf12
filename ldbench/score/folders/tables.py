"""What somebody says of each image of folders, whose it is or what it shows: in a table, or in the order of the images.

A table may be of a whole data set of which the folders hold a part: further rows are left out, and counted. But where
a row without a set fits images of several folders, nobody knows whether it is meant for all of them, and such a table
is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from ldbench.errors import UsageError

GENERATED = "generated"  # the first set of generated images; further ones are "generated 2" and so on
Finder = Callable[[str, str], str]  # what is said of an image, by the name of its set and its own; "" for nothing
Say = Callable[[str], object]  # takes a line about a table
_IMAGE, SET = "image", "set"
_OF_MANIFEST = "image_id"  # what the manifest of `ldbench data prepare` calls an image
_NAMED = 3


@dataclass(frozen=True)
class Said:
    """What is said of an image: the `column` of a table that says it, and of which kinds of `sets` somebody may.

    `several` is the plural of the column: it is what the option is called.
    """

    column: str
    several: str
    sets: tuple[str, ...]


def kind_of(name: str) -> str:
    """What a set holds, by its name: all sets of generated images are "generated"."""
    return name.partition(" ")[0]


def of_each(option: str, said: Said, images: Collection[str], name: str, find: Finder, remedy: str) -> tuple[str, ...]:
    """What is said of each image of a set, in their order; none where nothing is said of any.

    `UsageError` where something is said of some alone.
    """
    found = tuple(intern(find(name, image)) for image in images)  # one text for all images that share it
    without = [image for image, one in zip(images, found, strict=True) if not one]
    if not without or len(without) == len(found):
        return () if without else found
    raise UsageError(
        f"{option}: expected a {said.column} of each of the {name} images, got none of {some_of(without)}; {remedy}"
    )


def by_table(path: Path, images: Mapping[str, Collection[str]], said: Said, say: Say) -> Finder:
    """By a table of the user's, or by a manifest, which calls nothing a set.

    `images` are the names of each set; `say` is told of further rows. Raises `UsageError`; `DataError` for a table that
    cannot be read.
    """
    from ldbench.data.prepare.readers.csv_text import known

    option = f"--{said.several} {path}"
    rows = read_rows(option, path, images, said, [said.column], say)
    of_image = dict[tuple[str, str], str]()
    for image, of_row, one in zip(rows.images, rows.places, rows.columns[said.column], strict=True):
        for place in of_row:
            if of_image.setdefault(place, known(one)) != known(one):
                raise UsageError(f"{option}: expected one {said.column} of {image}, got two; drop a row")
    return lambda name, image: of_image.get((name, image), "")


@dataclass(frozen=True)
class Rows:
    """The rows of a table that name images of the sets: what each calls its image, the sets that it is of with its name
    there, the line of the file on which it begins, and cells by column."""

    images: Sequence[str]
    places: Sequence[Sequence[tuple[str, str]]]
    lines: Sequence[int]
    columns: Mapping[str, Sequence[str]]


def read_rows(
    option: str, path: Path, images: Mapping[str, Collection[str]], said: Said, columns: Sequence[str], say: Say
) -> Rows:
    """The `columns` of a table, by the images that its rows name. Says and raises as `by_table`."""
    from ldbench.data.image_folder import SUFFIXES
    from ldbench.data.prepare.readers.csv_text import column_names, read_csv
    from ldbench.data.volumes.cut import SUFFIXES as OF_VOLUMES

    name_column = column_of_images(column_names(path))
    manifest = name_column == _OF_MANIFEST
    needed, optional = (name_column, *columns), () if manifest else (SET,)
    table = read_csv(path, f"a table of images and {said.several}", needed, optional, others=False)
    named = table.columns[name_column]
    places, unknown = list[list[tuple[str, str]]](), list[str]()
    measured = {"", *map(kind_of, images)}  # rows of another set are for a call that measures it too
    for image, name in zip(named, _sets(option, table.columns.get(SET, [""] * len(named)), said), strict=True):
        suffix = next((each for each in (*SUFFIXES, *OF_VOLUMES) if image.lower().endswith(each)), "")
        stem = image[: len(image) - len(suffix)]
        places.append([(each, stem) for each in images if name in ("", kind_of(each)) and stem in images[each]])
        if not places[-1] and not manifest and name in measured:
            unknown.append(image)
    if unknown:
        say(_further(option, unknown, len(named), places, images))
    kept = [row for row, of_row in enumerate(places) if of_row]
    return Rows(
        [named[row] for row in kept], [places[row] for row in kept], [table.lines[row] for row in kept],
        {name: [table.columns[name][row] for row in kept] for name in columns},
    )


def _further(
    option: str, unknown: Sequence[str], count: int, places: Sequence[Sequence[tuple[str, str]]],
    images: Mapping[str, Collection[str]],
) -> str:
    """The line that counts the rows, of `count`, whose images are in no set.

    `UsageError` where no row fits, and where a row fits sets of several kinds.
    """
    said = f"{option}: expected names of {', '.join(images)} images, got {some_of(unknown)}"
    if not any(places):
        first = next(iter(next(iter(images.values()))))
        raise UsageError(f"{said}; correct them: a name is the path below its folder, {first} say")
    several = next((of_row[0][1] for of_row in places if len({kind_of(name) for name, _ in of_row}) > 1), None)
    if several is not None:
        raise UsageError(
            f"{said}; drop these rows, or say in a column {SET!r} of which set each row is, since {several} is in "
            "several folders"
        )
    return f"{option}: {len(unknown)} of {count} rows are left out, whose images are in no folder: {some_of(unknown)}"


def column_of_images(names: Collection[str]) -> str:
    """The column of a table with these columns that names the images: a manifest has another one."""
    return _OF_MANIFEST if _OF_MANIFEST in names and _IMAGE not in names else _IMAGE


def _sets(option: str, names: Sequence[str], said: Said) -> Iterable[str]:
    """The set that each row names, "" for any."""
    if other := next((name for name in names if name not in (*said.sets, "")), None):
        raise UsageError(f"{option}: expected {_any_of(said)} as set, got {other!r}; correct it")
    return names


def by_order(
    given: Mapping[str, Sequence[str | int]], images: Mapping[str, Collection[str]], said: Said
) -> Finder:
    """By kind of set what is said of each image, in the order of their names. Raises `UsageError`."""
    check_sets(given, said)
    of_image = dict[tuple[str, str], str]()
    for name in (each for each in images if kind_of(each) in given):
        of_set = given[kind_of(name)]
        if len(of_set) != len(images[name]):
            raise UsageError(
                f"{said.several}: expected one of each of the {len(images[name])} {name} images, got {len(of_set)}; "
                "give them in the order of the images' names"
            )
        of_image |= {(name, image): str(one) for image, one in zip(images[name], of_set, strict=True)}
    return lambda name, image: of_image.get((name, image), "")


def check_sets(given: Iterable[str], said: Said) -> None:
    """`UsageError` where something is said of a set that nothing is said of."""
    if other := next((name for name in given if name not in said.sets), None):
        raise UsageError(f"{said.several}: expected {said.several} of {_any_of(said)}, got {other!r}; name one of them")


def some_of(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _any_of(said: Said) -> str:
    *others, last = said.sets
    return f"{', '.join(others)} or {last}"
