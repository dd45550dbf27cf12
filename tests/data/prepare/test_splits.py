"""Splits follow from names alone: order, company and missing visits move nobody, and the test set is balanced."""

from __future__ import annotations

import math
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from ldbench.data.prepare.splits import FRACTIONS, Candidate, Plan, draw_order, draw_test_set, hashed, split_of
from ldbench.errors import DataError, UsageError

names = st.text(min_size=1, max_size=8)
labels = st.sampled_from(["CN", "AD", "MCI"])
candidates = st.lists(
    st.builds(Candidate, st.integers(0, 10**9).map(str), st.integers(0, 30).map(str), labels),
    max_size=80, unique_by=lambda each: each.image_id,
)


def drawn(images: list[Candidate], per_class: int, per_subject: int = 1) -> list[str] | None:
    """The test set, None where there are too few."""
    try:
        return draw_test_set(images, ["CN", "AD"], per_class, per_subject)
    except DataError:
        return None


@pytest.mark.slow
@given(st.lists(names, unique=True), names, st.randoms())
def test_a_subjects_split_is_the_same_in_any_order_and_company(people: list[str], new: str, random: object) -> None:
    before = {subject: split_of("d", subject) for subject in people}
    random.shuffle(people)  # type: ignore[attr-defined]
    after = {subject: split_of("d", subject) for subject in [new, *people]}
    assert all(after[subject] == split for subject, split in before.items())


def test_the_splits_of_named_subjects_are_those_of_the_first_release() -> None:
    # a change here moves everybody's subjects between splits
    found = [split_of("oasis3", f"OAS{30000 + n}") for n in range(1, 31)]
    assert "".join(split[1] for split in found) == "rrerrearrrrarrerrrrrrrrrrerarr"
    assert hashed("oasis3", "OAS30001") == "bf9182f6fb76f61125cf"


def test_the_fractions_are_kept_on_average() -> None:
    counts = Counter(split_of("d", str(n)) for n in range(20_000))
    for split, fraction in zip(("train", "validation", "test"), FRACTIONS, strict=True):
        assert abs(counts[split] / 20_000 - fraction) < 4 * (fraction * (1 - fraction) / 20_000) ** 0.5


def test_data_set_and_salt_make_another_split_and_other_ids() -> None:
    people = [str(n) for n in range(500)]
    plain = [split_of("d", each) for each in people]
    assert plain != [split_of("e", each) for each in people]
    assert plain != [split_of("d", each, "pepper") for each in people]
    assert hashed("ab", "c") != hashed("a", "bc")


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_name_of_any_bytes_has_an_id_and_a_split_of_its_own(first: bytes, second: bytes) -> None:
    ids = [hashed("oasis3", os.fsdecode(name)) for name in (first, second)]
    assert (ids[0] == ids[1]) == (first == second)
    assert split_of("oasis3", os.fsdecode(first)) in ("train", "validation", "test")


def test_what_a_subject_is_split_by_says_nothing_of_when_it_is_drawn() -> None:
    in_test = [str(n) for n in range(4000) if split_of("d", str(n)) == "test"]
    early = sum(draw_order(hashed("d", each)) < "8" for each in in_test) / len(in_test)
    assert 0.4 < early < 0.6


@settings(max_examples=60)
@given(candidates, st.integers(1, 6), st.integers(1, 3), st.randoms())
def test_the_test_set_is_balanced_keeps_its_order_and_its_limit_a_subject(
    images: list[Candidate], per_class: int, per_subject: int, random: object
) -> None:
    chosen = drawn(images, per_class, per_subject)
    by_id = {each.image_id: each for each in images}
    random.shuffle(images)  # type: ignore[attr-defined]
    assert drawn(images, per_class, per_subject) == chosen
    if chosen is None:
        return
    assert Counter(by_id[each].label for each in chosen) == {"CN": per_class, "AD": per_class}
    assert max(Counter(by_id[each].subject_id for each in chosen).values()) <= per_subject
    assert chosen == sorted(chosen, key=draw_order)
    smaller = drawn(images, per_class - 1, per_subject) if per_class > 1 else []
    assert smaller is not None
    assert set(smaller) <= set(chosen)


@settings(max_examples=60)
@given(candidates, st.integers(1, 3))
def test_a_test_set_is_drawn_wherever_there_is_one(images: list[Candidate], per_subject: int) -> None:
    """The largest balanced set there is, by a linear program that knows of no order."""
    subjects = sorted({each.subject_id for each in images})
    limits = [[each.subject_id == subject for each in images] + [0] for subject in subjects]
    equal = [[each.label == label for each in images] + [-1] for label in ("CN", "AD")]
    best = optimize.linprog(
        [0] * len(images) + [-1], A_ub=np.array(limits, float).reshape(-1, len(images) + 1),
        b_ub=[per_subject] * len(subjects), A_eq=np.array(equal, float), b_eq=[0, 0],
        bounds=[(0, 1)] * len(images) + [(0, None)],
    )
    largest = math.floor(-best.fun + 1e-6)  # its corners may be halves where an odd number is shared
    assert drawn(images, largest + 1, per_subject) is None
    assert largest == 0 or drawn(images, largest, per_subject) is not None


def test_a_subject_of_two_classes_stands_for_the_rarer_one() -> None:
    images = [Candidate(f"pure{number}", f"pure{number}", "CN") for number in range(4)]
    images += [Candidate(f"{label}{number}", f"both{number}", label) for number in range(6) for label in ("CN", "AD")]
    for asked in (1, 3, 5):
        chosen = draw_test_set(images, ["CN", "AD"], asked)
        assert Counter(image[:2] == "AD" for image in chosen) == {True: asked, False: asked}
    with pytest.raises(DataError, match="expected 6 images of each class, the test split has at most 5 of CN, 5 of AD"):
        draw_test_set(images, ["CN", "AD"], 6)


def test_places_are_moved_by_way_of_a_third_class() -> None:
    """No subject has both A and C: B takes from A what it gives to C."""
    images = [Candidate(f"A{number}", f"s{number}", "A") for number in range(5)]
    images += [Candidate(f"{label}x{number}", f"x{number}", label) for number in range(2) for label in "AB"]
    images += [Candidate(f"{label}y{number}", f"y{number}", label) for number in range(2) for label in "BC"]
    assert len(draw_test_set(images, ["A", "B", "C"], 2)) == 6


def test_a_test_set_that_need_not_be_balanced_has_the_first_image_of_each_subject() -> None:
    images = [Candidate(f"{label}{number}", f"{number}", label) for number in range(9) for label in ("CN", "AD")]
    first = {number: min((f"{label}{number}" for label in ("CN", "AD")), key=draw_order) for number in range(9)}
    assert sorted(draw_test_set(images, ["CN", "AD"], None)) == sorted(first.values())


def test_too_few_images_of_a_class_are_counted_in_the_message() -> None:
    images = [Candidate("1", "a", "CN"), Candidate("2", "b", "AD"), Candidate("3", "b", "AD")]
    with pytest.raises(DataError, match=r"2 images of each class, the test split has at most 1 of CN, 1 of AD"):
        draw_test_set(images, ["CN", "AD"], 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fractions": (0.9, 0.2, 0.1)}, {"fractions": (0.0, 0.5, 0.5)}, {"test_per_class": 0}, {"images_a_subject": 0},
        {"min_years": -1.0}, {"min_years": float("nan")},
    ],
)
def test_a_plan_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Plan(**wrong)  # type: ignore[arg-type]
