"""A third party's simulator: discs whose size is their class, shown as they are and under the other class."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ldbench.api import DataSource, Progress, Record, Simulator, silent
from ldbench.errors import DataError, UsageError

SIDE, PUBLIC_SEED = 16, 1
SIZES = {"train": 12, "validation": 4, "test": 24}
CLASSES = ("small", "large")
CARD = '''id = "{id}"
version = 3
kind = "{kind}"
title = "Discs"
summary = "Discs."
citation = "none"

[data]
dataset = "{dataset}"
revision = "1"
source = "drawn"
licence = "none"
split = "by subject"
class_attribute = "size"
classes = ["small", "large"]

[protocol]
resolution = 16
channels = "grey-as-rgb"
quantisation = "8-bit, round half up"
cases = {cases}
evaluation_cases = {cases}
prompt_style = "simple"
patient_information = true
templates = ["a {{size}} disc"]
backbone = "none"
'''
EDITED = '''
[edit]
attribute = "size"
role = "other"
neutral = "small"
instructions = ["make it {target_size}"]

[metrics.psnr]

[metrics.minimality]

[metrics.composition]
cases = 4

[metrics.reversibility]
cases = 4
'''
FROM_TEXT = "\n[metrics.fid]\nextractor = \"efficientnet-lite0\"\nresize = 224\n"


def card(folder: Path, *, text_to_image: bool = False) -> Path:
    """A card on discs, as a file: edits of the 24 test discs, or 12 discs from text."""
    kind, rest, cases = ("text-to-image", FROM_TEXT, 12) if text_to_image else ("disease-counterfactual", EDITED, 24)
    path = folder / f"discs-{kind}.toml"
    text = CARD.format(id=path.stem, kind=kind, dataset=f"{Path(__file__).resolve()}:DISCS", cases=cases)
    path.write_text(text + rest, encoding="utf-8")
    return path


@dataclass(frozen=True)
class Discs:
    """All images of a seed's discs, `(N, H, W) uint8`."""

    name: str
    records: tuple[Record, ...]
    images: NDArray[np.uint8]

    def select(self, split: str, role: str = "scan") -> list[Record]:
        return [record for record in self.records if (record.split, record.role) == (split, role)]

    def only(self, split: str) -> Discs:
        return Discs(self.name, tuple(record for record in self.records if record.split == split), self.images)

    def size(self, record: Record) -> tuple[int, int]:
        return SIDE, SIDE

    def image(self, record: Record) -> NDArray[np.float32]:
        return np.repeat(self.images[record.index][None].astype(np.float32) / 255.0, 3, axis=0)


def draw(seed: int, splits: Collection[str] = tuple(SIZES)) -> Discs:
    """The discs of a seed."""
    records, images = [], []
    for split, size in SIZES.items():
        if split not in splits:
            continue
        for number in range(size):
            rng = np.random.default_rng([seed, list(SIZES).index(split), number])
            subject = f"{split}{number}-{sha256(str(seed).encode()).hexdigest()[:6]}"
            texture, centre = rng.integers(0, 60, (SIDE, SIDE)), rng.uniform(6, 9, 2)
            own = CLASSES[number % 2]
            for role in ("scan", "other") if split == "test" else ("scan",):
                shown = own if role == "scan" else CLASSES[1 - CLASSES.index(own)]
                inside = np.hypot(*(np.indices((SIDE, SIDE)) - centre[:, None, None])) < (3 if shown == "small" else 5)
                records.append(Record(f"{subject}-{role}", subject, split, role, {"size": shown}, len(images)))
                images.append((texture + 150 * inside).astype(np.uint8))
    return Discs("discs", tuple(records), np.stack(images))


def _render(
    folder: Path, *, seed: int, revision: str, splits: Collection[str], processes: int, progress: Progress = silent
) -> None:
    if revision != "1":
        raise UsageError(f"discs: expected revision 1, got {revision!r}")
    discs = draw(seed, splits)
    np.save(folder / "images.npy", discs.images)
    (folder / "records.json").write_text(json.dumps([vars(record) for record in discs.records]), encoding="utf-8")


def _read(folder: Path, checksums: Mapping[str, str]) -> Discs:
    for name, expected in checksums.items():
        if not (folder / name).is_file() or sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise DataError(f"{folder / name}: expected SHA-256 {expected[:12]}")
    records = json.loads((folder / "records.json").read_text(encoding="utf-8"))
    return Discs("discs", tuple(Record(**record) for record in records), np.load(folder / "images.npy"))


@functools.cache
def _public() -> Discs:
    return draw(PUBLIC_SEED)


DISCS = DataSource("discs", "Discs.", load=lambda checksums: _public(), simulator=Simulator(_render, _read))
WITHOUT = DataSource("discs", "Discs, and nothing that draws new ones.", load=lambda checksums: _public())
