"""Tables that aren't as they should be: one clear line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.data.prepare.readers.listing import files_below, find_table
from ldbench.data.prepare.readers.tables import numbers, read_table
from ldbench.errors import DataError


def test_tables_that_are_missing_doubled_or_renamed_are_named_with_a_close_one(tmp_path: Path) -> None:
    table = tmp_path / "below" / "people.csv"
    table.parent.mkdir()
    table.write_bytes("\ufeffOASIS_ID, Age ,Note\nA1, 70.5 ,\n,,x\n".encode())
    files = files_below(tmp_path)
    assert find_table(tmp_path, files, "people.csv") == table
    with pytest.raises(DataError) as error:
        find_table(tmp_path, files, "People.csv")
    assert "got people.csv" in str(error.value)
    with pytest.raises(DataError) as error:
        read_table(table, ("OASISID",))
    assert str(error.value).startswith(f"{table}: expected a column 'OASISID', got 'OASIS_ID', 'Age', 'Note'; did you")
    assert "did you mean 'OASIS_ID'? rename it" in str(error.value)
    rows = read_table(table, ("OASIS_ID", "Age"))
    assert list(rows["OASIS_ID"]) == ["A1", ""]
    assert numbers(table, rows, "Age").fillna(-1).tolist() == [70.5, -1]
    with pytest.raises(DataError) as error:
        numbers(table, rows, "Note")
    assert "in 'Note', got 'x' in line 3" in str(error.value)
    (tmp_path / "people.csv").write_text("x\n")
    with pytest.raises(DataError, match=r"got 2: below/people\.csv and people\.csv"):
        find_table(tmp_path, files_below(tmp_path), "people.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b'a,b\n"x\n'])
def test_a_table_that_cannot_be_parsed_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(path, ("a",))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
