"""Which slices of a volume are images, and which values of it are black and white.

Free of nibabel, which reads the volumes (`ldbench.data.volumes.slices`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ldbench.api import ParameterValue
from ldbench.data.prepare.pixels.grey import PERCENTILE

Plane = Literal["axial", "coronal", "sagittal"]
SUFFIXES = (".nii.gz", ".nii")
PLANES: tuple[Plane, ...] = get_args(Plane)
PERCENTILES = (0.5, 99.5)  # those of `ldbench data prepare`


@dataclass(frozen=True)
class Cut:
    """So many slices along each of `planes`, spread evenly from `low` to `high` % of the volume's extent.

    `window` is "LOW,HIGH", the values that become black and white, or "percentile".
    """

    planes: tuple[Plane, ...]
    count: int = 16
    low: float = 20.0
    high: float = 80.0
    window: str = PERCENTILE

    @property
    def slices(self) -> str:
        """Which slices of a plane, as `--slices` takes it."""
        return f"{self.count}:{self.low:g}-{self.high:g}"

    @property
    def options(self) -> dict[str, ParameterValue]:
        """What an answer tells of it."""
        return {"volumes": ",".join(self.planes), "slices": self.slices, "window": self.window}

    def indices(self, depth: int) -> list[int]:
        """The places of the slices among `depth` layers; where these are too few, some stand there twice."""
        start, step = self.low / 100, (self.high - self.low) / 100 / self.count
        return [int((start + (place + 0.5) * step) * depth) for place in range(self.count)]
