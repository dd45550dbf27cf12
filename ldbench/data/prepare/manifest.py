"""What is written of a prepared data set besides its images: manifest.csv, dataset.json, skipped.csv, and, where
anything was observed of the images, observed.csv.

All but skipped.csv hold hashed ids and names inside the folder alone, so they may be shown; skipped.csv names
the owners' files, for the user's own eyes. Rows are sorted by id, so the order in which images came leaves no trace.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import numbers
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

from ldbench import __version__
from ldbench.api import Attributes, Reader, Skipped, SourceImage
from ldbench.data.prepare.drawn import Drawn
from ldbench.data.prepare.observations import Observations
from ldbench.data.prepare.splits import Plan, hashed, split_of
from ldbench.data.prepared import COLUMNS
from ldbench.records.files import write_text_atomic

FORMAT = 1
SKIPPED = "skipped.csv"
OBSERVED = "observed.csv"


@dataclass(frozen=True)
class PreparedImage:
    """An image that was prepared: its source, its hashed id, the SHA-256 of its PNG, and what was observed of it."""

    source: SourceImage
    image_id: str
    sha256: str
    observations: Observations = field(default_factory=dict)


@dataclass(frozen=True)
class ManifestRow:
    """One line of the manifest.

    Roles: `scan`; `spare`, an image of the test split that the test set was not given; `later`, the second image of a
    pair, which repeats a scan's file under an id of its own and names in `source` the image it follows.
    """

    image_id: str
    subject: str
    split: str
    role: str
    source: str
    file: str
    sha256: str
    attributes: Attributes


@dataclass(frozen=True)
class Counts:
    """How many images by split, role and class, and how many were left out by kind and rule."""

    used: Mapping[tuple[str, str, str], int]
    skipped: Mapping[tuple[str, str], int]

    def lines(self) -> list[str]:
        """As text, a line a row."""
        lines = [f"{'':8} {'split':10} {'role':6} {'class':20} {'images':>8}"]
        lines += [f"used     {split:10} {role:6} {label:20} {n:8}" for (split, role, label), n in self.used.items()]
        return lines + [f"skipped  {kind:10} {rule:27} {n:8}" for (kind, rule), n in self.skipped.items()]


def used_and_skipped(rows: Iterable[ManifestRow], skipped: Iterable[Skipped], class_attribute: str) -> Counts:
    """The counts of a manifest's rows and of what was left out."""
    used = Counter((row.split, row.role, str(row.attributes[class_attribute])) for row in rows)
    return Counts(dict(sorted(used.items())), skipped_by_rule(skipped))


def skipped_by_rule(skipped: Iterable[Skipped]) -> dict[tuple[str, str], int]:
    """How many images each kind and rule left out, in their order."""
    return dict(sorted(Counter((image.kind, image.rule) for image in skipped).items()))


@dataclass(frozen=True)
class Summary:
    """What was prepared, what there is to say of its test set, and further notes."""

    dataset: str
    folder: Path
    manifest_sha256: str
    counts: Counts
    notes: tuple[str, ...] = ()
    on_test_set: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The summary as text, a line a row."""
        lines = [f"{self.dataset}: {self.folder}", f"manifest SHA-256 {self.manifest_sha256}"]
        lines += [*self.counts.lines(), *self.on_test_set, *self.notes]
        return [*lines, f"each skipped image is named in {self.folder / SKIPPED}"] if self.counts.skipped else lines


def file_of(image_id: str) -> str:
    """Where an image lies in the prepared folder."""
    return f"images/{image_id}.png"


def rows_of(reader: Reader, plan: Plan, prepared: Sequence[PreparedImage], drawn: Drawn) -> list[ManifestRow]:
    """Every line of the manifest, by image id. A pair of which an image is not usable is none."""
    rows = [_row(reader, plan, image, "scan", "") for image in prepared]
    spare = {row.image_id for row in rows if row.split == "test"} - drawn.test_set
    rows = [replace(row, role="spare") if row.image_id in spare else row for row in rows]
    by_id = {image.image_id: image for image in prepared}
    rows += [
        _row(reader, plan, by_id[later], "later", first)
        for first, later in drawn.pairs if first in by_id and later in by_id
    ]
    return sorted(rows, key=lambda row: row.image_id)


def write(
    folder: Path, reader: Reader, plan: Plan, size: tuple[int, int], rows: Sequence[ManifestRow],
    skipped: Sequence[Skipped], observed: Mapping[str, Observations] | None = None, missed: int = 0,
) -> Summary:
    """Write the files, dataset.json last: it vouches for the manifest. `observed` is what was seen, by image id;
    `missed` test images were drawn and are not usable."""
    types = attribute_types(row.attributes for row in rows)
    manifest = csv_text((*COLUMNS, *types), (_cells(row, types) for row in rows))
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    summary = Summary(reader.dataset, folder, digest, used_and_skipped(rows, skipped, reader.class_attribute))
    write_skipped(folder, skipped)
    if observed:
        write_text_atomic(folder / OBSERVED, _observed(observed))
    write_text_atomic(folder / "manifest.csv", manifest)
    write_text_atomic(folder / "dataset.json", _description(reader, plan, size, types, summary, observed or {}, missed))
    return summary


def observed_of(prepared: Iterable[PreparedImage]) -> dict[str, Observations]:
    """What was observed of the images of which anything was, by id."""
    return {image.image_id: image.observations for image in prepared if image.observations}


def _observed(observed: Mapping[str, Observations]) -> str:
    names = sorted({name for seen in observed.values() for name in seen})
    rows = ([image_id, *(str(seen.get(name, "")) for name in names)] for image_id, seen in sorted(observed.items()))
    return csv_text(("image_id", *names), rows)


def _ranges(observed: Mapping[str, Observations]) -> dict[str, dict[str, float]]:
    """Least, median and greatest of every number that was observed."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for seen in observed.values():
        for name, value in seen.items():
            if not isinstance(value, str):
                values[name].append(value)
    return {
        name: {"least": min(sample), "median": median(sample), "greatest": max(sample)}
        for name, sample in sorted(values.items())
    }


def write_skipped(folder: Path, skipped: Iterable[Skipped]) -> None:
    """Write skipped.csv, which names what was left out."""
    lines = sorted((image.name, image.reason, image.kind, image.rule) for image in skipped)
    write_text_atomic(folder / SKIPPED, csv_text(("name", "reason", "kind", "rule"), lines), private=True)


def attribute_types(attributes: Iterable[Attributes]) -> dict[str, str]:
    """Each attribute's type over all images: `integer`, `number`, or `text` as soon as one value is text."""
    rank = {"integer": 0, "number": 1, "text": 2}
    types: dict[str, str] = {}
    for values in attributes:
        for name, value in values.items():
            kind = "integer" if isinstance(value, numbers.Integral) else "number"
            kind = kind if isinstance(value, numbers.Real) else "text"
            types[name] = max(types.get(name, kind), kind, key=rank.__getitem__)
    return dict(sorted(types.items()))


def _row(reader: Reader, plan: Plan, image: PreparedImage, role: str, source: str) -> ManifestRow:
    dataset = plan.hashed_as(reader.dataset)
    name = image.image_id if not source else hashed(dataset, f"{source} {image.image_id}", plan.salt)
    subject = hashed(dataset, image.source.subject, plan.salt)
    attributes = {key: value for key, value in image.source.attributes.items() if value == value}  # NaN isn't known
    split = split_of(dataset, image.source.subject, plan.salt, plan.fractions)
    file = file_of(image.image_id)
    return ManifestRow(name, subject, split, role, source, file, image.sha256, attributes)


def _cells(row: ManifestRow, types: Mapping[str, str]) -> list[str]:
    cells = [row.image_id, row.subject, row.split, row.role, row.source, row.file, row.sha256]
    return cells + [_cell(row.attributes[name], kind) if name in row.attributes else "" for name, kind in types.items()]


def _cell(value: str | int | float, kind: str) -> str:
    """Numbers as Python spells them, so that they come back the same; numpy's would spell their type."""
    if kind == "integer":
        return str(int(value))
    return repr(float(value)) if kind == "number" else str(value)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _description(
    reader: Reader, plan: Plan, size: tuple[int, int], types: Mapping[str, str], summary: Summary,
    observed: Mapping[str, Observations], missed: int,
) -> str:
    of_plan = {key: value for key, value in asdict(plan).items() if key != "split_as" or value}
    choices = {"settings": dict(reader.settings()), "plan": of_plan}
    recipe = json.dumps([reader.dataset, choices], sort_keys=True)
    used: dict[str, dict[str, dict[str, int]]] = {}
    for (split, role, label), count in summary.counts.used.items():
        used.setdefault(split, {}).setdefault(role, {})[label] = count
    table = {
        "format": FORMAT, "dataset": reader.dataset, "ldbench": __version__,
        "revision": hashlib.sha256(recipe.encode()).hexdigest()[:12], **choices, "size": list(size),
        "class_attribute": reader.class_attribute, "attributes": dict(types), "used": used,
        "skipped": [{"kind": kind, "rule": rule, "count": n} for (kind, rule), n in summary.counts.skipped.items()],
        "manifest_sha256": summary.manifest_sha256,
        **({"observed": _ranges(observed)} if observed else {}),
        **({"test_images_missed": missed} if missed else {}),
    }
    return json.dumps(table, indent=2, sort_keys=True, allow_nan=False) + "\n"
