"""Measured folders that are seeds of methods: what tables have of the methods, and what it means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ldbench.api import Score
from ldbench.board.folder_seeds import MethodScores
from ldbench.score.folders.scores import FolderScores

OVER_SEEDS = "mean over seeds"


def names_apart(paths: Sequence[str]) -> list[str]:
    """The paths of folders without the folders above that all are in."""
    if len({Path(each).is_absolute() for each in paths}) != 1:
        return list(paths)
    above = os.path.commonpath([str(Path(each).parent) for each in paths])
    return [str(Path(each).relative_to(above)) if above else each for each in paths]


def method_names(methods: Sequence[MethodScores]) -> dict[str, str]:
    """What each method is called in tables."""
    paths = [each.method for each in methods]
    return dict(zip(paths, names_apart(paths), strict=True))


def means(methods: Sequence[MethodScores]) -> dict[str, Sequence[Score]]:
    """The means of each method, below its name and its number of seeds."""
    names = method_names(methods)
    return {f"{names[each.method]}, {in_seeds(len(each.seeds))}": each.scores for each in methods}


def by_seed(folders: Sequence[FolderScores], methods: Sequence[MethodScores]) -> dict[str, dict[str, Sequence[Score]]]:
    """The scores of each seed of each method, by the names of both."""
    of_folder, names = {each.folder: each.scores for each in folders}, method_names(methods)
    return {
        names[method.method]: {
            name: of_folder[seed] for name, seed in zip(names_apart(method.seeds), method.seeds, strict=True)
        }
        for method in methods
    }


def in_seeds(count: int) -> str:
    """A number of seeds in words."""
    return f"{count} seed{'' if count == 1 else 's'}"


def compared_seeds(methods: Sequence[MethodScores], method: str) -> str:
    """The numbers of seeds of a further method and of the first one, for the heading of their differences."""
    counts: Mapping[str, int] = {each.method: len(each.seeds) for each in methods}
    return f"{counts[method]} and {in_seeds(counts[methods[0].method])}, "


def without_mean(methods: Sequence[MethodScores]) -> list[str]:
    """The metrics that a method has no mean of, by their reason."""
    names, said = method_names(methods), list[str]()
    for method in methods:
        by_reason = dict[str, list[str]]()
        for metric, reason in method.left_out.items():
            by_reason.setdefault(reason, []).append(metric)
        of_method = names[method.method]
        said += [f"{of_method}: no mean of {', '.join(of)}: {reason}." for reason, of in by_reason.items()]
    return said


def meaning_of_means(methods: Sequence[MethodScores]) -> list[str]:
    """What the means and their intervals say."""
    names = method_names(methods)
    single = [names[each.method] for each in methods if len(each.seeds) == 1]
    said = [
        "The value of a method is the mean over its seeds. Its interval counts that other seeds could have been run, "
        "in training and in generating, and what the intervals of the seeds count. After ±: the standard deviation "
        "between seeds.",
    ]
    return said + [f"{', '.join(single)}: the interval of one seed does not count another training."] * bool(single)


MEANING_OF_DIFFERENCES = (
    "The interval of a difference counts other seeds of both methods, so it is of the methods, and what the intervals "
    "of the seeds count. The real images are the same in all values and cancel; generated ones of the same name or "
    "subject count as pairs (in FID, frd and vendi where all names are equal). Few seeds show only large differences. "
    "Seeds are taken to vary about normally, and not to have been picked."
)
