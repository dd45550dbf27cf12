"""Folders of images that may show a disc, a bar, both or neither, and the table that says which."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.score.folders.disc_folders import SIDE

LABELS = ("disc", "bar")


def shown(count: int) -> list[tuple[int, int]]:
    """Which of both labels each image has: neither, either and both in turn."""
    return [(index % 2, index // 2 % 2) for index in range(count)]


def fill_labelled(folder: Path, count: int, seed: int) -> Path:
    """So many images, and beside the folder its table, `FOLDER.csv`."""
    random, grid = np.random.default_rng(seed), np.arange(SIDE) / SIDE
    folder.mkdir(parents=True)
    for index, (disc, bar) in enumerate(shown(count)):
        (x, y), across = random.uniform(0.35, 0.65, 2), random.uniform(0.8, 0.9)
        grey = 0.2 + 0.5 * disc * ((grid[:, None] - y) ** 2 + (grid - x) ** 2 < 0.03)
        grey = grey + 0.4 * bar * (np.abs(grid[:, None] - across) < 0.06) + random.normal(0, 0.03, (SIDE, SIDE))
        Image.fromarray((255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(folder / f"film-{index:03}.png")
    write_labels(folder.with_suffix(".csv"), shown(count))
    return folder


def write_labels(path: Path, values: Sequence[Sequence[int | str]], labels: Sequence[str] = LABELS) -> Path:
    """The table of a folder of `fill_labelled`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", *labels])
        rows.writerows([f"film-{index:03}.png", *each] for index, each in enumerate(values))
    return path
