"""Folders of images that tests of two folders share: discs on noise, unlike each other and alike as sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ldbench.api import Score
from ldbench.score.folders.measure import Folders, measure_folders
from ldbench.score.folders.scores import FolderScores
from ldbench.score.set_inputs import ScoringContext

CONTEXT = ScoringContext(torch.device("cpu"), 0)
SIDE = 32
CLASSES = ("bright", "dark")
NETWORKED = ("fid", "coverage", "copied_share", "authpct", "intra_fid")


def fill(folder: Path, count: int, seed: int, side: int = SIDE) -> Path:
    """Discs of random size and place on noise: unlike each other, and alike as sets."""
    random, grid = np.random.default_rng(seed), np.arange(side) / side
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        (x, y), radius = random.uniform(0.3, 0.7, 2), random.uniform(0.1, 0.3)
        disc = ((grid[:, None] - y) ** 2 + (grid - x) ** 2 < radius**2) * random.uniform(0.4, 0.9)
        levels = (255 * np.clip(disc + random.normal(0, 0.03, disc.shape), 0, 1)).astype(np.uint8)
        Image.fromarray(levels).save(folder / f"image-{index:03}.png")
    return folder


def fill_classes(folder: Path, count: int, seed: int) -> Path:
    """A class of discs, and one with black and white exchanged, `count` images each in a subfolder of its name."""
    for place, label in enumerate(CLASSES):
        for file in sorted(fill(folder / label, count, 10 * seed + place).iterdir()):
            if place:
                Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    return folder


def measured(root: Path, *metrics: str, generated: str = "generated", **options: object) -> FolderScores:
    asked = Folders(root / "real", root / generated, **options)  # type: ignore[arg-type]
    small = {name: {"resize": str(SIDE)} for name in metrics if name in NETWORKED}
    return measure_alone(asked, CONTEXT, metrics, settings=small)


def measure_alone(*asked: Any, **options: Any) -> FolderScores:
    """The scores of a single generated folder."""
    [found] = measure_folders(*asked, **options)
    return found


def one(found: FolderScores) -> Score:
    [score] = found.scores
    return score
