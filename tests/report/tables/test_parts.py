"""A table that is too wide: parts that fit and lose nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.report.tables.latex import fitted_tables, fitted_tabular
from ldbench.report.tables.parts import fitted
from ldbench.report.tables.text_table import Strong, TextTable, lines_of, to_markdown, to_terminal

GROUPS = TextTable(
    ("model", "device", *(f"group {number},\nn = {number}0" for number in range(1, 13))),
    [(name, "cpu", *(f"{number}.5\n[{number}, {number + 1}]" for number in range(12))) for name in ("sd", "real")],
    "l" * 14, "Groups", lead=2,
)  # fmt: skip


def letters(line: str, below: bool) -> int:
    return len(line) + 2


@pytest.mark.parametrize("width", [20, 34, 60, 300])
def test_parts_hold_every_column_once_and_name_their_rows(width: int) -> None:
    parts = fitted(GROUPS, width, letters)
    columns = [column for part in parts for column in zip(part.headings, *filter(None, part.rows), strict=True)]
    names = [("model", "sd", "real"), ("device", "cpu", "cpu")]
    assert [column for column in columns if column in names] == names * len(parts)
    held = [tuple(" ".join(lines_of(cell)) for cell in column) for column in columns if column not in names]
    whole = zip(GROUPS.headings, *filter(None, GROUPS.rows), strict=True)
    assert held == [tuple(" ".join(lines_of(cell)) for cell in column) for column in whole][2:]
    assert [part.title for part in parts] == ["Groups"] + [""] * (len(parts) - 1)
    drawn = [to_terminal(part, keep_lines=True).splitlines() for part in parts]
    assert all(
        max(map(len, lines[1:])) + 2 <= width or len(part.headings) == 3
        for lines, part in zip(drawn, parts, strict=True)
    )
    assert all(len(part.headings) > 2 for part in parts)


def test_what_belongs_together_stays_so_where_that_takes_no_further_part() -> None:
    for width, joint, expected in ((70, 0, [5, 5, 2]), (70, 4, [2, 5, 5]), (60, 4, [4, 4, 4])):
        parts = fitted(replace(GROUPS, joint=joint), width, letters)
        assert [len(part.headings) - 2 for part in parts] == expected


def test_a_table_that_fits_has_rows_of_one_line() -> None:
    [whole] = fitted(GROUPS, 300, letters)
    assert "0.5 [0, 1]" in to_terminal(whole, keep_lines=True)
    [broken] = fitted(GROUPS, 200, letters)
    assert "0.5 [0, 1]" not in to_terminal(broken, keep_lines=True)
    assert "0.5<br>\\[0, 1\\]" in to_markdown(broken, keep_lines=True)
    assert "0.5 \\[0, 1\\]" in to_markdown(broken)


def test_latex_has_an_environment_a_part_and_small_intervals() -> None:
    text = fitted_tables(GROUPS, ["A note."])
    assert text.count(r"\begin{table}") == text.count(r"\label{tab:groups") == 2
    assert r"\caption{Groups, continued. Part 2 of 2.}" in text
    assert r"\label{tab:groups-2}" in text
    assert text.index("A note.") > text.index("Part 2 of 2")
    assert r"  sd & cpu & 0.5 & " in text
    assert r"   &  & {\scriptsize [0, 1]} & " in text
    assert r"group 1, & group 2, & " in text
    alone = "\n".join(fitted_tabular(GROUPS))
    assert (alone.count(r"\begin{tabular}"), r"{\scriptsize [11, 12]} \\" in alone) == (1, True)


@given(st.lists(st.text(max_size=9), min_size=3, max_size=3), st.integers(1, 40))
def test_no_text_breaks_a_part(texts: list[str], width: int) -> None:
    table = TextTable(texts, [texts, None, [Strong(text, text) for text in texts]], "lrl")
    for part in fitted(table, width, letters):
        lines = to_terminal(part, keep_lines=True).splitlines()
        assert not [one for line in lines for one in line if ord(one) < 32 or 127 <= ord(one) < 160]
        assert to_markdown(part, keep_lines=True).count("\n") == 3
