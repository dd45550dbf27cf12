"""The sandbox's frozen data as the wheel ships them, read by the standard library and numpy alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TASKS = Path(__file__).parents[2] / "tasks"


def images_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "images.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def manifest_of(folder: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a manifest, which has these columns."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == columns
        return list(reader)
