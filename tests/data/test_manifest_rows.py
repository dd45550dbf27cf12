"""Records read from a manifest's text one by one are those that a reader of the whole text gives."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Record
from ldbench.data.manifest_rows import ImageFile, Manifest, rows_of

COLUMNS = ("image_id", "subject", "split", "role", "source", "file", "sha256", "age", "note")
TYPES = {"age": "integer", "note": "text"}
NOTES = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=6))


def row(index: int, split: str = "test", **cells: str) -> dict[str, str]:
    name = f"a{index}"
    usual = {"subject": f"s{index}", "role": "scan", "source": "", "file": f"images/{name}.png", "sha256": f"h{index}"}
    return {"image_id": name, "split": split, "age": "", "note": "", **usual, **cells}


def manifest(*rows: dict[str, str], folder: str = "data") -> Manifest:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return of_text(text.getvalue().encode(), folder)


def of_text(text: bytes, folder: str = "data") -> Manifest:
    return Manifest(Path(folder), text, TYPES, (4, 4))


@given(NOTES)
def test_a_row_is_what_a_reader_of_the_whole_text_gives(notes: list[str]) -> None:
    table = manifest(*(row(index, note=note) for index, note in enumerate(notes)))
    whole = csv.DictReader(io.StringIO(table.text.decode(), newline=""))
    assert [table.row(place) for place in range(len(table))] == list(whole)


def test_records_and_files() -> None:
    rows = rows_of(manifest(row(0, age="70", source="x"), row(1, note="é, \"b\"")))
    assert list(rows) == [
        Record("a0", "s0", "test", "scan", {"age": 70}, 0, "x"),
        Record("a1", "s1", "test", "scan", {"note": "é, \"b\""}, 1, None),
    ]
    assert rows.file(rows[1]) == ImageFile(Path("data"), "images/a1.png", "h1", (4, 4))
    assert (rows[-1], rows[:1]) == (rows[1], (rows[0],))


def test_one_split_of_two_manifests_holds_nothing_of_the_others() -> None:
    both = rows_of(manifest(row(0), row(1, "train")), manifest(row(2, "train"), row(3), folder="more"))
    train = both.only("train")
    assert [(record.id, record.index) for record in train] == [("a1", 1), ("a2", 2)]
    assert train.file(train[1]).path == Path("more/images/a2.png")
    with pytest.raises(KeyError):
        train.file(both[0])
    assert list(train.ids) == ["a1", "a2"]
    texts = [part.text for part in train.manifests]
    assert all(b"a0" not in text and b"a3" not in text for text in texts)


def test_empty_lines_are_no_rows_and_an_empty_text_has_no_columns() -> None:
    table = manifest(row(0), row(1))
    spaced = of_text(b"\n".join(table.text.splitlines(keepends=True)) + b"\n\n")
    assert [record.id for record in rows_of(spaced)] == ["a0", "a1"]
    empty = of_text(b"")
    assert (len(empty), empty.columns) == (0, ())
