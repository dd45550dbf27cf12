"""A card's classifier against the same with other settings: AUC on real scans, its difference, and seconds.

    python benchmarks/classifier.py sandbox-brain-t2i width=32 epochs=12
    python benchmarks/classifier.py sandbox-chest-t2i width=32 epochs=9 --wrong-labels 0.2 --seeds 4

Both learn from the real training scans with the same seeds and are tested on the real test scans. Wrong labels stand
for what generated images get wrong. The interval of the difference holds the choice of test scans alone, paired; the
AUC of each seed is printed beside it. A training's seconds are processor time, which other programs stretch less than
the wall's. The two take turns, seed by seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from process_cost import Machine

from ldbench.data.task_data import task_data
from ldbench.score.metrics.classifier import train_classifier
from ldbench.score.metrics.intervals import t_quantile
from ldbench.score.metrics.roc import Areas, areas
from ldbench.task import card
from ldbench.task.metric_specs import ClassifierSpec


@dataclasses.dataclass(frozen=True)
class Scans:
    """Training and test scans `(N, 3, H, W)` with their classes by index."""

    images: torch.Tensor
    labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: np.ndarray
    classes: int


def main() -> None:
    """Print a row a recipe and the difference."""
    options = arguments()
    torch.set_num_threads(options.threads)
    task = card.load(options.task)
    before: ClassifierSpec = task.metrics["auc"]
    changes = values_of(options.settings)
    after = dataclasses.replace(before, **changes)
    scans = scans_of(options.task, options.wrong_labels)
    print(Machine("cpu", options.threads, Path()))
    print(f"{options.task}, {options.wrong_labels:.0%} wrong labels, {options.seeds} seeds\n")
    print("| recipe | AUC | 95 % | each seed | processor s a training |\n|---|---|---|---|---|")
    trained = [[trained_once(scans, recipe, seed) for recipe in (before, after)] for seed in range(options.seeds)]
    both = []
    for position, recipe in enumerate((before, after)):
        scores, seconds = zip(*(pair[position] for pair in trained), strict=True)
        table = dataclasses.asdict(recipe)
        both.append(areas(np.stack(scores), scans.test_labels))
        print(row({name: table[name] for name in changes}, both[-1], seconds))
    low, middle, high = difference(*both)
    print(f"\ndifference {middle:+.4f} [{low:+.4f}, {high:+.4f}] over test scans")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("settings", nargs="+", metavar="NAME=VALUE", help="keys of [metrics.auc]")
    parser.add_argument("--wrong-labels", type=float, default=0.0, help="share of the training labels, drawn anew")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def values_of(settings: Sequence[str]) -> dict[str, Any]:
    """Settings `name=value` by name; numbers as numbers, all else as text."""
    values = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            values[name] = value
    return values


def scans_of(task_id: str, wrong: float) -> Scans:
    """A task's scans; a share of the training labels becomes another class, the same one for every recipe."""
    data = task_data(card.load(task_id), 0)
    classes = list(data.task.data.classes)
    (images, names), (test_images, test_names) = data.training_scans(), data.test_scans()
    labels = torch.tensor([classes.index(name) for name in names])
    random = torch.Generator().manual_seed(99)
    chosen = torch.rand(len(labels), generator=random) < wrong
    others = (labels + torch.randint(1, len(classes), labels.shape, generator=random)) % len(classes)
    expected = np.array([classes.index(name) for name in test_names])
    return Scans(images, torch.where(chosen, others, labels), test_images, expected, len(classes))


def trained_once(scans: Scans, recipe: ClassifierSpec, seed: int) -> tuple[np.ndarray, float]:
    """Scores of the test scans `(N, K)` and the processor seconds of the training."""
    start = time.process_time()
    classifier = train_classifier(scans.images, scans.labels, classes=scans.classes, recipe=recipe, seed=seed)
    seconds = time.process_time() - start
    return classifier.scores(scans.test_images).numpy(), seconds


def row(settings: Mapping[str, Any], seen: Areas, seconds: Sequence[float]) -> str:
    """A line of the table."""
    interval = seen.interval()
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    each = ", ".join(f"{area:.3f}" for area in seen.areas_s)
    return (
        f"| {told} | {interval.value:.4f} | {interval.low:.3f} to {interval.high:.3f} | {each} "
        f"| {np.median(seconds):.1f} |"
    )


def difference(before: Areas, after: Areas) -> tuple[float, float, float]:
    """The second mean area minus the first with the bounds of its 95 % interval, paired over the test scans."""
    parts_n = after.contributions_n - before.contributions_n
    middle = float(after.areas_s.mean() - before.areas_s.mean())
    half = t_quantile(len(parts_n) - 1) * float((parts_n**2).sum()) ** 0.5
    return middle - half, middle, middle + half


if __name__ == "__main__":
    main()
