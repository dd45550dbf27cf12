"""Names and texts of strangers: a name stays in its folder, a text on its line."""

from __future__ import annotations

import json
from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from ldbench.records.names import one_line, readable_json, slug


@given(st.text())
def test_one_line_has_no_line_end_and_no_control_character(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip() == one_line(line)
    assert not [character for character in line if ord(character) < 32 or 127 <= ord(character) < 160]
    line.encode("utf-8")


def test_words_stay() -> None:
    assert one_line(" a\n\tb\x1b[1mc\ud800 ") == "a b [1mc"
    assert one_line("good\u202elive") == "goodlive"  # would read "goodevil"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_slug_is_one_name_and_no_other_texts(one: str, two: str) -> None:
    assert PurePath(slug(one)).name == slug(one) not in ("", ".", "..")
    assert (slug(one) == slug(two)) == (one == two)


@given(st.text(st.characters(exclude_categories=())) | st.integers() | st.none() | st.lists(st.text()))
def test_readable_json_is_the_same_value_in_letters_that_are_seen(value: object) -> None:
    text = readable_json(value)
    assert json.loads(text) == value
    assert text.isprintable()
    text.encode("utf-8")


def test_letters_stay_as_they_are_in_readable_json() -> None:
    assert readable_json("\u00c4rzte \u2028") == '"\u00c4rzte \\u2028"'
