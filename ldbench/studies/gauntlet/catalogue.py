"""The failures of the gauntlet, a record each, in the order in which they are run and shown."""

from __future__ import annotations

from ldbench.api import Kind
from ldbench.errors import unknown_name
from ldbench.studies.gauntlet import anatomy, appearance, edits, population
from ldbench.studies.gauntlet.failure import EDITS, TEXT_TO_IMAGE, Failure

_BOTH = TEXT_TO_IMAGE | EDITS
_64THS, _SHARE = "64ths of the side", "share of the images"

FAILURES = (
    Failure(
        "too-little", EDITS, "edit", "Edits that stop on the way from the source to the truth.",
        "share of the way left out", (0.5, 1.0), edits.too_little,
    ),
    Failure(
        "too-much", EDITS, "edit", "Edits that go on past the truth.", "share of the way added", (0.5, 1.0),
        edits.too_much,
    ),
    Failure("unedited", EDITS, "edit", "Sources left as they are.", _SHARE, (0.1, 0.5), edits.unedited),
    Failure(
        "other-subject", EDITS, "edit", "Another subject's scan of the class asked for.", _SHARE, (0.1, 1.0),
        edits.other_subject,
    ),
    Failure("blur", _BOTH, "appearance", "Gaussian blur.", _64THS, (0.3, 1.0, 2.5), appearance.blurred, unseen=1),
    Failure(
        "noise", _BOTH, "appearance", "White noise.", "standard deviation", (0.02, 0.1), appearance.noisy, unseen=1
    ),
    Failure(
        "background-noise", _BOTH, "appearance", "White noise where the image is black.", "standard deviation",
        (0.005, 0.02), appearance.noisy_background, unseen=2,
    ),
    Failure(
        "contrast", TEXT_TO_IMAGE, "appearance", "Contrast lost.", "share lost", (0.1, 0.25, 0.5), appearance.flatter,
        unseen=1,
    ),
    Failure("gain", _BOTH, "appearance", "Brightness lost.", "share lost", (0.05, 0.3), appearance.darker, unseen=1),
    Failure(
        "jpeg", _BOTH, "appearance", "JPEG compression.", "quality", (70.0, 10.0), appearance.compressed, unseen=1
    ),
    Failure("veil", EDITS, "appearance", "A constant added.", "grey level", (0.01, 0.1), appearance.veiled, unseen=1),
    Failure("shift", EDITS, "appearance", "Moved to the right.", _64THS, (1.0, 4.0), appearance.shifted),
    Failure(
        "averaged", TEXT_TO_IMAGE, "population", "Means of training scans of one class.", "scans", (2.0, 16.0),
        population.averaged,
    ),
    Failure(
        "collapse", TEXT_TO_IMAGE, "population", "Few distinct images in each class, repeated.", "images a class",
        (20.0, 5.0, 1.0), population.collapsed,
    ),
    Failure(
        "tails", TEXT_TO_IMAGE, "population", "Only training scans near their class's mean image.", "share kept",
        (0.5, 0.2), population.without_tails,
    ),
    Failure(
        "class-share", TEXT_TO_IMAGE, "condition", "The first class too often, whatever was asked for.",
        "share of the first class", (0.75, 1.0), population.of_one_class,
    ),
    Failure(
        "swapped-classes", TEXT_TO_IMAGE, "condition", "Images of another class than was asked for.", _SHARE,
        (0.5, 1.0), population.swapped,
    ),
    Failure(
        "other-modality", TEXT_TO_IMAGE, "condition", "Images of another data set.", _SHARE, (0.05, 0.25),
        population.of_another_modality,
    ),
    Failure("left-right", _BOTH, "anatomy", "Flipped left to right.", _SHARE, (1.0,), anatomy.left_right),
    Failure("upside-down", _BOTH, "anatomy", "Upside down.", _SHARE, (0.25, 1.0), anatomy.upside_down),
    Failure(
        "chimera", TEXT_TO_IMAGE, "anatomy", "Parts of several subjects.", "subjects", (2.0, 4.0), anatomy.chimeras
    ),
    Failure(
        "mirrored", TEXT_TO_IMAGE, "anatomy", "A left half and its mirror image.", _SHARE, (1.0,), anatomy.mirrored
    ),
    Failure("lesion", _BOTH, "anatomy", "A bright disc at a random place.", _SHARE, (1.0,), anatomy.with_lesion),
    Failure("hole", _BOTH, "anatomy", "A dark disc at a random place.", _SHARE, (1.0,), anatomy.with_hole),
    Failure(
        "shuffled", TEXT_TO_IMAGE, "anatomy", "Four blocks of the middle change places.", _SHARE, (1.0,),
        anatomy.shuffled,
    ),
    Failure(
        "inverted", TEXT_TO_IMAGE, "anatomy", "Bright and dark change places inside the body.", _SHARE, (1.0,),
        anatomy.inverted,
    ),
    Failure("copies", TEXT_TO_IMAGE, "copy", "Training scans as they are.", _SHARE, (1.0,), population.copies),
    Failure(
        "shifted-copies", TEXT_TO_IMAGE, "copy", "Training scans moved to the right.", _64THS, (1.0,),
        population.shifted_copies,
    ),
    Failure(
        "noisy-copies", TEXT_TO_IMAGE, "copy", "Training scans with noise.", "standard deviation", (0.005,),
        population.noisy_copies,
    ),
    Failure(
        "test-copies", TEXT_TO_IMAGE, "copy", "The test scans themselves.", _SHARE, (1.0,), population.copies_of_test
    ),
)


def failures_of(kind: Kind, names: list[str] | None = None) -> list[Failure]:
    """The failures of a kind of task, or those of them that are named; `UnknownNameError` for any other name."""
    of_kind = [failure for failure in FAILURES if kind in failure.kinds]
    known = [failure.name for failure in of_kind]
    for name in names or ():
        if name not in known:
            raise unknown_name("failure", name, known, f"of {kind} there are {', '.join(known)}", listed=True)
    return [failure for failure in of_kind if not names or failure.name in names]
