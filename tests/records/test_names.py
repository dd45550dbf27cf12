"""Names and texts of strangers: a name stays in its folder, a text on its line."""

from __future__ import annotations

from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from ldbench.records.names import one_line, slug


@given(st.text())
def test_one_line_has_no_line_end_and_no_control_character(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip() == one_line(line)
    assert not [character for character in line if ord(character) < 32 or 127 <= ord(character) < 160]
    line.encode("utf-8")


def test_words_stay() -> None:
    assert one_line(" a\n\tb\x1b[1mc\ud800 ") == "a b [1mc"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_slug_is_one_name_and_no_other_texts(one: str, two: str) -> None:
    assert PurePath(slug(one)).name == slug(one) not in ("", ".", "..")
    assert (slug(one) == slug(two)) == (one == two)
