"""Prompts depend on the card, the attributes, the run's seed and the image's id, and on nothing else."""

from __future__ import annotations

import dataclasses
import string
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from ldbench.errors import CardError
from ldbench.task import card
from ldbench.task.prompts import (
    age_change,
    check_attributes,
    instruction_for,
    named_attributes,
    prompt_for,
    spelled_age,
    template_for,
)

SIMPLE = card.load("sandbox-brain-t2i").protocol
DIVERSE = card.load("sandbox-brain-t2i-diverse").protocol
PLAIN = card.load("sandbox-brain-t2i-diverse-plain").protocol
ATTRIBUTES = {"age": 77, "sex": "female", "diagnosis": "AD"}
IDS = st.text(string.ascii_letters + string.digits + "-_.é", min_size=1, max_size=20)
SEEDS = st.integers(0, 2**63)


def test_the_simple_style_fills_the_papers_template_whatever_the_seed() -> None:
    for seed in range(5):
        assert prompt_for(SIMPLE, "any", ATTRIBUTES, seed) == "A brain MRI of a 77 year old female with AD"
        assert prompt_for(card.load("sandbox-brain-t2i-plain").protocol, "any", ATTRIBUTES, seed) == "a brain MRI"


@given(st.lists(IDS, min_size=1, max_size=30, unique=True).flatmap(lambda ids: st.tuples(
    st.just(ids), st.permutations(ids), st.integers(0, len(ids)),
)), SEEDS)
def test_an_images_draw_depends_on_no_other_image_and_on_no_order(
    drawn: tuple[list[str], list[str], int], seed: int
) -> None:
    ids, shuffled, count = drawn
    all_of_them = {name: template_for(DIVERSE, name, seed) for name in ids}
    some_of_them = {name: template_for(DIVERSE, name, seed) for name in shuffled[:count]}
    assert some_of_them.items() <= all_of_them.items()


@given(IDS, SEEDS)
def test_patient_information_is_all_that_differs_between_two_diverse_cards(name: str, seed: int) -> None:
    drawn = DIVERSE.templates.index(template_for(DIVERSE, name, seed))
    assert PLAIN.templates.index(template_for(PLAIN, name, seed)) == drawn


@given(IDS, SEEDS)
def test_a_draw_is_one_of_the_cards_templates(name: str, seed: int) -> None:
    few = dataclasses.replace(DIVERSE, templates=DIVERSE.templates[:3])
    assert template_for(few, name, seed) in few.templates


@pytest.mark.parametrize("seed", range(3))
def test_over_images_each_of_21_is_drawn_about_equally(seed: int) -> None:
    counts = Counter(template_for(DIVERSE, f"brain-s{index:04}-scan", seed) for index in range(4200))
    assert set(counts) == set(DIVERSE.templates)
    assert uniformity(counts.values()) > 1e-4


def test_over_seeds_each_of_21_is_drawn_about_equally() -> None:
    counts = Counter(template_for(DIVERSE, "brain-s0001-scan", seed) for seed in range(4200))
    assert set(counts) == set(DIVERSE.templates)
    assert uniformity(counts.values()) > 1e-4


def uniformity(counts: Iterable[int]) -> float:
    """The p-value of Pearson's chi-squared test against equal frequencies."""
    seen = list(counts)
    expected = sum(seen) / len(seen)
    return float(chi2.sf(sum((count - expected) ** 2 / expected for count in seen), len(seen) - 1))


def test_the_draw_is_the_same_in_every_release() -> None:
    drawn = [DIVERSE.templates.index(template_for(DIVERSE, f"brain-s{index:04}-scan", 0)) for index in range(6)]
    assert drawn == [20, 5, 20, 10, 16, 8]


def test_words_spell_attribute_values() -> None:
    protocol = dataclasses.replace(SIMPLE, words={"diagnosis": {"AD": "Alzheimer's disease"}})
    assert prompt_for(protocol, "any", ATTRIBUTES, 0).endswith("with Alzheimer's disease")


def test_a_template_that_names_an_absent_attribute_is_refused_with_the_card() -> None:
    protocol = dataclasses.replace(SIMPLE, templates=("brain of {weight} kg",))
    with pytest.raises(CardError, match=r"'brain of \{weight\} kg' asks for, got one without weight; fill the gap"):
        prompt_for(protocol, "any", ATTRIBUTES, 0)
    task = dataclasses.replace(card.load("sandbox-brain-t2i"), protocol=protocol)
    with pytest.raises(CardError, match=r"^sandbox-brain-t2i:protocol\.templates\[0\]: expected attributes .*'weight'"):
        check_attributes(task, ATTRIBUTES)


def test_attributes_are_named_by_templates_and_instructions() -> None:
    assert named_attributes(card.load("sandbox-brain-aging")) == ["age", "diagnosis", "sex"]
    assert named_attributes(card.load("sandbox-brain-t2i-plain")) == []


@pytest.mark.parametrize(
    ("years", "said"),
    [(0, "not at all"), (1, "slightly"), (4, "slightly"), (5, "moderately"), (10, "moderately"), (11, "significantly"),
     (-4, "slightly backwards"), (-10, "moderately backwards"), (-11, "significantly backwards")],
)
def test_the_papers_bins_of_age(years: int, said: str) -> None:
    assert age_change(years) == said


def test_ages_are_spelled_as_numbers_or_in_words() -> None:
    spelled = [spelled_age(years, "word") for years in range(120)]
    assert len(set(spelled)) == 120
    for years, words in enumerate(spelled):
        assert spelled_age(years, "numerical") == spelled_age(years, "binned") == str(years)
        assert not any(character.isdigit() for character in words)
        assert words == words.strip() != ""


def test_some_ages_in_words() -> None:
    assert [spelled_age(years, "word") for years in (0, 13, 40, 77, 101)] == [
        "zero", "thirteen", "forty", "seventy-seven", "one hundred and one",
    ]


def test_the_papers_own_instruction() -> None:
    task = card.load("sandbox-brain-aging")
    assert task.edit is not None
    source, target = {"age": 70, "sex": "female", "diagnosis": "CN"}, {"age": 77, "sex": "female", "diagnosis": "MCI"}
    said = instruction_for(task, task.edit, "any", source, target, 0)
    assert said == "Age this CN 70 years old female brain MRI into a 77 brain MRI with MCI"  # Fig. 6


def test_a_caption_of_the_users_own_is_the_prompt_with_its_braces() -> None:
    own = dataclasses.replace(SIMPLE, templates=("{caption}",))
    for caption in ("a {round} thing", "{age}", "50 % {", "ünlike {}"):
        assert prompt_for(own, "any", {**ATTRIBUTES, "caption": caption}, 0) == caption
