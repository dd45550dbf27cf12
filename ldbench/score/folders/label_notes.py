"""Reasons why values of images with labels mean less than they seem to, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ldbench.api import Metric
from ldbench.records.subgroups import FEWEST_OF_A_SET
from ldbench.score.folders.notes import SHARE, dependent
from ldbench.score.folders.sets import MeasuredSet
from ldbench.score.folders.tables import GENERATED

_BOTH = ("real", GENERATED)


def few_of_a_label(metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning, where values by label were asked for, of the label that the fewest images of a set have, where they
    are few and some metrics' values depend on their number."""
    images, label, kind = min(
        (each["with"], label, name) for name in _BOTH for label, each in sets[name].label_counts.items()
    )
    count, unit = sets[kind].in_files(images)
    if (names := dependent(metrics)) and count < FEWEST_OF_A_SET:
        yield (
            f"{count} {kind} {f'{unit} is' if count == 1 else f'{unit}s are'} few for label {label}: the value of "
            f"{', '.join(names)} within a label depends on how many {unit}s have it; compare it with values of as many "
            f"alone, or give {FEWEST_OF_A_SET} or more of each"
        )


def label_shares(metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning where a label has another share among generated images than among real ones, and some metrics compare
    all images whatever their labels. A label that no image of a set is known to have or lack has no share there."""
    names = [metric.name for metric in metrics if metric.whole_sets]
    real, generated = (
        {label: each["with"] / each["known"] for label, each in sets[name].label_counts.items() if each["known"]}
        for name in _BOTH
    )
    _, unit = sets[GENERATED].in_files(0)
    in_both = [label for label in real if label in generated]
    label = max(in_both, key=lambda each: abs(real[each] - generated[each]), default="")
    if names and label and abs(real[label] - generated[label]) > SHARE:
        yield (
            f"{real[label]:.0%} of the real {unit}s and {generated[label]:.0%} of the generated ones have {label}, of "
            f"those where it is known: the value of {', '.join(names)} is worse for that, whatever the {unit}s show; "
            "give both sets like shares"
        )
