"""Render the sandbox's data anew and say how far they are from the frozen ones.

The frozen files are what the cards' checksums name; this shows that they are what the code makes. Another processor
or numpy may round differently, so the comparison has a tolerance: at most one pixel in a thousand may differ by more
than one grey level.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

import numpy as np
from ldbench_sandbox.brain.build import build_brain
from ldbench_sandbox.chest.build import build_chest
from ldbench_sandbox.chest.several import build_several
from ldbench_sandbox.dataset import PACKAGE
from numpy.typing import NDArray

TOLERATED_SHARE = 1e-3


def share_beyond_one_level(frozen: NDArray[np.uint8], rendered: NDArray[np.uint8]) -> float:
    """The share of pixels that differ by more than one grey level; 1 where the shapes differ."""
    if frozen.shape != rendered.shape:
        return 1.0
    difference = np.abs(frozen.astype(np.int16) - rendered.astype(np.int16))
    return float((difference > 1).mean())


def compare(frozen: Mapping[str, NDArray[np.uint8]], folder: Path) -> list[str]:
    """One line an array that is out of tolerance or missing in `folder/images.npz`."""
    complaints = []
    with np.load(folder / "images.npz", allow_pickle=False) as archive:
        for key, images in frozen.items():
            share = share_beyond_one_level(images, archive[key]) if key in archive.files else 1.0
            print(f"{folder.name}/{key}: {share:.2e} of {images.size} pixels differ by more than one grey level")
            if share > TOLERATED_SHARE:
                complaints.append(f"{folder.name}/{key}: {share:.2e} is more than {TOLERATED_SHARE:g}")
    return complaints


def main() -> int:
    """Build the data sets below --out and compare; 1 where one is out of tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    builders: dict[str, Callable[[Path], object]] = {
        "sandbox_brain": build_brain, "sandbox_chest": build_chest, "sandbox_chest_findings": build_several,
    }
    complaints = []
    for name, build in builders.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        build(folder)
        content = resources.files(PACKAGE).joinpath(name, "images.npz").read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as frozen:
            complaints += compare({key: frozen[key] for key in frozen.files}, folder)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
