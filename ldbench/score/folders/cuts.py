"""How volumes are cut into slices, as options say it: along which planes, where, and what is black and white."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from ldbench.data.prepare.pixels.grey import FILE, PERCENTILE, stated_window
from ldbench.data.volumes.cut import PLANES, Cut, Plane
from ldbench.errors import UsageError, unknown_name

_SLICES = re.compile(r"(?P<count>\d+)(?::(?P<low>\d+(?:\.\d+)?)-(?P<high>\d+(?:\.\d+)?))?")


def cut_of(planes: Sequence[str], slices: str | int | None, window: str | None) -> Cut | None:
    """How volumes are cut; None where no planes are named, as images need none. `UsageError` for what cannot be."""
    if not planes:
        for option, given in (("slices", slices), ("window", window)):
            if given is not None:
                raise UsageError(
                    f"--{option} {given}: expected planes to cut along, got none; name them with --volumes"
                )
        return None
    for plane in planes:
        if plane not in PLANES:
            raise unknown_name("plane", plane, PLANES, "name them with --volumes")
    if len(set(planes)) < len(planes):
        raise UsageError(f"--volumes {','.join(planes)}: expected different planes, got one twice; drop it")
    plain = Cut(cast("tuple[Plane, ...]", tuple(planes)))
    count, low, high = (plain.count, plain.low, plain.high) if slices is None else _slices(str(slices), plain)
    return Cut(plain.planes, count, low, high, PERCENTILE if window is None else _window(window))


def _slices(text: str, plain: Cut) -> tuple[int, float, float]:
    match = _SLICES.fullmatch(text)
    if match is not None:
        count = int(match["count"])
        low, high = (float(match[name] or getattr(plain, name)) for name in ("low", "high"))
        if count and low < high <= 100:
            return count, low, high
    raise UsageError(
        f"--slices: expected how many and between which % of the extent, such as {plain.slices} or {plain.count}, got "
        f"{text!r}"
    )


def _window(text: str) -> str:
    if text == FILE:
        raise UsageError(f"--window: expected {PERCENTILE} or LOW,HIGH, got {FILE!r}, which no volume states")
    stated_window(text, "--window")
    return text
