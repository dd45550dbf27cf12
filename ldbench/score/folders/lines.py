"""What a command says of folders that were measured, a line each; "" where there is nothing to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ldbench.api import ParameterValue, Score
from ldbench.data.prepare.pixels.grey import PERCENTILE
from ldbench.score.folders.inputs import JUDGE_ON_REAL
from ldbench.score.folders.label_inputs import OF_EACH, ON_REAL
from ldbench.score.folders.scores import FolderScores


def form_line(found: FolderScores) -> str:
    """One line that says how all images were brought to one form, and which of them were drawn; "" for as they are."""
    options = {name: found.options.get(name) for name in ("side", "fit", "channels", "images")}
    said = [f"{name}={value}" for name, value in options.items() if value not in (None, "rgb")]
    if options["images"] is not None:
        said.append(f"seed={found.options['seed']}")  # which draws them
    return f"All {found.shown}: {', '.join(said)}" if said else ""


def images_line(found: FolderScores) -> str:
    """One line that counts the images or volumes of each set, and those that they were drawn from."""
    counts = []
    for name, each in found.images.items():
        whole = f" of {each['drawn_from']}" if "drawn_from" in each else ""
        counts.append(f"{each.get('volumes', each['images'])}{whole} {name}")
    return f"{found.files}: {', '.join(counts)}"


def ignored_line(found: FolderScores) -> str:
    """One line that counts the files of other formats in each folder; "" where there are none."""
    from ldbench.data.image_folder import SUFFIXES as OF_IMAGES
    from ldbench.data.volumes.cut import SUFFIXES as OF_VOLUMES

    suffixes = OF_VOLUMES if found.of_volumes else OF_IMAGES
    counts = [f"{each['ignored']} in {each['folder']}" for each in found.images.values() if each["ignored"]]
    return f"ignored as not {', '.join(suffixes)}: {', '.join(counts)}" if counts else ""


def volumes_line(found: FolderScores) -> str:
    """One line that says how volumes were cut, and what is black and white."""
    from ldbench.data.volumes.cut import PERCENTILES

    if not found.of_volumes:
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
        f"{each['subjects']} in {each.get('volumes', each['images'])} {name} {found.files}"
        for name, each in found.images.items()
        if "subjects" in each
    ]
    return f"subjects: {', '.join(counts)}" if counts else ""


def classes_line(found: FolderScores) -> str:
    """One line that counts the images or volumes of each class in each set."""
    counts = [
        f"{', '.join(f'{name} {found.in_files(kind, count)}' for name, count in each.items())} ({kind})"
        for kind, each in found.classes.items()
    ]
    return f"classes: {'; '.join(counts)}" if counts else ""


def labels_line(found: FolderScores) -> str:
    """One line that counts the images or volumes with each label in each set, and those of which it is known."""
    counts = list[str]()
    for kind, of_set in found.labels.items():
        of_labels = (
            f"{label} {found.in_files(kind, each['with'])} of {found.in_files(kind, each['known'])}"
            for label, each in of_set.items()
        )
        counts.append(f"{', '.join(of_labels)} ({kind})")
    return f"labels: {'; '.join(counts)}" if counts else ""


def left_out_line(found: FolderScores) -> str:
    """One line that names the labels that metrics leave out, since too few images have them or have them not."""
    by_reason = dict[str, list[str]]()
    for score in found.scores:
        if (left_out := score.parameters.get("labels_left_out")) is not None:
            by_reason.setdefault(str(left_out), []).append(score.metric)
    told = [f"of {', '.join(metrics)} ({reason})" for reason, metrics in by_reason.items()]
    return f"labels left out: {'; '.join(told)}" if told else ""


def label_judge_line(found: FolderScores) -> str:
    """One line that says how well the judge tells the labels of real images, which somebody knows; of several planes
    the judge of each."""
    told = [
        f"{score.parameters[ON_REAL]:.2f} ({', '.join(filter(None, (plane, str(score.parameters[OF_EACH]))))})"
        for plane, scores in (found.by_plane or {"": found.scores}).items()
        for score in [each for each in scores if each.parameters.get(ON_REAL) is not None][:1]
    ]
    if not told:
        return ""
    return f"the judge tells the labels of the real {found.shown} with an AUC of {'; '.join(told)}; 0.5 is guessing"


def named_line(found: FolderScores) -> str:
    """One line that names metrics which are measured where they are asked for."""
    if not found.only_named:
        return ""
    names = ", ".join(found.only_named)
    return f"not measured unless named by --metric, since a classifier learns for minutes on a CPU: {names}"


def judge_line(found: FolderScores) -> str:
    """One line that says how often the judge was right on real images, whose classes somebody knows; of several planes
    the judge of each."""
    told = [
        f"{right:.0%}{f' ({plane})' if plane else ''}"
        for plane, scores in (found.by_plane or {"": found.scores}).items() if (right := _right(scores)) is not None
    ]
    if not told:
        return ""
    counts = found.classes["real"].values()
    guessed = max(counts) / sum(counts)  # where classes have unlike shares, more than one in as many
    return (
        f"the judge reads {', '.join(told)} of the real {found.shown} right; {guessed:.0%} are right by guessing the "
        "largest class"
    )


def _right(scores: Sequence[Score]) -> ParameterValue:
    """How often the judge that some score asked was right on real images; None where none asked one."""
    return next((score.parameters[JUDGE_ON_REAL] for score in scores if JUDGE_ON_REAL in score.parameters), None)


def lines_on_values(found: FolderScores) -> Iterator[str]:
    """Those of the lines below that say what the values are of."""
    lines = (volumes_line, subject_line, classes_line, labels_line, judge_line, label_judge_line, left_out_line)
    yield from filter(None, (line(found) for line in lines))


def lines_of(found: FolderScores) -> Iterator[str]:
    """All of these lines that say something."""
    lines = (
        images_line, volumes_line, ignored_line, subject_line, classes_line, labels_line, judge_line, label_judge_line,
        left_out_line, named_line,
    )
    yield from filter(None, (line(found) for line in lines))
