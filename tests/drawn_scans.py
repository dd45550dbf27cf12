"""A small data set for the network of a task's own scans: who is who can be learnt from it in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ldbench.api import Dataset, Record
from ldbench.task.scan_network_spec import ScanNetworkSpec

SIDE = 16
QUICK = ScanNetworkSpec(epochs=1, batch_size=6, side=SIDE)


def attributes(subject: int) -> dict[str, str | int | float]:
    return {"age": 40 + subject, "diagnosis": ("CN", "AD")[subject % 2]}


@dataclass(frozen=True)
class Drawn:
    """Twelve subjects with two noisy images each of a pattern of their own; three more in the test split."""

    splits: tuple[str, ...] = ("train", "test")
    name: str = "drawn"

    @property
    def records(self) -> list[Record]:
        """Two a subject."""
        of_split = {"train": range(12), "test": range(12, 15)}
        return [
            Record(f"{subject}-{visit}", f"s{subject}", split, "scan", attributes(subject), 2 * subject + visit)
            for split in self.splits for subject in of_split[split] for visit in range(2)
        ]

    def only(self, split: str) -> Drawn:
        """The images of one split."""
        return Drawn((split,))

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split."""
        return self.only(split).records

    def image(self, record: Record) -> npt.NDArray[np.float32]:
        """The subject's pattern of 4 x 4 blocks, with noise."""
        pattern = np.random.default_rng(int(record.subject[1:])).uniform(0.1, 0.9, (4, 4))
        noise = np.random.default_rng(1000 + record.index).normal(0, 0.02, (SIDE, SIDE))
        grey = (np.kron(pattern, np.ones((4, 4))) + noise).clip(0, 1).astype(np.float32)
        return np.repeat(grey[None], 3, axis=0)


def drawn(data: Drawn | None = None) -> Dataset:
    found: Any = data or Drawn()
    return found  # type: ignore[no-any-return]
