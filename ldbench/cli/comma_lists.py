"""The grammar of lists on the command line: names and seeds with commas between them, seeds also as ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ldbench.errors import UsageError

_SEEDS = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def parse_names(texts: Iterable[str], option: str) -> list[str]:
    """Names from `a,b` and repeated options; raises `UsageError` for an empty one."""
    text = ",".join(texts)
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"{option}: expected names with commas between them, got {text!r}")
    return names


def parse_seeds(texts: Iterable[str]) -> tuple[int, ...]:
    """Seeds from `0,2`, `0-4` and repeated options; raises `UsageError` for one that is none or stands there twice."""
    text = ",".join(texts)
    ranges = [_range(part.strip()) for part in text.split(",")]
    seeds = tuple(seed for each in ranges for seed in each)
    if not all(ranges) or len(set(seeds)) < len(seeds):
        raise UsageError(
            f"--seeds: expected different whole numbers such as 0,2 or a range such as 0-4, got {text!r}"
        )
    return seeds


def _range(text: str) -> range:
    """The seeds of one part; empty for what is none."""
    match = _SEEDS.fullmatch(text)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
