"""Which visit a scan belongs to, which scan stands for a day, and tables that aren't as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.data.prepare.readers.visits import (
    Scan,
    Visit,
    files_below,
    find_table,
    nearest,
    numbers,
    one_a_day,
    read_table,
)
from ldbench.errors import DataError

VISITS = st.lists(st.builds(Visit, st.integers(-50, 50), st.sampled_from("abc"), st.sampled_from(["CN", "AD", ""])))


@given(st.integers(-60, 60), VISITS, st.integers(0, 60))
def test_the_nearest_visit_is_in_the_window_and_none_is_nearer(day: int, visits: list[Visit], window: int) -> None:
    found = nearest(day, visits, window)
    if found is None:
        assert all(abs(visit.day - day) > window for visit in visits)
        return
    assert abs(found.day - day) <= window
    assert all(abs(visit.day - day) >= abs(found.day - day) for visit in visits)
    assert not any(visit.day < found.day for visit in visits if abs(visit.day - day) == abs(found.day - day))
    again = nearest(day, sorted(visits, key=lambda visit: (visit.diagnosis, -visit.day)), window)
    assert again is not None
    assert (again.day, again.name) == (found.day, found.name)


def test_ties_go_to_the_earlier_visit_then_to_the_first_name_and_the_last_day_of_the_window_counts() -> None:
    before, after, other = Visit(90, "m", "CN"), Visit(110, "a", "AD"), Visit(90, "k", "MCI")
    assert nearest(100, [after, before], 10) == before
    assert nearest(100, [after, before, other], 10) == other
    assert nearest(100, [after, before], 9) is None
    assert nearest(100, [], 1000) is None


def scan(name: str, subject: str, day: int, *rank: int) -> Scan:
    return Scan(name, Path(name), subject, name, day, rank)


def test_one_scan_a_subject_and_day_is_kept_by_rank_and_then_by_name() -> None:
    scans = [scan("c", "s", 1, 0), scan("b", "s", 1, 1), scan("a", "s", 2), scan("d", "t", 1, 1), scan("e", "s", 1, 0)]
    for order in (scans, scans[::-1]):
        kept, skipped = one_a_day(order)
        assert sorted(one.name for one in kept) == ["a", "c", "d"]
        assert sorted(one.name for one in skipped) == ["b", "e"]
        assert {one.reason for one in skipped} == {"expected one scan a day, got 3; c is kept"}


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
    assert str(error.value).startswith(f"{table}: expected a column 'OASISID', got 'OASIS_ID';")
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


def test_links_are_followed_once_and_a_missing_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "a.nii").touch()
    (tmp_path / "root" / ".hidden").touch()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "away")
    (tmp_path / "away" / "loop").symlink_to(tmp_path / "root")
    assert files_below(tmp_path / "root") == [tmp_path / "root" / "linked" / "a.nii"]
    with pytest.raises(DataError, match="expected the folder of a data set"):
        files_below(tmp_path / "none")
