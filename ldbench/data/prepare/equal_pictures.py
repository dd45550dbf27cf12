"""Pictures whose prepared files are the same byte by byte, where that is a reason to doubt the data.

They stand in two splits, or have several classes. doubts.csv names them, with the owners' names, for the user's own
eyes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.data.prepare.manifest import ManifestRow, PreparedImage, csv_text
from ldbench.records.files import write_text_atomic

DOUBTS = "doubts.csv"


@dataclass(frozen=True, order=True)
class EqualPicture:
    """A picture that equals another one: its name below the root, its split and its class."""

    name: str
    split: str
    label: str


def equal_pictures(
    prepared: Iterable[PreparedImage], rows: Iterable[ManifestRow], class_attribute: str
) -> list[tuple[EqualPicture, ...]]:
    """The groups of equal pictures in two splits or of several classes, each by name, and the groups by their first."""
    names = {image.image_id: image.source.name for image in prepared}
    by_content: defaultdict[str, list[EqualPicture]] = defaultdict(list)
    for row in rows:
        if row.role != "later":  # it repeats a scan's file
            label = str(row.attributes[class_attribute])
            by_content[row.sha256].append(EqualPicture(names[row.image_id], row.split, label))
    groups = (tuple(sorted(group)) for group in by_content.values())
    return sorted(group for group in groups if _several(group, "split") or _several(group, "label"))


def lines_on(groups: Sequence[tuple[EqualPicture, ...]]) -> list[str]:
    """A warning of pictures that stand in two splits, and one of those that have several classes."""
    said = {
        "split": (
            "in two splits", "a test image that is trained on says nothing; give its copies one subject, or leave them "
            "out"
        ),
        "label": (
            "under several classes", "nothing that is learnt or measured can be right of both; correct the table, or "
            "leave them out"
        ),
    }
    lines = []
    for what, (where, why) in said.items():
        if several := [group for group in groups if _several(group, what)]:
            first = several[0][0]
            other = next(each for each in several[0] if getattr(each, what) != getattr(first, what))
            pair = " and ".join(f"{each.name} ({getattr(each, what)})" for each in (first, other))
            stand = "picture stands" if len(several) == 1 else "pictures stand"
            lines.append(
                f"warning: {len(several)} identical {stand} {where}, {sum(map(len, several))} images in all, such as "
                f"{pair}: {why}; {DOUBTS} names all"
            )
    return lines


def write_doubts(folder: Path, groups: Sequence[tuple[EqualPicture, ...]]) -> None:
    """Write doubts.csv, a line an image, those of one number equal; none where there is nothing to doubt."""
    path = folder / DOUBTS
    if groups or path.exists():  # of an earlier preparation
        rows = (
            (str(number), each.name, each.split, each.label)
            for number, group in enumerate(groups, 1) for each in group
        )
        write_text_atomic(path, csv_text(("picture", "name", "split", "class"), rows), private=True)


def _several(group: Sequence[EqualPicture], what: str) -> bool:
    return len({getattr(each, what) for each in group}) > 1
