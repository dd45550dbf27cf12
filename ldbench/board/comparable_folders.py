"""Whether the values of folders can be compared, and whether the error of their difference is known."""

from __future__ import annotations

from dataclasses import fields

from ldbench.api import Measured, Metric, ParameterValue
from ldbench.board.unit_parts import Parts, variance
from ldbench.errors import UsageError
from ldbench.plugins.kinds import depends_on_number
from ldbench.score.folders.classifiers import JUDGE
from ldbench.score.folders.scores import FolderScores

FoldersOfTwo = tuple[FolderScores, FolderScores]
_MEAN_OF = "labels"  # the parameter that names the labels of a mean over these
# metrics whose difference was simulated and called equal generators different too often
_UNSOUND = {
    "recall": "a few outliers among the generated images may decide it, and its interval does not see those that "
    "another draw would have; take coverage",
}


def check_alike(first: FolderScores, other: FolderScores) -> None:
    """`UsageError` where two folders were not measured beside the same images and by the same options."""
    for name in ("real", "training"):
        if first.images.get(name, {}).get("sha256") != other.images.get(name, {}).get("sha256"):
            raise UsageError(
                f"{other.folder}: expected the {name} images that {first.folder} was measured beside, got "
                "others; measure both beside the same ones"
            )
    options = tuple(map(_common, (first, other)))
    if options[0] != options[1]:
        raise UsageError(
            f"{other.folder}: expected the options of {first.folder}, {options[0]}, got {options[1]}; measure "
            "both alike"
        )


def _common(folder: FolderScores) -> dict[str, ParameterValue]:
    """The options that all metrics share: those of a single one may be other ones, and it then has no difference."""
    return {name: value for name, value in folder.options.items() if name.rpartition(":")[0] in ("", JUDGE)}


def lacks(metric: Metric, folders: FoldersOfTwo, scores: tuple[Measured, Measured], parts: tuple[Parts, Parts]) -> str:
    """Why a difference has no sound interval; "" where it has one."""
    one, other = scores
    if metric.name in _UNSOUND:
        return _UNSOUND[metric.name]
    copies = [each.folder for each in folders if _has_copies(each)]
    if copies and metric.unranks is None:
        return f"{' and '.join(copies)}: {folders[0].shown} are copies of training {folders[0].shown}"
    if parts[0].keys() == parts[1].keys() == {"scans"}:
        return "its interval counts the real images alone, and not that others could have been generated"
    if reason := unlike(metric, folders, scores):
        return reason
    complete = (each and each.keys() == score.contributions.keys() for each, score in zip(parts, scores, strict=True))
    if not all(complete):
        return "nothing says what each image adds to it"
    if parts[0].keys() != parts[1].keys() or _groups(parts[0]) != _groups(parts[1]):
        return "its interval has other units in the two folders"
    still = not any(value for each in parts for values in each.values() for value in values.values())
    if one.interval != "share" and (still or (one.value != other.value and not variance(parts))):
        return "the images show no spread, so no test says how sure the difference is"
    return ""


def unlike(metric: Metric, folders: FoldersOfTwo, scores: tuple[Measured, Measured]) -> str:
    """Why two values are not of one scale; "" where they can be compared."""
    one, other = scores
    if one.extractor != other.extractor:
        return f"values of two networks, {one.extractor} and {other.extractor}, cannot be compared"
    if one.parameters.get(_MEAN_OF) != other.parameters.get(_MEAN_OF):
        return (
            f"it is a mean over other labels, {other.parameters.get(_MEAN_OF)} and {one.parameters.get(_MEAN_OF)}; "
            "give those of both by --label"
        )
    if depends_on_number(metric) and one.n != other.n:
        of_volumes, shown = folders[0].of_volumes, folders[0].shown  # none are drawn of volumes
        remedy = "give folders of as many volumes" if of_volumes else f"give --images {min(one.n, other.n)}"
        return f"its value depends on the number of {shown}, {other.n} and {one.n}; {remedy}"
    if depends_on_number(metric) and metric.every_class and len({_by_class(each) for each in folders}) > 1:
        return f"its value depends on the number of {folders[0].shown} of each class; give as many of each"
    names = (item.name for item in fields(metric.settings))
    if name := next((name for name in names if one.parameters.get(name) != other.parameters.get(name)), ""):
        return f"its {name} is {other.parameters.get(name)} and {one.parameters.get(name)}; measure both alike"
    return ""


def _by_class(folder: FolderScores) -> tuple[tuple[str, int], ...]:
    """How many generated images each class has."""
    return tuple(folder.classes.get("generated", {}).items())


def _has_copies(folder: FolderScores) -> bool:
    return any(metric.unranks is not None and metric.unranks(score) for metric, score in folder.parts.measured)


def _groups(parts: Parts) -> int:
    return len(parts.get("groups", ()))
