"""The corpus is deterministic, its captions keep to their grammar, and nothing in it is medical."""

from __future__ import annotations

import re

import numpy as np
import pytest

from recipes.tiny_sd.captions import COLOURS, MATERIALS, OBJECTS, PATTERNS, STYLES, caption_words, counted, styled
from recipes.tiny_sd.corpus import Corpus, Picture
from recipes.tiny_sd.materials import build_materials
from recipes.tiny_sd.objects import build_drawings
from recipes.tiny_sd.patterns import build_patterns
from recipes.tiny_sd.scenes import bare_surface, build_studio

MEDICAL_STEMS = (
    "medic", "clinic", "patient", "brain", "chest", "mri", "scan", "x-ray", "xray", "radio", "lung", "pleural",
    "heart", "cardi", "tissue", "alzheimer", "dementia", "cognit", "disease", "diagnos", "anatom", "tumor", "bone",
    "hospital", "doctor", "lesion", "cortex", "ventric", "skull", "pneumon", "effusion",
)  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    corpus = Corpus(0)
    return [corpus.render(index) for index in range(400)]


def test_a_picture_depends_on_seed_and_index_alone(pictures: list[Picture]) -> None:
    again = Corpus(0)
    for index in (399, 7, 120):  # out of order: no state passes from one picture to the next
        picture = again.render(index)
        assert picture.caption == pictures[index].caption
        np.testing.assert_array_equal(picture.pixels, pictures[index].pixels)
    assert not np.array_equal(Corpus(1).render(7).pixels, pictures[7].pixels)


def test_pictures_are_images_and_none_is_blank(pictures: list[Picture]) -> None:
    for picture in pictures:
        assert picture.pixels.shape == (64, 64, 3)
        assert picture.pixels.dtype == np.uint8
    spreads = np.array([picture.pixels.std() for picture in pictures])
    assert (spreads > 0.5).all()
    assert np.median(spreads) > 20


def test_about_a_third_is_black_and_white(pictures: list[Picture]) -> None:
    grey = [float(np.ptp(picture.pixels.astype(int), axis=2).mean()) < 20 for picture in pictures]
    assert 0.25 < np.mean(grey) < 0.60


def test_captions_use_the_words_of_the_grammar_and_numbers_only(pictures: list[Picture]) -> None:
    words = caption_words()
    for picture in pictures:
        assert not [word for word in picture.caption.split() if word not in words and not word.isdigit()]


def test_captions_open_with_a_style_and_name_something_drawn(pictures: list[Picture]) -> None:
    openings = [style for style in STYLES.values() if style]
    things = [*OBJECTS, *OBJECTS.values(), *MATERIALS, *PATTERNS, "sign", "mountains", "field", "beach", "sea", "road"]
    for picture in pictures:
        assert any(re.search(rf"\b{thing}\b", picture.caption) for thing in things), picture.caption
    assert {opening for opening in openings if any(p.caption.startswith(opening) for p in pictures)} == set(openings)


def test_no_caption_can_hold_a_medical_word() -> None:
    assert not [word for word in caption_words() for stem in MEDICAL_STEMS if stem in word]


def test_a_named_colour_is_the_colour_seen() -> None:
    studio = build_studio(0)
    seen = 0
    for index in range(200):
        picture, phrase = bare_surface(studio, np.random.default_rng(index))
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        if phrase.startswith("red "):
            assert red > 1.5 * max(green, blue)
            seen += 1
        if phrase.startswith("blue "):
            assert blue > 1.5 * max(red, green)
            seen += 1
    assert seen > 10


def test_every_name_has_its_drawing() -> None:
    assert set(build_drawings()) == set(OBJECTS)
    assert set(build_materials()) == set(MATERIALS)
    assert set(build_patterns()) == set(PATTERNS)
    assert len(COLOURS) == 13


def test_phrases() -> None:
    assert counted("apple", 1, "small orange") == "a small orange apple"
    assert counted("umbrella", 1, "orange") == "an orange umbrella"
    assert counted("leaf", 3, "") == "three leaves"
    assert styled("grey", "two cats") == "a black and white photo of two cats"
    assert styled("plain", "two cats") == "two cats"
