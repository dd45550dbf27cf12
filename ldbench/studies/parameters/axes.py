"""How every plot here looks: light, readable, distinct without colour vision, equal bytes for equal numbers.

Draws on an Agg canvas of its own and never touches pyplot or its global state. A file holds pixels and no metadata such
as a date or a version.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ldbench.data.images import write_pixels

# Okabe and Ito 2008, without the yellow, which is too light for lines
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
PIXEL_COLOURS = ("#D55E00", "#009E73", "#0072B2")  # red, green, blue, as far as eyes tell them apart
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, GREY, PAPER = "#222222", "#8a8a8a", "#ffffff"
SMALL, MEDIUM, LARGE = 9.0, 10.0, 11.0
_DPI = 120


def sheet(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Two thin spines, a light horizontal grid, and the labels."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=SMALL)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(title, fontsize=LARGE, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=MEDIUM, color=INK)
    axes.set_ylabel(y, fontsize=MEDIUM, color=INK)


def picture(axes: Axes, image_chw: torch.Tensor, title: str = "") -> None:
    """An image `(3, H, W) float32 in [0, 1]`, its pixels as they are, without axes."""
    axes.imshow(image_chw.permute(1, 2, 0).numpy(), vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=SMALL, color=INK)
    axes.set_axis_off()


def row_label(axes: Axes, text: str) -> None:
    """A text to the left of a picture, folded."""
    folded = textwrap.fill(textwrap.shorten(text, 90), 18)
    axes.annotate(
        folded, (0, 0.5), xytext=(-8, 0), xycoords="axes fraction", textcoords="offset points", ha="right", va="center",
        fontsize=SMALL, color=INK,
    )


def value_ticks(axes: Axes, positions: Sequence[float], texts: Sequence[str]) -> None:
    """A tick a value, thinned where there are many, turned where they are long."""
    every = max(1, -(-len(texts) // 12))
    long = max(len(text) for text in texts) > 8
    axes.set_xticks(list(positions)[::every], list(texts)[::every], rotation=30 if long else 0, fontsize=SMALL)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, whole or not at all; a dollar sign in its texts is one, and begins no formula."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    canvas: Any = figure.canvas
    canvas.draw()
    write_pixels(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]), path)
