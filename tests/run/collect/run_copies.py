"""Run folders without a run: results, what lies beside them and images, as small as they can be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ldbench.api import Score
from ldbench.records import result
from ldbench.records import units as units_file
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.run_folder import RunFolder
from ldbench.records.units import Contributions, Units


@dataclass(frozen=True)
class Copy:
    """One copy of a run: which it is, what it says, when it was made, and what lies beside it."""

    model: str = "a"
    seed: int = 0
    fid: float = 10.0
    day: int = 1
    units: bool = True
    sheet: bool = False
    images: int = 0
    version: str = "0.1.0"
    card: str = "c" * 64
    images_hash: str = "d" * 64

    def result(self) -> Result:
        """The result that it holds."""
        scores = [Score("fid", self.fid, self.fid, self.fid, 4, "lower"), Score("kid", 1.0, 1.0, 1.0, 4, "lower")]
        return Result(
            TaskRef("small", 1, "text-to-image", self.card), ModelRef(self.model, "ldbench", self.version), "measured",
            scores, seed=self.seed, split_hash="5" * 64, images_hash=self.images_hash,
            created=f"2026-01-0{self.day}T00:00:00+00:00",
        )  # fmt: skip

    def write(self, out: Path) -> RunFolder:
        """Write it where `ldbench run` would, below `out`."""
        said = self.result()
        folder = RunFolder.of(out, said.task.id, said.model, self.seed)
        folder.path.mkdir(parents=True)
        folder.result.write_text(result.dumps(said), encoding="utf-8")  # without waiting for the disk
        folder.state.write_text(json.dumps({"seed": self.seed}), encoding="utf-8")
        if self.units:
            units = Units({"cases": ("x",)}, {"fid": Contributions(self.fid, {"cases": (1.0,)})})
            units_file.write(units, folder.units)
        if self.sheet:
            folder.samples.write_bytes(b"sheet")
        if self.images:
            self._write_images(folder)
        return folder

    def _write_images(self, folder: RunFolder) -> None:
        folder.images.mkdir()
        rows = []
        for number in range(self.images):
            image = f"{self.model} {self.seed} {number}".encode()
            folder.image(f"case-{number}").write_bytes(image)
            rows.append({"file": f"images/case-{number}.png", "sha256": hashlib.sha256(image).hexdigest()})
        folder.manifest.write_text(json.dumps({"images": rows}), encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
