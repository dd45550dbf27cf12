"""A generator that copies nothing is seldom flagged, whoever has several images."""

from __future__ import annotations

import pytest

from leaderboards.flags_of_copies import Design, flagged


@pytest.mark.parametrize("generated", [(25, 8), (200, 1)])
def test_fresh_images_of_few_subjects_are_seldom_flagged(generated: Design) -> None:
    by_subject, by_image = flagged(generated, (25, 8), 0.9, 300)
    assert by_subject <= 2 / 300
    assert by_image >= 15 / 300


def test_where_each_image_has_its_own_subject_nothing_changes() -> None:
    by_subject, by_image = flagged((60, 1), (20, 1), 0.9, 50)
    assert by_subject == by_image
