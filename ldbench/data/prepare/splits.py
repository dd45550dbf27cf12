"""Who is in which split, and which images of the test split are the test set: by hashes of names, nothing else.

A subject's split follows from the data set's name, the subject's own id and a salt, so no order of folders, no other
subject and no missing visit can move anybody. Labels only balance the test set, which is drawn inside the test split in
hash order.

Ids that leave are hashed, which hides them from a reader and from a search engine, not from somebody who already holds
the owners' list of ids: the salt is public, or nobody could make the same split again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ldbench.data.prepare.balance import Places, balance
from ldbench.errors import DataError, UsageError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SALT = "ldbench-1"
FRACTIONS = (0.8, 0.1, 0.1)
ID_DIGITS = 20  # 80 bits: among a million images two share an id with a chance of 4e-13


@dataclass(frozen=True)
class Plan:
    """How a data set is split.

    `fractions` of the subjects, on average, go to train, validation and test. The test set has `test_per_class` images
    of each of `test_classes` (all of the reader's where there are none), or the whole test split, balanced or not,
    where that is None. Either way it has at most `images_a_subject` of one subject. Subjects with images `min_years` or
    more apart make a pair each; None makes no pairs. `split_as` is the data set whose ids and split these images share,
    "" for their own: several sizes of the same films then have every subject in one split.
    """

    salt: str = SALT
    fractions: tuple[float, float, float] = FRACTIONS
    test_per_class: int | None = None
    test_classes: tuple[str, ...] = ()
    images_a_subject: int = 1
    min_years: float | None = None
    split_as: str = ""

    def of(self, dataset: str) -> Plan:
        """The plan of a data set; to be split as itself is to be split as without that."""
        return replace(self, split_as="") if self.split_as == dataset else self

    def hashed_as(self, dataset: str) -> str:
        """The name that ids and splits of a data set are hashed with."""
        return self.split_as or dataset

    def __post_init__(self) -> None:
        """Refuse what can't be a split: `UsageError`."""
        check_fractions(self.fractions)
        for name, value, least in (
            ("test_per_class", self.test_per_class, 1), ("images_a_subject", self.images_a_subject, 1),
        ):
            if value is not None and value < least:
                raise UsageError(f"{name}: expected {least} or more, got {value}")
        if self.min_years is not None and not 0 < self.min_years < float("inf"):
            raise UsageError(f"min_years: expected more than 0 years, got {self.min_years}")


@dataclass(frozen=True)
class Candidate:
    """An image that the test set may be drawn from: hashed ids of image and subject, and its class."""

    image_id: str
    subject_id: str
    label: str


def hashed(dataset: str, name: str, salt: str = SALT) -> str:
    """The id under which a subject or image leaves: 20 hex digits of SHA-256."""
    return _digest("id", dataset, name, salt).hexdigest()[:ID_DIGITS]


def split_of(
    dataset: str, subject: str, salt: str = SALT, fractions: tuple[float, float, float] = FRACTIONS
) -> Split:
    """The split of a subject: where its hash, as a number in [0, 1), falls among the fractions."""
    check_fractions(fractions)
    number = int.from_bytes(_digest("split", dataset, subject, salt).digest()[:8], "big") / 2**64
    train, validation, _ = fractions
    if number < train:
        return "train"
    return "validation" if number < train + validation else "test"


def draw_order(image_id: str) -> str:
    """What the images of the test split are sorted by; independent of what decided the split."""
    return hashlib.sha256(f"draw\0{image_id}".encode()).hexdigest()


def draw_test_set(
    candidates: Iterable[Candidate], classes: Sequence[str], per_class: int | None, images_a_subject: int = 1
) -> list[str]:
    """The ids of the test set, in hash order: the first `per_class` images of each class, or, for None, all.

    Each subject first gives up all but `images_a_subject` of its images of these classes, whatever the number asked
    for, so a smaller test set lies inside a larger one. They are its first ones; for a balanced set, those by which the
    rarest class has as many as it can (`balance`). Raises `DataError` where a class has too few.
    """
    of_subject: dict[str, Places] = {}
    for candidate in sorted(candidates, key=lambda candidate: draw_order(candidate.image_id)):
        if candidate.label in classes:
            places = of_subject.setdefault(candidate.subject_id, Places())
            places.add(candidate.label, candidate.image_id, images_a_subject)
    subjects = list(of_subject.values())
    if per_class is not None:
        balance(subjects, classes)
    members = {
        label: sorted(
            (image for one in subjects for image in one.images.get(label, [])[: one.taken.get(label, 0)]),
            key=draw_order,
        )
        for label in classes
    }
    scarce = {label: len(ids) for label, ids in members.items() if per_class is not None and len(ids) < per_class}
    if scarce:
        has = ", ".join(f"{count} of {label}" for label, count in scarce.items())
        raise DataError(
            f"test set: expected {per_class} images of each class, the test split has at most {has} "
            f"(at most {images_a_subject} a subject); lower --test-per-class, or raise --images-a-subject or the test "
            "part of --fractions"
        )
    return sorted((image_id for ids in members.values() for image_id in ids[:per_class]), key=draw_order)


def check_fractions(fractions: tuple[float, float, float]) -> None:
    """`UsageError` unless the three are parts of one whole and there is something to train on and test with."""
    train, validation, test = fractions
    if not (train > 0 and validation >= 0 and test > 0 and abs(train + validation + test - 1) < 1e-9):
        raise UsageError(f"fractions: expected train, validation and test that add up to 1, got {fractions}")


def _digest(purpose: str, dataset: str, name: str, salt: str) -> hashlib._Hash:
    # the lengths keep ("a", "bc") and ("ab", "c") apart, whatever the names hold
    parts = (purpose, dataset, name, salt)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))  # a file's name need not be UTF-8
