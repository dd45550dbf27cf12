"""What a folder holds by its owners' tables, before any image is read: images to use, and what is left out.

`prepare` begins with it, and a dry run ends with it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ldbench.api import Found, Reader, Skipped, SourceImage
from ldbench.data.prepare.begun import check_begun
from ldbench.data.prepare.doubts import notes_on
from ldbench.data.prepare.drawn import Drawn, draw, label_of, shortfall
from ldbench.data.prepare.enough import check_files, check_splits
from ldbench.data.prepare.manifest import (
    SKIPPED,
    Counts,
    ManifestRow,
    PreparedImage,
    rows_of,
    skipped_by_rule,
    used_and_skipped,
    write_skipped,
)
from ldbench.data.prepare.spare import lines_on_test_set
from ldbench.data.prepare.splits import Plan, hashed
from ldbench.errors import DataError, LdbenchError

_LONGEST = 100  # letters of an example's reason


@dataclass(frozen=True)
class Listing:
    """The images to use by hashed id, in its order, and with those whose file is missing; and what is left out."""

    by_id: Mapping[str, SourceImage]
    with_missing: Mapping[str, SourceImage]
    skipped: Sequence[Skipped]

    @property
    def missing(self) -> int:
        """How many files are named and not there."""
        return len(self.with_missing) - len(self.by_id)

    def rows(self, reader: Reader, plan: Plan, drawn: Drawn) -> list[ManifestRow]:
        """The manifest if every image can be read, with ids for their digests."""
        unread = [PreparedImage(source, image_id, image_id, {}) for image_id, source in self.by_id.items()]
        return rows_of(reader, plan, unread, drawn)


def list_folder(reader: Reader, root: Path, plan: Plan, *, strict: bool = False, out: Path | None = None) -> Listing:
    """Read the owners' tables below `root`. `DataError` for another layout, nothing to use, most files missing, and
    with `strict` for the first fault; where nothing is to be used, `out` gets the file that names what was left out."""
    if not root.is_dir():
        got = "a file" if root.exists() else "no such folder"
        text = f"{root}: expected the folder that holds the images of {reader.dataset}, got {got}"
        raise DataError(f"{text}; name it by --root")
    found = reader.found(root)
    skipped = [inside(root, each) for each in found.skipped]
    stop_at_fault(skipped, strict)
    if not found.images:
        raise nothing_usable(reader, root, skipped, out)
    check_files(reader, root, Found(found.images, tuple(skipped)))
    by_id = _by_id(reader, plan, found.images)
    missing = [each.image for each in found.skipped if each.image]
    return Listing(by_id, by_id | _by_id(reader, plan, [*found.images, *missing]), skipped)


def preview(reader: Reader, root: Path, out: Path, plan: Plan, *, strict: bool = False) -> Iterator[str]:
    """What `prepare` would use and leave out, line by line; no image is opened and nothing is written.

    Raises what `list_folder` raises, and what `draw`, `check_splits` and `check_begun` do, after the lines on what is
    there.
    """
    plan, root = plan.of(reader.dataset), root.resolve()
    listing = list_folder(reader, root, plan, strict=strict)
    yield f"{reader.dataset}: would go to {out}; no image was opened, nothing was written"
    try:
        drawn = draw(reader, plan, listing.with_missing)
    except LdbenchError:
        labels = Counter(label_of(reader, source) for source in listing.by_id.values())
        undrawn = {("-", "scan", label): count for label, count in sorted(labels.items())}
        yield from [*Counts(undrawn, skipped_by_rule(listing.skipped)).lines(), *examples(listing.skipped)]
        raise
    rows = listing.rows(reader, plan, drawn)
    yield from used_and_skipped(rows, listing.skipped, reader.class_attribute).lines()
    yield from lines_on_test_set(rows, plan)
    sources = [*listing.by_id.values()]
    yield from notes_on(sources, (), (), drawn.unusable, reader.class_attribute, reader.classes)
    yield from shortfall(reader, drawn, listing.with_missing, listing.by_id)
    yield from examples(listing.skipped)
    check_splits(reader, root, rows, listing.missing)
    check_begun(out, reader, plan, root)


def examples(skipped: Sequence[Skipped]) -> list[str]:
    """The first image that each rule leaves out, with its reason."""
    first: dict[str, Skipped] = {}
    for left in sorted(skipped, key=lambda left: (left.kind, left.rule, left.name)):
        first.setdefault(left.rule, left)
    return [f"the first of {rule}: {left.name}: {_short(left.reason)}" for rule, left in first.items()]


def _short(reason: str) -> str:
    """A reason in full or, where it is long, its beginning with dots."""
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 3]}..."


def nothing_usable(reader: Reader, root: Path, skipped: Sequence[Skipped], out: Path | None) -> DataError:
    """What to raise: how many images each rule left out, and the first of them; skipped.csv in `out` names them all."""
    expected = f"{reader.dataset}: expected images to use, got none"
    if not skipped:
        return DataError(f"{expected} below {root}; name the folder that holds them")
    counts = ", ".join(f"{count} {rule}" for rule, count in Counter(left.rule for left in skipped).most_common())
    first = min(skipped, key=lambda left: (left.name, left.reason))
    text = f"{expected}; left out: {counts}; the first, {first.name}: {first.reason}"
    if any(left.image for left in skipped):
        text += f"; name the folder that holds the files by --root, got {root}"
    if out is None or (out / "dataset.json").exists():  # of a data set that was finished before
        return DataError(text)
    write_skipped(out, skipped)
    return DataError(f"{text}; {out / SKIPPED} names them all")


def stop_at_fault(skipped: Sequence[Skipped], strict: bool) -> None:
    """`DataError` for the first fault, if `strict`."""
    faults = [left for left in skipped if left.kind == "fault"]
    if strict and faults:
        first = faults[0]
        raise DataError(f"{first.name}: {first.reason}; repair or remove it, or leave --strict out to skip such images")


def inside(root: Path, skipped: Skipped) -> Skipped:
    """With names below the root: where the root lies is nobody else's business."""
    reason = skipped.reason.replace(f"{root}{os.sep}", "").replace(str(root), ".")
    return replace(skipped, reason=reason.removeprefix(f"{skipped.name}: "))


def _by_id(reader: Reader, plan: Plan, images: Sequence[SourceImage]) -> dict[str, SourceImage]:
    """The images by hashed id, in its order."""
    by_id: dict[str, SourceImage] = {}
    for source in images:
        label_of(reader, source)
        other = by_id.setdefault(hashed(plan.hashed_as(reader.dataset), source.image, plan.salt), source)
        if other is not source:
            raise DataError(f"{source.name}: expected an image of its own, got {source.image!r}, as {other.name} has")
    return dict(sorted(by_id.items()))
