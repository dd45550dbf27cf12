"""Prompts depend on the card, the attributes and the image's id, and on nothing else."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from ldbench import card
from ldbench.errors import CardError
from ldbench.prompts import prompt_for

PROTOCOL = card.load("sandbox-brain-t2i").protocol
ATTRIBUTES = {"age": 77, "sex": "female", "diagnosis": "AD"}


def test_the_simple_style_fills_the_first_template() -> None:
    assert prompt_for(PROTOCOL, "any", ATTRIBUTES) == "a brain MRI of a 77 year old female with AD"


def test_the_diverse_style_uses_every_template_about_equally_and_repeats_itself() -> None:
    templates = tuple(f"brain {index} {{age}}" for index in range(5))
    protocol = dataclasses.replace(PROTOCOL, prompt_style="diverse", templates=templates)
    first = [prompt_for(protocol, f"id-{index}", ATTRIBUTES) for index in range(1000)]
    assert first == [prompt_for(protocol, f"id-{index}", ATTRIBUTES) for index in range(1000)]
    counts = Counter(first)
    assert len(counts) == 5
    assert min(counts.values()) > 150  # 200 expected, standard deviation 13


def test_words_spell_attribute_values() -> None:
    protocol = dataclasses.replace(PROTOCOL, words={"diagnosis": {"AD": "Alzheimer's disease"}})
    assert prompt_for(protocol, "any", ATTRIBUTES).endswith("with Alzheimer's disease")


def test_a_template_that_names_an_absent_attribute_is_refused() -> None:
    protocol = dataclasses.replace(PROTOCOL, templates=("brain of {weight} kg",))
    with pytest.raises(CardError, match=r"weight.*the data have age, diagnosis, sex"):
        prompt_for(protocol, "any", ATTRIBUTES)
