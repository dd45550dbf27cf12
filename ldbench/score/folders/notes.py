"""Reasons why values of two folders of images mean less than they seem to, a line each.

Images are compared by the digest of their pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ldbench.api import Measured, Metric
from ldbench.plugins.kinds import depends_on_number
from ldbench.records.subgroups import FEWEST_OF_A_SET
from ldbench.score.folders.form import Channels
from ldbench.score.folders.sets import FolderSet, MeasuredSet
from ldbench.score.folders.tables import GENERATED
from ldbench.task.metric_specs import TrainingSpec

SHARE = 0.1  # so far two shares of images may lie apart without a word
_QUALITY = 3  # and two qualities of JPEG
_TIMES = 2  # and two numbers of images by this factor
_SIDE = 1.1  # and by this factor two sides
_WHATEVER = "features of networks see that, so FID and the like change whatever the images show"


def of_pixels(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """What is to be said of images that are black, and of equal ones in two sets and in one."""
    yield from black(sets)
    yield from shared(sets)
    yield from repeated(sets)


def shared(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """What is to be said of images that lie in two folders."""
    said = {
        ("generated", "real"): "every value says how near they are to themselves",
        ("generated", "training"): "these are copies, whatever metrics were asked for",
        ("real", "training"): "a generator that copies them has the best values",
    }
    for (name, other), why in said.items():
        there, noun = set(_shown(sets[other])) if other in sets else set(), f"{sets[name].noun}s"
        if equal := sum(one in there for one in _shown(sets[name])):
            yield (
                f"{equal} of {len(sets[name].pixels)} {name} {noun} are, pixel by pixel, {other} {noun} too "
                f"({sets[name].where}, {sets[other].where}): {why}"
            )


def repeated(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning of generated images that equal another one of the same set."""
    generated = sets[GENERATED]
    if equal := sum(count for count in Counter(_shown(generated)).values() if count > 1):
        yield (
            f"{equal} of {len(generated.pixels)} generated {generated.noun}s are, pixel by pixel, equal to another one "
            f"of them ({generated.where}): intervals count each as if it were new"
        )


def black(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning of sets that show next to nothing, as masks of 0 and 1 do and uint8 arrays that were not scaled."""
    for name, each in sets.items():
        if isinstance(each, FolderSet) and each.prepared.brightest <= 1:
            yield (
                f"no pixel of the {each.count} {name} {each.noun}s ({each.where}) is above 1 of 255, so all are black; "
                "if their values mean 0 to 1, multiply them by 255, or give an array of floats"
            )


def _shown(given: MeasuredSet) -> Sequence[bytes]:
    """The digests of images that show something: slices that show nothing are equal whoever made them."""
    if not isinstance(given, FolderSet) or given.volumes is None:
        return given.pixels
    return [pixels for pixels, blank in zip(given.pixels, given.volumes.blank, strict=True) if not blank]


def unmeasured_beside(real: MeasuredSet, names: Sequence[str]) -> Iterator[str]:
    """What is to be said of metrics that nobody named and that need the real images themselves."""
    if names:
        yield (
            f"{real.where} has statistics of the real images, which {', '.join(names)} cannot be had from: name the "
            "folder of the images for these"
        )


def unlike_recipes(
    every: Sequence[tuple[Mapping[str, MeasuredSet], Mapping[str, TrainingSpec]]]
) -> Iterator[str]:
    """A warning of metrics whose classifiers learn for unequal numbers of epochs of generated sets that are measured
    together: each learns of a set as it would of that set alone."""
    for name in every[0][1]:
        epochs = {sets[GENERATED].where: recipes[name].epochs for sets, recipes in every}
        if len(set(epochs.values())) > 1:
            counts = ", ".join(f"{count} of {where}" for where, count in epochs.items())
            yield (
                f"classifiers of {name} learn for unequal numbers of epochs ({counts}), which are fewer where images "
                f"are many; give --set {name}:epochs={min(epochs.values())} to train alike"
            )


def few(metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning where the sets are small and some metrics' values depend on the number of images; of those that are
    taken class by class `few_of_a_class` says it. Many slices of few volumes are few, as they are alike."""
    names = dependent(each for each in metrics if not each.every_class)
    count, unit = sets[GENERATED].in_files(_smaller(sets))
    if names and count < FEWEST_OF_A_SET:
        yield (
            f"{count} {unit}s are few: the value of {', '.join(names)} depends on their number; compare it with values "
            f"of as many {unit}s alone, or give {FEWEST_OF_A_SET} or more"
        )


def few_of_a_class(
    metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet], within: bool = False
) -> Iterator[str]:
    """A warning where a class is small and some metrics' values depend on the number of images of each: of metrics that
    are taken class by class or, where values `within` each class were asked for, of all."""
    if names := dependent(each for each in metrics if within or each.every_class):
        images, label, kind = smallest_class(sets)
        count, unit = sets[kind].in_files(images)
        if count < FEWEST_OF_A_SET:
            yield (
                f"{count} {kind} {f'{unit} is' if count == 1 else f'{unit}s are'} few for class {label}: the value of "
                f"{', '.join(names)} {'within a class ' if within else ''}depends on how many {unit}s each class has; "
                f"compare it with values of as many alone, or give {FEWEST_OF_A_SET} or more of each"
            )


def smallest_class(sets: Mapping[str, MeasuredSet]) -> tuple[int, str, str]:
    """How many images the smallest class of a set has, its name, and the set; of real and generated images."""
    return min(
        (count, label, name) for name in ("real", "generated") for label, count in sets[name].class_counts.items()
    )


def shares(metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning where classes have other shares among generated images than among real ones, and some metrics compare
    all images whatever their classes."""
    real, generated = (sets[name] for name in ("real", "generated"))
    names = [metric.name for metric in metrics if metric.whole_sets]
    counts = {label: (count, generated.class_counts[label]) for label, count in real.class_counts.items()}
    gaps = {label: abs(one * generated.count - other * real.count) for label, (one, other) in counts.items()}
    if names and gaps and max(gaps.values()) > SHARE * real.count * generated.count:
        label = max(gaps, key=gaps.__getitem__)
        _, unit = generated.in_files(0)
        of_real, of_generated = (
            count / each.count for count, each in zip(counts[label], (real, generated), strict=True)
        )
        yield (
            f"{of_real:.0%} of the real {unit}s and {of_generated:.0%} of the generated ones are of class {label}: the "
            f"value of {', '.join(names)} is worse for that, whatever the {unit}s show; give both sets like shares"
        )


def uneven(metrics: Sequence[Metric], sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """A warning, for the same metrics, where one set has more than twice as many images as the other."""
    (real, unit), (generated, _) = (sets[name].in_files(sets[name].count) for name in ("real", "generated"))
    names = dependent(metrics)
    if names and max(real, generated) > _TIMES * min(real, generated):
        drawn = f", or draw as many of both by --images {min(real, generated)}" if _can_draw(sets) else ""
        yield (
            f"there are {real} real {unit}s and {generated} generated ones: the value of {', '.join(names)} depends "
            f"on both numbers; compare it with values of as many {unit}s alone{drawn}"
        )


def thin(
    scores: Iterable[tuple[Metric, Measured]], sets: Mapping[str, MeasuredSet], features: Callable[[str], int | None]
) -> Iterator[str]:
    """A warning of Frechet distances of fewer images than features; of few images `few` says enough.

    `features` gives the number of a network's features.
    """
    by_network: dict[tuple[str, bool], list[str]] = {}
    for metric, score in scores:
        if metric.groups == "excess" and score.extractor is not None:
            by_network.setdefault((score.extractor, metric.every_class), []).append(metric.name)
    for (network, by_class), names in by_network.items():
        width, count = features(network), smallest_class(sets)[0] if by_class else _smaller(sets)
        if width is not None and FEWEST_OF_A_SET <= count < width:
            noun = f"{sets[GENERATED].noun}s"
            yield (
                f"{count} {noun}{' of a class' if by_class else ''} are fewer than the {width} features of {network}: "
                f"the covariances of {', '.join(names)} are not known from so few, and the value is larger than that "
                f"of many {noun}; compare it with values of as many alone{', or take kid' if _at_hand(sets) else ''}"
            )


def dependent(metrics: Iterable[Metric]) -> list[str]:
    """The metrics whose values depend on the number of images."""
    return [metric.name for metric in metrics if depends_on_number(metric)]


def _smaller(sets: Mapping[str, MeasuredSet]) -> int:
    return min(sets[name].count for name in ("real", "generated"))


def _at_hand(sets: Mapping[str, MeasuredSet]) -> bool:
    """Whether there are real images, and not statistics of them alone."""
    return isinstance(sets["real"], FolderSet)


def _can_draw(sets: Mapping[str, MeasuredSet]) -> bool:
    """Whether --images can draw of both sets: of images, and not of volumes."""
    return all(isinstance(each, FolderSet) and not each.volumes for each in (sets["real"], sets["generated"]))


def unlike(sets: Mapping[str, MeasuredSet], side: int | None, channels: Channels) -> Iterator[str]:
    """Warnings of sets that were prepared otherwise than the real one: their formats, sizes and colour."""
    for name in (each for each in sets if each != "real"):
        both = {each: sets[each] for each in ("real", name)}
        yield from _formats(both)
        if side is not None:
            yield from _sizes(both, side)
        if channels == "rgb":
            yield from _colour(both)


def _formats(both: Mapping[str, MeasuredSet]) -> Iterator[str]:
    jpegs = {name: each.prepared.jpegs for name, each in both.items()}
    if _apart(both, jpegs):
        yield f"{_counts(both, jpegs)} are JPEG files: {_WHATEVER}; save both sets in one format"
    elif all(jpegs.values()):
        real, other = (each.prepared.quality for each in both.values())
        if abs(real - other) >= _QUALITY:
            yield (
                f"JPEG files have a quality of about {real:.0f} in {_of(both, 0)} images and of {other:.0f} in "
                f"{_of(both, 1)} ones, at the median: {_WHATEVER}; save both sets by one quality"
            )


def _sizes(both: Mapping[str, MeasuredSet], side: int) -> Iterator[str]:
    resized = {name: each.prepared.resized(side) for name, each in both.items()}
    real, other = (each.prepared.side for each in both.values())
    if _apart(both, resized) or max(real, other) > _SIDE * min(real, other):
        yield (
            f"{_counts(both, resized)} were resized to --side {side}, from {real:.0f} and {other:.0f} pixels at the "
            f"median: {_WHATEVER}; give both sets in one size before, resized alike"
        )


def _colour(both: Mapping[str, MeasuredSet]) -> Iterator[str]:
    coloured = {name: each.prepared.coloured for name, each in both.items()}
    if _apart(both, coloured):
        yield (
            f"{_counts(both, coloured)} have colour, be it a faint tint: {_WHATEVER}; give --channels grey-as-rgb, "
            "which averages over channels, unless colour is what you ask about"
        )


def _apart(both: Mapping[str, MeasuredSet], counts: Mapping[str, int]) -> bool:
    real, other = (counts[name] / each.prepared.images for name, each in both.items())
    return abs(real - other) > SHARE


def _counts(both: Mapping[str, MeasuredSet], counts: Mapping[str, int]) -> str:
    real, other = (f"{counts[name]} of {each.prepared.images}" for name, each in both.items())
    noun = next(iter(both.values())).noun
    return f"{real} {_of(both, 0)} {noun}s and {other} {_of(both, 1)} ones"


def _of(both: Mapping[str, MeasuredSet], place: int) -> str:
    return list(both)[place]
