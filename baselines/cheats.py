"""Cheats as reference rows: what memorising, repeating and patching training scans together would score.

None is a model and none is ranked. Where one of them is as good as a trained row, the metric says little of that row,
and the board says which one it is. `real` repeats whole training scans, each once, and is the bound for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Case, Request, TrainingSet

from .bounds import SHARE, Bounds, check_bounds
from .references import OfTrainingScans


@dataclass
class _Cheat(OfTrainingScans):
    """A row for prompts: an edited scan is not among the training scans."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "An edited scan is not among the training scans; copy-source and other-subject cheat there."
    bounds: ClassVar[Mapping[str, Bounds]] = {}

    def __post_init__(self) -> None:
        check_bounds(self, self.bounds)

    def _alike(self, case: Case) -> list[int]:
        """The training scans that differ from the case in the fewest words (diagnosis, sex), in the set's order."""
        words = {name: value for name, value in case.attributes.items() if isinstance(value, str)}
        differing = [sum(scan.get(name) != value for name, value in words.items()) for scan in self._attributes]
        fewest = min(differing)
        return [index for index, count in enumerate(differing) if count == fewest]


@dataclass
class Copies(_Cheat):
    """Training scans moved to the right by some pixels, with faint noise: copies that no comparison of files finds."""

    bounds: ClassVar[Mapping[str, Bounds]] = {"shift": Bounds(0), "noise": SHARE}

    shift: int = 1
    noise: float = 0.005

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        image = train[_one_of(self._alike(request.case), _source(request))].image
        drawn = torch.randn((1, *image.shape[1:]), generator=_source(request))
        return (torch.roll(image, self.shift, dims=-1) + self.noise * drawn).clamp(0, 1)


@dataclass
class Collapse(_Cheat):
    """A few training scans for each combination of classes, repeated: `images` says how many."""

    bounds: ClassVar[Mapping[str, Bounds]] = {"images": Bounds(1)}

    images: int = 5

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        return train[_one_of(self._alike(request.case)[: self.images], _source(request))].image


@dataclass
class Chimera(_Cheat):
    """The left half of one training scan beside the right half of another one of the same classes."""

    def _image(self, train: TrainingSet, request: Request) -> torch.Tensor:
        source, alike = _source(request), self._alike(request.case)
        image, other = (train[_one_of(alike, source)].image for _ in range(2))
        middle = image.shape[-1] // 2
        return torch.cat([image[..., :middle], other[..., middle:]], dim=-1)


def _source(request: Request) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(request.seed)


def _one_of(indices: Sequence[int], source: torch.Generator) -> int:
    return indices[int(torch.randint(len(indices), (1,), generator=source))]
