"""The source as another visit would have found it: the same scan, lain a little otherwise, and not a day older.

A reference row for scans that were not aligned: what the pose of a head alone costs on each metric, below which no
score tells of ageing or disease. It turns and shifts one prepared slice in its plane. It cannot nod the head or tilt
it, for one slice holds nothing of the planes beside it; two scans of one head differ by that as well, so they differ
by more than this row shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from ldbench.api import Case, Context, Generator, Request
from ldbench.errors import GeneratorError

from .bounds import Bounds, check_bounds


@dataclass
class Repositioned(Generator):
    """The source under a rigid movement drawn by the request's seed.

    The turn is normal with a standard deviation of `degrees`; the shifts along both axes with one of `shift`, a part of
    the image's side (0.02 is 5 mm where the side is 256 mm).
    """

    degrees: float = 3.0
    shift: float = 0.02

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "A prompt alone has no source to move."
    reference: ClassVar[bool] = True
    bounds: ClassVar[Mapping[str, Bounds]] = {"degrees": Bounds(0, 45), "shift": Bounds(0, 0.5)}

    def __post_init__(self) -> None:
        """Raises UsageError for movements that no head makes."""
        check_bounds(self, self.bounds)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Each case's source, moved, `(N, 3, H, W)`."""
        return torch.stack([self._moved(request) for request in requests])

    def _moved(self, request: Request) -> torch.Tensor:
        draw = torch.Generator(device="cpu").manual_seed(request.seed)
        turn, across, down = torch.randn(3, generator=draw, dtype=torch.float64).tolist()
        return moved(_source(request.case), turn * self.degrees, across * self.shift, down * self.shift)


def moved(image: torch.Tensor, degrees: float, across: float, down: float) -> torch.Tensor:
    """An image `(C, H, H)` turned clockwise about its middle, then shifted right and down by parts of its side.

    Bicubic, black beyond the border, clipped to [0, 1].
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # where each pixel comes from, in coordinates from -1 to 1
    back = torch.tensor([[cosine, sine], [-sine, cosine]], dtype=torch.float64)
    start = -back @ torch.tensor([2 * across, 2 * down], dtype=torch.float64)
    theta = torch.cat([back, start[:, None]], 1).to(image)
    grid = F.affine_grid(theta[None], [1, *image.shape], align_corners=False)
    return F.grid_sample(image[None], grid, mode="bicubic", padding_mode="zeros", align_corners=False)[0].clamp(0, 1)


def _source(case: Case) -> torch.Tensor:
    if case.source is None:
        raise GeneratorError("repositioned: expected a source image in every case")
    return case.source
