"""A data set in a layout of its own: ROOT/<patient>/<age>_<finding>.png."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import DataSource, Found, ParameterValue, Reader, Skipped, SourceImage

NAME = re.compile(r"(\d+)_([a-z]+)\.png")


@dataclass(frozen=True)
class WardReader:
    """Every film of a finding that a task knows."""

    size: int = 64
    dataset: str = field(default="example-ward", init=False)
    class_attribute: str = field(default="finding", init=False)
    classes: tuple[str, ...] = field(default=("clear", "effusion"), init=False)

    def found(self, root: Path) -> Found:
        """Every PNG below the root; other names and findings are left out."""
        images, skipped = [], []
        for path in sorted(root.glob("*/*.png")):
            name, match = path.relative_to(root).as_posix(), NAME.fullmatch(path.name)
            if match is None or match[2] not in self.classes:
                skipped.append(Skipped(name, "expected AGE_FINDING.png of clear or effusion", "rule", "name"))
                continue
            attributes = {"age": int(match[1]), "finding": match[2]}
            images.append(SourceImage(name, path, path.parent.name, name, attributes, float(match[1])))
        return Found.in_order(images, skipped)

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The film as it is, grey."""
        with Image.open(source.path) as picture:
            return np.asarray(picture.convert("L"), np.float32) / 255

    def settings(self) -> Mapping[str, ParameterValue]:
        """What the pixels depend on."""
        return {"size": self.size, "grey": "Pillow's L"}


def _reader() -> type[Reader]:
    return WardReader


WARD = DataSource(
    "example-ward", "Films of a ward, by patient and age.", reader=_reader,
    plan={"fractions": "0.5,0.1,0.4", "min_years": 1.0, "test_per_class": 3},
)
