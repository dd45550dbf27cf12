"""The plots: a search, an ablation, a sweep of images, the course of a reverse process.

Every score and distance carries its 95 % interval.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.axes import Axes

from ldbench.studies.parameters.axes import (
    COLOURS,
    GREY,
    INK,
    LARGE,
    MARKERS,
    PIXEL_COLOURS,
    SMALL,
    picture,
    plain,
    row_label,
    save,
    sheet,
    value_ticks,
)
from ldbench.studies.parameters.curve import Curve
from ldbench.studies.parameters.values import Grid

if TYPE_CHECKING:
    from ldbench.studies.parameters.ablation import Ablation
    from ldbench.studies.parameters.course import Trajectory

_BINS, _TAIL = 48, 0.999


def draw_search(path: Path, curve: Curve, grid: Grid, real: float | None, titles: tuple[str, str]) -> None:
    """The curve with its intervals; the smallest is marked, and where resamples put it is shaded.

    `titles` are the figure's and the vertical axis's; `real` is what as many new real images are expected
    to score, if that is known.
    """
    figure = sheet(7.2, 4.4)
    axes = figure.add_subplot()
    x = grid.positions
    y = [point.distance for point in curve.points]
    below = [max(point.distance - point.low, 0.0) for point in curve.points]
    above = [max(point.high - point.distance, 0.0) for point in curve.points]
    if curve.best_low is not None and curve.best_high is not None and curve.best_low < curve.best_high:
        axes.axvspan(
            curve.best_low, curve.best_high, color=COLOURS[4], alpha=0.25, linewidth=0,
            label="minimum, 95 % of resamples",
        )
    joined = "-" if grid.numeric else "none"
    axes.errorbar(
        x, y, yerr=[below, above], color=COLOURS[0], marker="o", markersize=5, linestyle=joined, linewidth=1.6,
        capsize=3, label="distance, 95 % interval",
    )
    best = curve.points[curve.best]
    axes.plot(
        [x[curve.best]], [best.distance], marker="o", markersize=12, markerfacecolor="none", markeredgewidth=2,
        color=COLOURS[1], linestyle="none", label=f"smallest: {grid.parameter} = {best.text}",
    )
    if real is not None:
        axes.axhline(real, color=GREY, linestyle="--", linewidth=1.2, label="as many new real images, expected")
    axes.set_ylim(bottom=0)
    value_ticks(axes, x, grid.texts)
    plain(axes, titles[0], grid.parameter, titles[1])
    legend = axes.legend(fontsize=SMALL, frameon=True, edgecolor="none", labelcolor=INK)
    legend.get_frame().set_alpha(0.85)
    save(figure, path)


def draw_ablation(path: Path, answer: Ablation) -> None:
    """A panel a metric: value with interval by the first parameter, a line a value of the second."""
    metrics = answer.metrics
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    figure = sheet(1.2 + 4.2 * columns, 0.7 + 3.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for index, axes in enumerate(panels):
        if index >= len(metrics):
            axes.set_axis_off()
            continue
        name, direction = metrics[index]
        _draw_metric(axes, answer, name)
        plain(axes, f"{name}, {direction} is better", answer.grids[0].parameter)
    if len(answer.grids) > 1:
        handles, labels = panels[0].get_legend_handles_labels()
        columns = min(6, len(labels))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=SMALL)
    seeds = ", ".join(map(str, answer.seeds))
    figure.suptitle(f"{answer.model} on {answer.task}, seeds {seeds}: mean, 95 % interval", fontsize=LARGE, color=INK)
    save(figure, path)


def _draw_metric(axes: Axes, answer: Ablation, metric: str) -> None:
    first = answer.grids[0]
    second = answer.grids[1].texts if len(answer.grids) > 1 else ("",)
    at = dict(zip(first.texts, first.positions, strict=True))
    gap = min((b - a for a, b in itertools.pairwise(sorted(first.positions))), default=1.0)
    for index, text in enumerate(second):
        cells = [cell for cell in answer.cells if cell.texts[1:] == ((text,) if text else ())]
        scores = [(at[cell.texts[0]], score) for cell in cells for score in cell.scores if score.metric == metric]
        beside = gap * 0.06 * (index - (len(second) - 1) / 2)  # intervals side by side, not on top of each other
        axes.errorbar(
            [x + beside for x, _ in scores], [score.value for _, score in scores],
            yerr=[[max(s.value - s.low, 0) for _, s in scores], [max(s.high - s.value, 0) for _, s in scores]],
            color=COLOURS[index % len(COLOURS)], marker=MARKERS[index % len(MARKERS)], markersize=5, linewidth=1.5,
            linestyle="-" if first.numeric else "none", capsize=3,
            label=f"{answer.grids[1].parameter} = {text}" if text else metric,
        )
    value_ticks(axes, first.positions, first.texts)


def draw_sweep(path: Path, columns: Sequence[torch.Tensor], grid: Grid, prompts: Sequence[str]) -> None:
    """Images in rows of one prompt and noise, a column a value."""
    figure = sheet(1.9 + 1.35 * len(columns), 0.6 + 1.5 * len(prompts))
    panels = figure.subplots(len(prompts), len(columns), squeeze=False)
    for row, prompt in enumerate(prompts):
        for column, images in enumerate(columns):
            title = f"{grid.parameter}\n{grid.texts[column]}" if column == 0 else grid.texts[column]
            picture(panels[row, column], images[row], title if row == 0 else "")
        row_label(panels[row, 0], prompt)
    save(figure, path)


def draw_trajectory(path: Path, courses: Sequence[Trajectory], prompt: str) -> None:
    """Three rows a setting: the first image, the pixels and the latents of all images, at some steps each."""
    width = max(len(course.pictured) for course in courses)
    figure = sheet(2.4 + 1.75 * width, 0.8 + 4.6 * len(courses))
    panels = figure.subplots(3 * len(courses), width, squeeze=False, height_ratios=[1.4, 1, 1] * len(courses))
    reach = max(float(moment.latents.abs().quantile(_TAIL)) for course in courses for moment in course.pictured)
    for block, course in enumerate(courses):
        for column, moment in enumerate(course.pictured):
            images, pixels, latents = panels[3 * block : 3 * block + 3, column]
            picture(images, moment.images[0], f"step {moment.step} of {moment.steps}\nt = {moment.timestep}")
            _draw_channels(pixels, moment.images, (0.0, 1.0), PIXEL_COLOURS)
            _draw_channels(latents, moment.latents, (-reach, reach), COLOURS)
        for column in range(len(course.pictured), width):
            for axes in panels[3 * block : 3 * block + 3, column]:
                axes.set_axis_off()
        row_label(panels[3 * block, 0], course.label)
        panels[3 * block + 1, 0].set_ylabel("pixels of all\nR, G, B", fontsize=SMALL, color=INK)
        panels[3 * block + 2, 0].set_ylabel("latents of all\nby channel", fontsize=SMALL, color=INK)
        panels[3 * block + 2, 0].legend(fontsize=SMALL - 2, frameon=False, handlelength=1, labelspacing=0.1)
    figure.suptitle(textwrap.shorten(prompt, 110), fontsize=LARGE, color=INK)
    save(figure, path)


def _draw_channels(axes: Axes, values_nchw: torch.Tensor, ends: tuple[float, float], colours: Sequence[str]) -> None:
    """The distribution of each channel as an outline, on a scale of its own."""
    for index, channel in enumerate(values_nchw.transpose(0, 1).flatten(1).clamp(*ends).numpy()):
        counts, edges = np.histogram(channel, bins=_BINS, range=ends, density=True)
        axes.stairs(counts, edges, color=colours[index % len(colours)], linewidth=1.2, label=str(index))
    plain(axes)
    axes.set_yticks([])
    axes.set_xlim(*ends)
    axes.tick_params(labelsize=SMALL - 1.5)
