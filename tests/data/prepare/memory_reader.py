"""A reader that draws what it is asked for: few pixels, faults where they are asked for, a log of what was read."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Found, Skipped, SourceImage
from ldbench.data.prepare.splits import Plan
from ldbench.errors import ImageError

PLAN = Plan(fractions=(0.5, 0.1, 0.4), test_per_class=5, min_years=1.0)


@dataclass(frozen=True)
class MemoryReader:
    """`subjects` people of three scans each, a year and a half apart; `log` collects the names that were read."""

    subjects: int = 40
    size: int = 8
    log: Path | None = None
    pause: float = 0.0
    broken: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    backwards: bool = False

    dataset = "memory"
    class_attribute = "diagnosis"
    classes = ("CN", "AD")

    def found(self, root: Path) -> Found:
        """Everyone, and two that are left out."""
        images = [self._source(root, person, visit) for person in range(self.subjects) for visit in range(3)]
        skipped = (
            Skipped("z/lost.raw", f"can't read {root}/z/lost.raw: gone", "fault", "missing-file"),
            Skipped("z/side.raw", "a lateral view", "rule", "frontal"),
        )
        return Found(tuple(reversed(images)) if self.backwards else tuple(images), skipped)

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """Noise that follows from the name."""
        time.sleep(self.pause)
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{source.name}\n")
        if source.name in self.broken:
            raise ImageError(f"{source.path}: expected pixels, got dust; clean it")
        if source.name in self.blank:
            return np.full((self.size, self.size), 0.5, np.float32)
        noise = np.random.default_rng(list(os.fsencode(source.name)))
        return noise.random((self.size, self.size), dtype=np.float32)

    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The size alone decides pixels."""
        return {"size": self.size}

    def _source(self, root: Path, person: int, visit: int) -> SourceImage:
        name = f"SUBJECT{person:04}/scan{visit}.raw"
        diagnosis = "AD" if person % 2 else "CN"
        age = 70 + person / 7.3 + 1.5 * visit  # no two alike
        attributes = {"diagnosis": diagnosis, "age": age, "visits": 3}
        return SourceImage(name, root / name, f"SUBJECT{person:04}", name, attributes, age)


class LosslessReader(MemoryReader):
    """The same without anything left out while listing."""

    def found(self, root: Path) -> Found:
        """Everyone."""
        return Found(super().found(root).images, ())
