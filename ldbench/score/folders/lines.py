"""What a command says of folders that were measured, a line each; "" where there is nothing to say."""

from __future__ import annotations

from collections.abc import Iterator

from ldbench.data.prepare.pixels.grey import PERCENTILE
from ldbench.score.folders.inputs import JUDGE_ON_REAL
from ldbench.score.folders.scores import FolderScores


def images_line(found: FolderScores) -> str:
    """One line that counts the images of each set, and those that they were drawn from."""
    counts = []
    for name, each in found.images.items():
        whole = f" of {each['drawn_from']}" if "drawn_from" in each else ""
        counts.append(f"{each['images']}{whole} {name}")
    return f"images: {', '.join(counts)}"


def ignored_line(found: FolderScores) -> str:
    """One line that counts the files of other formats in each folder; "" where there are none."""
    from ldbench.data.image_folder import SUFFIXES as OF_IMAGES
    from ldbench.data.volumes.cut import SUFFIXES as OF_VOLUMES

    suffixes = OF_VOLUMES if "volumes" in found.options else OF_IMAGES
    counts = [f"{each['ignored']} in {each['folder']}" for each in found.images.values() if each["ignored"]]
    return f"ignored as not {', '.join(suffixes)}: {', '.join(counts)}" if counts else ""


def volumes_line(found: FolderScores) -> str:
    """One line that says how volumes were cut, and what is black and white."""
    from ldbench.data.volumes.cut import PERCENTILES

    if "volumes" not in found.options:
        return ""
    count, _, reach = str(found.options["slices"]).partition(":")
    planes, window = (str(found.options[name]) for name in ("volumes", "window"))
    low, high = PERCENTILES if window == PERCENTILE else window.split(",")
    of = f"percentiles {low} and {high} of all voxels of a volume" if window == PERCENTILE else f"{low} and {high}"
    slices = ", ".join(f"{count} {plane}" for plane in planes.split(","))
    return f"slices of each volume: {slices}, from {reach} % of its extent; black and white: {of}"


def subject_line(found: FolderScores) -> str:
    """One line that counts the subjects of each set."""
    counts = [
        f"{each['subjects']} in {each['images']} {name} images" for name, each in found.images.items()
        if "subjects" in each
    ]
    return f"subjects: {', '.join(counts)}" if counts else ""


def classes_line(found: FolderScores) -> str:
    """One line that counts the images of each class in each set."""
    counts = [
        f"{', '.join(f'{name} {count}' for name, count in each.items())} ({kind})"
        for kind, each in found.classes.items()
    ]
    return f"classes: {'; '.join(counts)}" if counts else ""


def named_line(found: FolderScores) -> str:
    """One line that names metrics which are measured where they are asked for."""
    if not found.only_named:
        return ""
    names = ", ".join(found.only_named)
    return f"not measured unless named by --metric, since a classifier learns for minutes on a CPU: {names}"


def judge_line(found: FolderScores) -> str:
    """One line that says how often the judge was right on real images, whose classes somebody knows."""
    for score in found.scores:
        if (right := score.parameters.get(JUDGE_ON_REAL)) is not None:
            counts = found.classes["real"].values()
            guessed = max(counts) / sum(counts)  # where classes have unlike shares, more than one in as many
            return (
                f"the judge reads {right:.0%} of the real images right; {guessed:.0%} are right by guessing the largest"
                " class"
            )
    return ""


def lines_of(found: FolderScores) -> Iterator[str]:
    """All of these lines that say something."""
    for line in (images_line, volumes_line, ignored_line, subject_line, classes_line, judge_line, named_line):
        if said := line(found):
            yield said
