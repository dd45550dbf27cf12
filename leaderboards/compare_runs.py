"""How far two runs of the same generator are apart: pixels and scores.

    python -m leaderboards.compare_runs RUN_FOLDER OTHER_RUN_FOLDER

For runs that differ in batch size, device or interruption. Prints how many images and pixels differ, the largest
difference in grey levels, and each score beside its counterpart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ldbench.records.result import read


def pixels(folder: Path) -> dict[str, np.ndarray]:
    """Every image of a run, `(H, W, 3) uint8`, by case id."""
    return {path.stem: np.asarray(Image.open(path)) for path in sorted((folder / "images").glob("*.png"))}


def main(first: Path, second: Path) -> None:
    """Print the comparison."""
    ours, theirs = pixels(first), pixels(second)
    assert ours.keys() == theirs.keys(), "the runs hold different cases"
    gaps = [np.abs(ours[key].astype(int) - theirs[key].astype(int)) for key in ours]
    differing, total = sum(int((gap > 0).sum()) for gap in gaps), sum(gap.size for gap in gaps)
    print(f"images {len(gaps)}, differing {sum(bool(gap.any()) for gap in gaps)}")
    largest = max(int(gap.max()) for gap in gaps)
    print(f"values {total}, differing {differing}, largest difference {largest} grey levels")
    results = read(first / "result.json"), read(second / "result.json")
    values, other = ({score.metric: score.value for score in result.scores} for result in results)
    for metric in [name for name in values if name in other]:
        gap = values[metric] - other[metric]
        print(f"{metric}: {values[metric]:.6g} and {other[metric]:.6g}, difference {gap:+.3g}")
    for metric in sorted(values.keys() ^ other.keys()):
        print(f"{metric}: scored in one of the two runs alone")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
