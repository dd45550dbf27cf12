"""The sets of images that folders are measured by: each is read once before anything is measured."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ldbench.data.volumes.folder import VolumePlane
from ldbench.errors import ImageError, UsageError
from ldbench.score.folders.classes import Classed, classes_of
from ldbench.score.folders.form import Channels
from ldbench.score.folders.labels import Known, Labelled, check_pairs, label_counts, labels_of
from ldbench.score.folders.one_size import Fit, OneSize
from ldbench.score.folders.places import Place, check_apart, check_files, folder_of
from ldbench.score.folders.subjects import Whose, subjects_of
from ldbench.score.folders.tables import GENERATED, kind_of
from ldbench.score.lazy_inputs import averaged

if TYPE_CHECKING:
    from ldbench.api import Progress
    from ldbench.data.preparation import Preparation
    from ldbench.data.stored_images import StoredImages
    from ldbench.score.reference.record import Reference

MeasuredSet: TypeAlias = "FolderSet | Reference"  # images, or statistics of real ones


@dataclass(frozen=True)
class FolderSet:
    """One set of images: where it is from, its images and what was found while all were read.

    `pixels` has a digest of each image's pixels, in the order of `images`; `sha256` is that of all with their names.
    `ignored` counts the files that are no images by their names. `subjects` has the subject of each image in the same
    order; it is empty where each image counts as a subject of its own. `classes` has the class of each, where somebody
    says it, and `labels` the values of each image by label. `drawn_from` is how many images there were before some were
    drawn, 0 where none were. `volumes` are those that the images are slices of. `notes` are lines about the tables that
    say what all sets are.
    """

    where: str
    images: StoredImages
    prepared: Preparation
    ignored: int = 0
    sha256: str = ""
    pixels: tuple[bytes, ...] = field(default=(), repr=False)
    subjects: tuple[str, ...] = field(default=(), repr=False)
    drawn_from: int = 0
    classes: tuple[str, ...] = field(default=(), repr=False)
    labels: Known = field(default_factory=dict, repr=False, compare=False)
    volumes: VolumePlane | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> Collection[str]:
        """What whose images are, their classes and labels are said of: the volumes, or the images."""
        return self.images if self.volumes is None else self.volumes.files

    def of_images(self, of_files: Sequence[str]) -> tuple[str, ...]:
        """What is said of each of `files`, of each image."""
        return tuple(of_files) if self.volumes is None else self.volumes.of_slices(of_files)

    def with_labels(self, of_files: Known) -> FolderSet:
        """The set with the labels that are said of each of `files`."""
        several = self.count // len(self.files)
        return replace(self, labels={label: values_n.repeat(several) for label, values_n in of_files.items()})

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.images)

    @property
    def noun(self) -> str:
        """What an image of it is called."""
        return "image" if self.volumes is None else "slice"

    def in_files(self, images: int) -> tuple[int, str]:
        """A number of images as that of the files that hold them, and what such a file is called."""
        return (images, "image") if self.volumes is None else (images // self.volumes.volumes.cut.count, "volume")

    @property
    def units(self) -> tuple[str, ...]:
        """Whose each image is: its subject or, where each image counts as one, its name."""
        return self.subjects or tuple(self.images)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many images each class has, by its name, sorted; none where nobody says any."""
        return dict(sorted(Counter(self.classes).items()))

    @property
    def label_counts(self) -> dict[str, dict[str, int]]:
        """By label how many images have it, of how many it is known; none where nobody says any."""
        return label_counts(self.labels)

    @property
    def described(self) -> dict[str, str | int]:
        """The set as an answer tells of it."""
        subjects = {"subjects": len(set(self.subjects))} if self.subjects else {}
        whole = {"drawn_from": self.drawn_from} if self.drawn_from else {}
        volumes = {} if self.volumes is None else {"volumes": len(self.files)}
        return {
            "folder": self.where, "images": len(self.images), "ignored": self.ignored, "sha256": self.sha256,
            **volumes, **subjects, **whole,
        }

    def only(self, kept: Sequence[str]) -> FolderSet:
        """Some of its images, by their names in their order; without a digest of all."""
        from ldbench.data.ids import Ids
        from ldbench.data.stored_images import StoredImages

        places = {image: place for place, image in enumerate(self.images)}
        return replace(
            self, images=StoredImages(Ids(kept), self.images.packed, threads=self.images.threads, room=0), sha256="",
            pixels=tuple(self.pixels[places[image]] for image in kept),
            subjects=tuple(self.subjects[places[image]] for image in kept) if self.subjects else (),
            classes=tuple(self.classes[places[image]] for image in kept) if self.classes else (),
            labels={label: values_n[[places[image] for image in kept]] for label, values_n in self.labels.items()},
            drawn_from=len(self.images),
        )


def read_sets(
    places: Mapping[str, Place], *, side: int | None, paired: bool, channels: Channels, whose: Whose | None,
    images: int | None, seed: int, progress: Progress, fit: Fit | None = None, like: Reference | None = None,
    classed: Classed | None = None, labelled: Labelled | None = None,
) -> dict[str, FolderSet]:
    """The sets by what they are ("real", "generated", "generated 2", ..., "training"), their images read once.

    `side` and `fit` are those of `OneSize`; without a side all images have the size of those that `like` has statistics
    of. With `images` so many are drawn of the real and of the generated ones.
    Raises `ImageError`, `UsageError` for fewer than that, and what `subjects_of`, `classes_of` and `labels_of` raise.
    """
    check_apart({name: each for name, place in places.items() if (each := folder_of(place)) is not None})
    one_size = OneSize(side, fit, None if like is None else (like.where, like.size))
    sets = {name: _set_of(name, place, one_size) for name, place in places.items()}
    if paired:
        _check_pairs(sets)
    files, notes = {name: each.files for name, each in sets.items()}, list[str]()
    if whose is not None:
        found = subjects_of(files, whose, notes.append)
        sets = {name: replace(each, subjects=each.of_images(found.get(name, ()))) for name, each in sets.items()}
    sets = {name: _by_volume(each) for name, each in sets.items()}
    if classed is not None:
        labels = classes_of(files, classed, notes.append)
        sets = {name: replace(each, classes=each.of_images(labels[name])) for name, each in sets.items()}
        if paired:
            _check_classes_of_pairs(sets)
    if labelled is not None:
        of_sets = labels_of(files, labelled, notes.append)
        sets = {name: each.with_labels(of_sets[name]) for name, each in sets.items()}
        if paired:
            _check_labels_of_pairs(sets)
    check_files(places, one_size, progress)
    sets = {name: replace(_digested(name, each, progress), notes=tuple(notes)) for name, each in sets.items()}
    if images is not None:
        sets |= {
            name: _digested(name, each, progress) for name, each in drawn(sets, images, seed, paired=paired).items()
        }
    if channels == "rgb":
        return sets
    return {name: replace(each, images=averaged(each.images)) for name, each in sets.items()}


def drawn(sets: Mapping[str, FolderSet], count: int, seed: int, *, paired: bool) -> dict[str, FolderSet]:
    """So many of the real images, if there are any, and of the generated ones, of pairs both.

    Training images stay, or copies would be missed. Which ones are drawn depends on their pixels and the seed, not on
    their names. Of several generated sets that are pairs of real images, or have the same names, the names that the
    first one draws are drawn of all. Each class has the share of the images drawn that it has of all. `UsageError` for
    fewer images than that, and where none is drawn of a class.
    """
    generated = {name: each for name, each in sets.items() if kind_of(name) == GENERATED}
    real = {name: each for name, each in sets.items() if name == "real"}
    for name, each in {**real, **generated}.items():
        if len(each.images) < count:
            raise UsageError(
                f"--images {count}: expected as many {name} images, got {len(each.images)} ({each.where}); lower it"
            )
    first, *others = generated.values()
    if paired or all(list(each.images) == list(first.images) for each in others):
        common = {image for image in first.images if all(image in each.images for each in others)}
        if len(common) < count:
            raise UsageError(
                f"--images {count}: expected as many names that all generated folders have, got {len(common)}; lower it"
            )
        kept = dict.fromkeys(generated, _draw(first, common, count, seed))
    else:
        kept = {name: _draw(each, each.images, count, seed) for name, each in generated.items()}
    of_real = {
        name: kept[GENERATED] if paired else _draw(each, each.images, count, seed) for name, each in real.items()
    }
    found = {name: sets[name].only(of_set) for name, of_set in {**of_real, **kept}.items()}
    for name, each in found.items():
        if missing := set(sets[name].classes) - set(each.classes):
            raise UsageError(
                f"--images {count}: expected {name} images of each class, got none of {min(missing)}; raise it"
            )
    return found


def _draw(given: FolderSet, among: Collection[str], count: int, seed: int) -> list[str]:
    """The names, in their order, of the images whose hashes are the smallest; of equal images each has its own.

    Of several classes, these are the images whose place within their class, as a share of it, is the smallest; of equal
    shares that of the first class, so that sets of like shares are drawn like ones.
    """
    met = Counter[bytes]()
    by_class = dict[str, dict[str, bytes]]()
    for image, pixels, label in zip(
        given.images, given.pixels, given.classes or [""] * len(given.images), strict=True
    ):
        if image not in among:
            continue
        met[pixels] += 1
        hashed = hashlib.sha256(f"{seed} {met[pixels]} ".encode() + pixels).digest()
        by_class.setdefault(label, {})[image] = hashed
    placed = [
        ((2 * place + 1) / len(hashes), label, image)
        for label, hashes in by_class.items() for place, image in enumerate(sorted(hashes, key=hashes.__getitem__))
    ]
    kept = {image for _, _, image in sorted(placed)[:count]}
    return [image for image in given.images if image in kept]


def _by_volume(given: FolderSet) -> FolderSet:
    """The set in which each volume is a subject, where nobody says whose volumes are."""
    if given.volumes is None or given.subjects:
        return given
    return replace(given, subjects=given.of_images(given.volumes.files))


def _set_of(name: str, place: Place, one_size: OneSize) -> FolderSet:
    """The images of a folder or of an array; names are checked at once, each image of a folder when it is asked for."""
    from ldbench.data.array_images import array_images
    from ldbench.data.image_folder import count_ignored, read_any_sizes
    from ldbench.data.preparation import Preparation

    prepared = Preparation()
    if isinstance(place, Path):
        return FolderSet(str(place), read_any_sizes(place, one_size, prepared), prepared, count_ignored(place))
    if isinstance(place, VolumePlane):
        images = place.images(one_size, prepared)
        return FolderSet(str(place.folder), images, prepared, place.volumes.ignored, volumes=place)
    return FolderSet(*array_images(place, name, one_size, prepared), prepared)


def _check_pairs(sets: Mapping[str, FolderSet]) -> None:
    for generated in (each for name, each in sets.items() if kind_of(name) == GENERATED):
        missing = [name for name in generated.files if name not in sets["real"].files]
        _, what = generated.in_files(0)
        if missing:
            raise ImageError(
                f"{sets['real'].where}: expected a true {what} for each one in {generated.where}, got none for "
                f"{len(missing)}, such as {missing[0]}; give both the same name, or drop --paired"
            )


def _check_classes_of_pairs(sets: Mapping[str, FolderSet]) -> None:
    real = dict(zip(sets["real"].images, sets["real"].classes, strict=True))
    for each in (each for name, each in sets.items() if kind_of(name) == GENERATED):
        for image, label in zip(each.images, each.classes, strict=True):
            if real[image] != label:
                raise UsageError(
                    f"--paired: expected the true image of {image} to be of its class, {label}, got one of "
                    f"{real[image]}; correct --classes, or drop --paired"
                )


def _check_labels_of_pairs(sets: Mapping[str, FolderSet]) -> None:
    real, *others = ((list(each.images), each.labels) for name, each in sets.items() if name == "real" or (
        kind_of(name) == GENERATED
    ))
    for other in others:
        check_pairs(real, other)


def _digested(name: str, given: FolderSet, progress: Progress) -> FolderSet:
    """The set with its digests, which read all its images."""
    from ldbench.data.stored_images import hash_pixels

    digest, pixels = hashlib.sha256(), list[bytes]()

    def read(count: int, levels: bytes) -> None:
        pixels.append(hashlib.sha256(levels).digest())
        progress(f"reading {name} {given.noun}s", count, len(given.images))

    hash_pixels(digest, given.images, read)
    if given.volumes is not None:  # slices stand by volume, whose order need not be that of all names: "a/c" and "a"
        by_name = dict(zip(sorted(given.images), pixels, strict=True))
        pixels = [by_name[image] for image in given.images]
    return replace(given, sha256=digest.hexdigest(), pixels=tuple(pixels))
