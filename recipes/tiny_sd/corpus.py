"""The corpus: picture `index` of `seed`, 64 x 64 pixels and its caption, the same on every machine.

About a third is black and white (photos and pencil sketches), so that the autoencoder carries luminance detail. Nothing
medical is in it: scenes, captions and their word list are everyday by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .captions import styled
from .finish import apply_style
from .scenes import (
    Scene,
    Studio,
    bare_pattern,
    bare_surface,
    build_studio,
    landscape,
    leaves_on_ground,
    pair,
    sign,
    still_life,
    street,
)


@dataclass(frozen=True)
class Picture:
    """One picture, (64, 64, 3) uint8, and its caption."""

    pixels: np.ndarray
    caption: str


class Corpus:
    """Pictures by index. `render(i)` depends on the seed and on i alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._studio: Studio = build_studio(seed)

    def render(self, index: int) -> Picture:
        """Picture `index`."""
        rng = np.random.default_rng([self._seed, 2, index])
        scene = _SCENES[int(np.searchsorted(_SCENE_EDGES, rng.random()))]
        style = _STYLES[int(np.searchsorted(_STYLE_EDGES, rng.random()))]
        picture, phrase = scene(self._studio, rng)
        picture = np.clip(picture, 0.0, 1.0).astype(np.float32)
        picture = apply_style(picture, style, self._studio.bank, rng)
        return Picture(np.rint(picture * 255.0).astype(np.uint8), styled(style, phrase))

    def render_pixels(self, start: int, stop: int) -> np.ndarray:
        """Pictures `start` to `stop`, (N, 64, 64, 3) uint8."""
        return np.stack([self.render(index).pixels for index in range(start, stop)])


_SCENES: tuple[Scene, ...] = (
    still_life, pair, landscape, street, sign, bare_surface, bare_pattern, leaves_on_ground,
)  # fmt: skip
_SCENE_EDGES = np.cumsum((0.42, 0.10, 0.12, 0.05, 0.05, 0.10, 0.13))
_STYLES = ("photo", "plain", "painting", "grey", "pencil", "blurred", "close")
_STYLE_EDGES = np.cumsum((0.28, 0.12, 0.12, 0.28, 0.08, 0.04))
