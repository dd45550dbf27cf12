"""Reasons why values of two folders of images mean less than they seem to, a line each.

Images are compared by the digest of their pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ldbench.api import Metric
from ldbench.score.subgroups.set_scores import FEWEST_OF_A_SET


def shared(folders: Mapping[str, Path], pixels: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    """What is to be said of images that lie in two folders; copies of training images are a metric's business."""
    said = {
        ("generated", "real"): "every value says how near images are to themselves",
        ("real", "training"): "a generator that copies them has the best values",
    }
    for (name, other), why in said.items():
        there = set(pixels.get(other, ()))
        if equal := sum(one in there for one in pixels[name]):
            yield (
                f"{equal} of {len(pixels[name])} {name} images are, pixel by pixel, {other} images too "
                f"({folders[name]}, {folders[other]}): {why}"
            )


def few(metrics: Sequence[Metric], pixels: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    """A warning where the sets are small and some metrics' values depend on the number of images."""
    count = min(len(pixels["real"]), len(pixels["generated"]))
    names = [metric.name for metric in metrics if metric.groups in ("equal", "excess")]
    if names and count < FEWEST_OF_A_SET:
        yield (
            f"{count} images are few: the value of {', '.join(names)} depends on their number; compare it with values "
            f"of as many images alone, or give {FEWEST_OF_A_SET} or more"
        )
