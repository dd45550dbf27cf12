"""A card written from another is that card, but for what was changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.errors import CardError
from ldbench.task import card
from ldbench.task.derived import derived

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
SCALARS = TEXT | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(SCALARS | st.lists(SCALARS, max_size=3), lambda inner: st.dictionaries(TEXT, inner, max_size=3))
OWN = {"id": "mine", "version": 2, "title": "t", "summary": "s"}


@pytest.mark.parametrize("name", card.task_names())
def test_without_a_change_that_counts_it_measures_what_its_base_does(name: str) -> None:
    base = card.load(name)
    again = card.parse(derived(name, {key: getattr(base, key) for key in OWN}), "again.toml")
    assert again.hash == base.hash


@pytest.mark.parametrize("name", ["sandbox-brain-aging", "sandbox-brain-t2i-plain"])
def test_what_is_changed_is_changed(name: str) -> None:
    task = card.parse(derived(name, {**OWN, "data": {"revision": "9"}, "protocol": {"seeds": [4]}}), "mine.toml")
    assert (task.id, task.version, task.data.revision, task.protocol.seeds) == ("mine", 2, "9", (4,))
    assert task.metrics == card.load(name).metrics


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_any_table_is_read_back_as_it_was_written(changes: dict[str, object]) -> None:
    table = {**OWN, **changes, "extends": "sandbox-brain-t2i"}
    assert tomllib.loads(derived("sandbox-brain-t2i", table)) == table


def test_a_card_that_lies_in_a_file_is_written_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(derived("sandbox-brain-aging", OWN), encoding="utf-8")
    again = card.parse(derived(str(path), {"title": "new"}), "again.toml")
    assert (again.title, again.id) == ("new", "mine")
    with pytest.raises(CardError, match="can't read"):
        derived(str(tmp_path / "none.toml"), {})


def test_a_card_of_no_known_encoding_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('title = "Universität"\n'.encode("latin-1"))
    with pytest.raises(CardError, match=r"latin\.toml: expected TOML in UTF-8, got .*; save it as UTF-8$"):
        derived(str(path), {})
