"""Which visit a scan belongs to, and which scan stands for a day."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ldbench.data.prepare.readers.visits import Scan, Visit, contradiction, nearest, one_a_day

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


@given(VISITS)
def test_visits_of_one_day_contradict_each_other_where_their_classes_differ(visits: list[Visit]) -> None:
    for visit in visits:
        classes = {other.diagnosis for other in visits if other.day == visit.day}
        assert bool(contradiction(visit, visits)) == (len(classes) > 1)


def test_a_contradiction_names_both_rows_in_either_order() -> None:
    visits = [Visit(1, "", "CN", "dx1 'a'", "t.csv line 2"), Visit(1, "", "AD", "dx1 'b'", "t.csv line 9")]
    text = "visits of one day contradict each other, t.csv line 2: CN (dx1 'a') and t.csv line 9: AD (dx1 'b'); keep"
    assert contradiction(visits[0], visits).startswith(text)
    assert contradiction(visits[1], visits[::-1]).startswith(text)


def scan(name: str, subject: str, day: int, *rank: int) -> Scan:
    return Scan(name, Path(name), subject, name, day, rank)


def test_one_scan_a_subject_and_day_is_kept_by_rank_and_then_by_name() -> None:
    scans = [scan("c", "s", 1, 0), scan("b", "s", 1, 1), scan("a", "s", 2), scan("d", "t", 1, 1), scan("e", "s", 1, 0)]
    for order in (scans, scans[::-1]):
        kept, skipped = one_a_day(order)
        assert sorted(one.name for one in kept) == ["a", "c", "d"]
        assert sorted(one.name for one in skipped) == ["b", "e"]
        assert {one.reason for one in skipped} == {"expected one scan a day, got 3; c is kept"}
