"""Reasons why values of volumes' slices mean less than they seem to, a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from ldbench.score.folders.sets import FolderSet, MeasuredSet

if TYPE_CHECKING:
    from ldbench.data.volumes.folder import VolumePlane

_REACH = 1.1  # by this factor two extents may differ without a word
_DIRECTIONS = ("from left to right", "from back to front", "from bottom to top")


def of_volumes(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """What is to be said of slices: some show nothing, and volumes lie or reach otherwise than the real ones."""
    cut = {
        name: each.volumes for name, each in sets.items() if isinstance(each, FolderSet) and each.volumes is not None
    }
    for name, each in cut.items():
        if blank := sum(each.blank):
            yield (
                f"{blank} of {len(each)} {name} {each.plane} slices show nothing, one level all over, and are "
                "alike whoever made them: narrow --slices to where something is"
            )
    for name in (each for each in cut if each != "real" and "real" in cut):
        yield from _unlike(name, cut["real"], cut[name])


def _unlike(name: str, real: VolumePlane, other: VolumePlane) -> Iterator[str]:
    axes = [Counter(lie.axes for lie in each.volumes.lies).most_common(1)[0][0] for each in (real, other)]
    if axes[0] != axes[1]:
        yield (
            f"by headers the axes of most real volumes lead to {axes[0]}, those of most {name} ones to {axes[1]}: "
            "each volume is turned by its header; where that was made up, slices lie otherwise than they should"
        )
    reach = [_extent([lie.extent for lie in each.volumes.lies]) for each in (real, other)]
    for direction, one, two in zip(_DIRECTIONS, *reach, strict=True):
        if max(one, two) > _REACH * min(one, two):
            yield (
                f"real volumes reach {one:.0f} mm {direction}, {name} ones {two:.0f} mm, at the median: slices at the "
                "same share of both show other places; give both the same field of view"
            )


def _extent(extents: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(median(along) for along in zip(*extents, strict=True))
