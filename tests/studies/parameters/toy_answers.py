"""The toys by name, and what searches and figures with them leave behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TOY, SEE_THROUGH = f"{Path(__file__).with_name('toy.py')}:Toy", f"{Path(__file__).with_name('toy.py')}:SeeThrough"


def fits(out: Path) -> list[str]:
    return sorted(line for path in out.rglob("fits/*/fits") for line in path.read_text(encoding="utf-8").split())


def inked(path: Path) -> float:
    """The share of pixels that are not white."""
    with Image.open(path) as image:
        return float((np.asarray(image) < 250).any(axis=2).mean())
