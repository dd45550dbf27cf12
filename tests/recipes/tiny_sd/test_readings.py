"""Readings say what plain pictures show, and questions ask what their captions name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recipes.tiny_sd.captions import COLOURS, COUNTS
from recipes.tiny_sd.corpus import Corpus, Picture
from recipes.tiny_sd.following import PromptQuestion, build_kinds, collect_questions, right_shares
from recipes.tiny_sd.readings import count_things, foreground, place_of_thing, style_of, surface_colour, thing_colour

_ROWS, _COLUMNS = np.mgrid[:64, :64]
_SPOTS = ((16, 12), (16, 32), (16, 52), (46, 12), (46, 32), (46, 52))


def discs(colour: str, spots: tuple[tuple[int, int], ...], ground: str = "white") -> np.ndarray:
    """Discs of a radius of six pixels on a ground that grows a little darker to the right."""
    picture = np.asarray(COLOURS[ground]) * (1.0 - 0.1 * _COLUMNS[..., None] / 63)
    for row, column in spots:
        picture[np.hypot(_ROWS - row, _COLUMNS - column) < 6] = COLOURS[colour]
    return picture


@pytest.mark.parametrize("colour", COLOURS)
def test_colours(colour: str) -> None:
    ground = "blue" if colour in ("white", "grey", "beige", "black") else "white"
    noise = np.random.default_rng(0).normal(0, 0.02, (64, 64, 3))
    assert surface_colour(np.asarray(COLOURS[colour]) + noise) == colour
    assert thing_colour(discs(colour, _SPOTS[:1], ground) + noise) == colour


@pytest.mark.parametrize("count", range(1, 7))
def test_counts(count: int) -> None:
    assert count_things(discs("red", _SPOTS[:count])) == count


def test_small_specks_and_holes_do_not_count() -> None:
    picture = discs("red", _SPOTS[:2])
    picture[40, 40] = COLOURS["red"]
    picture[16, 12] = COLOURS["white"]
    assert count_things(picture) == 2


def test_an_even_picture_has_no_foreground() -> None:
    picture = np.full((64, 64, 3), 0.5)
    assert not foreground(picture).any()
    assert count_things(picture) == 0
    assert thing_colour(picture) == place_of_thing(picture) == ""


@pytest.mark.parametrize(
    ("spot", "place"),
    [((32, 10), "on the left"), ((30, 55), "on the right"), ((9, 33), "at the top"), ((54, 30), "at the bottom")],
)
def test_places(spot: tuple[int, int], place: str) -> None:
    assert place_of_thing(discs("green", (spot,))) == place


def test_styles() -> None:
    sharp = discs("red", _SPOTS)
    dark = np.repeat(discs("white", _SPOTS, "black").mean(axis=2, keepdims=True), 3, axis=2)
    outline = 1.0 - np.abs(ndimage.laplace(dark[..., 0]))
    assert style_of(sharp) == "photo"
    assert style_of(ndimage.gaussian_filter(sharp, (2, 2, 0))) == "blurred"
    assert style_of(dark) == "grey"
    assert style_of(np.repeat(outline.clip(0, 1)[..., None], 3, axis=2)) == "pencil"


@pytest.mark.parametrize(
    ("caption", "kind", "answer"),
    [
        ("a photo of turquoise wool", "colour of a surface", "turquoise"),
        ("a small red ball at the top on a white background", "colour of a thing", "red"),
        ("a small red ball at the top on a white background", "place", "at the top"),
        ("a photo of six small green birds on a grey background", "count", "six"),
        ("a photo of an orange fish on a grey background", "count", "an"),
        ("a pencil sketch of a green dog on a blue table", "style", "a pencil sketch of"),
    ],
)
def test_what_a_caption_is_asked_for(caption: str, kind: str, answer: str) -> None:
    match = build_kinds()[kind].pattern.fullmatch(caption)
    assert match is not None
    assert match["answer"] == answer


@pytest.mark.parametrize(
    ("caption", "kind"),
    [
        ("a painting of turquoise wool", "colour of a surface"),
        ("a black and white photo of a red ball on a white background", "colour of a thing"),
        ("a red ball and a blue cup on a white background", "colour of a thing"),
        ("a red ball in the centre on a white background", "place"),
        ("two red rings on a white background", "count"),
        ("two red birds on a white beach", "count"),
    ],
)
def test_what_a_caption_is_not_asked_for(caption: str, kind: str) -> None:
    assert build_kinds()[kind].pattern.fullmatch(caption) is None


def test_shares_are_of_each_kind() -> None:
    questions = [PromptQuestion("count", "", COUNTS[index], np.zeros((1, 1, 3))) for index in (0, 1, 2)]
    pictures = [discs("red", _SPOTS[:count]) for count in (1, 2, 6)]
    assert right_shares(questions, pictures) == {"count": pytest.approx(2 / 3)}


def test_too_few_pictures_for_the_questions() -> None:
    with pytest.raises(ValueError, match="expected pictures for 300 questions, got 1;"):
        collect_questions([Picture(np.zeros((64, 64, 3), np.uint8), "red wool")])


@pytest.mark.slow
def test_readings_are_right_on_most_corpus_pictures() -> None:
    corpus = Corpus(77)
    questions = collect_questions(corpus.render(index) for index in range(10_000))
    shares = right_shares(questions, [question.picture for question in questions])
    assert len(questions) == 300
    assert min(shares.values()) > 0.75
    assert np.mean(list(shares.values())) > 0.85
