"""What of a journal is read after its writer was killed at any byte."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from ldbench.data.prepare.journal import end_at_last_line, journal_rows

ROWS = [
    ["a", "1" * 64, "2" * 64, "a note, with a comma", json.dumps({"height": 8.5, "kind": "x"})],
    ["b", "3" * 64, "4" * 64, "größer"],
    ["c", "5" * 64, "6" * 64, json.dumps({"height": 9.5})],
]


def written(path: Path, rows: list[list[str]]) -> bytes:
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path.read_bytes()


def test_a_journal_cut_at_any_byte_goes_on_with_its_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    content = written(path, ROWS)
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        whole = ROWS[: content[:length].count(b"\n")]
        assert list(journal_rows(path)) == whole
        end_at_last_line(path)
        written(path, ROWS[:1])
        assert list(journal_rows(path)) == [*whole, ROWS[0]]


def test_a_head_within_quotes_that_was_ended_swallows_no_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    content = written(path, ROWS)
    first = content.index(b"\n")
    for length in range(content.index(b"{") + 1, first):
        path.write_bytes(content[:length] + b"\n")
        written(path, ROWS[1:])
        assert [row for row in journal_rows(path) if row[0] != "a"] == ROWS[1:]
