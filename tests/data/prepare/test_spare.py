"""What is said of a test set: why images are spare, and that a small one makes rough intervals."""

from __future__ import annotations

import re

import pytest

from ldbench.data.prepare.manifest import ManifestRow
from ldbench.data.prepare.spare import lines_on_test_set
from ldbench.data.prepare.splits import Plan


def rows(subjects: int, images: int, spare: int, *others: tuple[str, str]) -> list[ManifestRow]:
    """Test images, the last of which are spare, and further rows by split and role."""
    roles = ["scan"] * (subjects * images - spare) + ["spare"] * spare
    test = [(f"s{n % subjects}", "test", role) for n, role in enumerate(roles)]
    every = [*test, *(("other", split, role) for split, role in others)]
    return [ManifestRow(str(n), subject, split, role, "", "", "", {}) for n, (subject, split, role) in enumerate(every)]


@pytest.mark.parametrize(
    ("plan", "found", "spare", "few"),
    [
        (Plan(), rows(60, 1, 0), None, None),
        (
            Plan(), rows(60, 2, 60),
            "60 of the 120 images .*: it has at most 1 of a subject \\(--images-a-subject\\)$", None,
        ),
        (
            Plan(), rows(10, 2, 12), "12 of the 20 images .* at most 1 of a subject",
            "8 images, .* change --images-a-subject or the test part of --fractions$",
        ),
        (
            Plan(test_per_class=5, test_classes=("a", "b"), images_a_subject=2), rows(20, 1, 10),
            "10 of the 20 images .*: it has 5 of each class \\(--test-per-class\\); a, b alone \\(--test-classes\\)$",
            "10 images, .* change --test-per-class and --test-classes or the test part",
        ),
        (Plan(), rows(49, 1, 0, ("test", "later"), ("train", "scan")), None, "49 images, .* change the test part of"),
    ],
)
def test_spare_images_have_their_reasons_and_a_small_set_a_warning(
    plan: Plan, found: list[ManifestRow], spare: str | None, few: str | None
) -> None:
    lines = lines_on_test_set(found, plan)
    expected = [f"spare: {spare}"] * bool(spare) + [f"warning: the test set has {few}"] * bool(few)
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.match(pattern, line)
