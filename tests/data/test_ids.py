"""Ids in one array: what a list and a dict of their places say, for any texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.data.ids import Ids

TEXTS = st.lists(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=8), unique=True)


@given(TEXTS, st.text(max_size=8))
def test_they_are_a_sequence_that_knows_its_places(texts: list[str], other: str) -> None:
    ids = Ids(texts)
    assert (len(ids), list(ids), ids[1:3]) == (len(texts), texts, tuple(texts[1:3]))
    assert [ids.place(text) for text in texts] == list(range(len(texts)))
    assert (other in ids) == (other in texts)
    if other not in texts:
        with pytest.raises(KeyError):
            ids.place(other)


@given(st.lists(st.sampled_from(["a", "b", "é", "bb"]), max_size=9))
def test_those_that_stand_there_twice(texts: list[str]) -> None:
    assert Ids(texts).repeated() == sorted({text for text in texts if texts.count(text) > 1})
    assert (Ids(texts) == Ids(texts[::-1])) == (texts == texts[::-1])


def test_blocks_of_texts_are_one_array() -> None:
    texts = [str(number) for number in range(9999)]
    assert list(Ids(texts)) == texts
    assert len({Ids(texts), Ids(texts), Ids(texts[1:])}) == 2


def test_names_of_files_need_not_be_text() -> None:
    name = b"scan\xff".decode("utf-8", "surrogateescape")
    assert list(Ids([name, "b"])) == [name, "b"]
    assert Ids([name, "b"]).place(name) == 0
    assert 3 not in Ids(["3"])
