"""Pairs in other formats: the same pairs and numbers as the text has."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ldbench.board.leaderboard import Leaderboard
from ldbench.board.paired_tests import Comparison
from ldbench.records.identity import Found
from ldbench.report.comparison_tables import as_csv, as_latex, as_markdown
from ldbench.report.comparisons import pairs, words
from ldbench.report.tables.latex import escape

Tasks = Mapping[str, Mapping[str, Sequence[Comparison]]]


@pytest.fixture
def tasks(results: list[Found], leaderboard: Leaderboard) -> Tasks:
    return {"a_task": pairs(results, leaderboard)}


def test_csv_holds_every_number_in_full(tasks: Tasks) -> None:
    given = [pair for of_metric in tasks["a_task"].values() for pair in of_metric]
    rows = list(csv.DictReader(io.StringIO(as_csv(tasks))))
    assert len(rows) == len(given) > 0
    for row, pair in zip(rows, given, strict=True):
        assert (row["task"], row["metric"], row["first"], row["second"]) == (
            "a_task", pair.metric, pair.first, pair.second
        )
        assert float(row["difference"]) == pair.difference
        assert row["ci_low"] == ("" if math.isinf(pair.ci_low) else str(pair.ci_low))
        assert (row["paired"], row["better"]) == (str(pair.paired).lower(), pair.better or "")
    formula = {"a_task": {"fid": [replace(given[0], first="=1+1")]}}
    assert ",'=1+1," in as_csv(formula)


def test_tables_hold_a_row_a_pair(tasks: Tasks) -> None:
    given = [pair for of_metric in tasks["a_task"].values() for pair in of_metric]
    lines = [line for line in as_markdown(tasks).splitlines() if line.startswith("| ")]
    assert len(lines) == len(given) + 2
    assert r"a \~ b" in as_markdown(tasks)
    rows = [line for line in as_latex(tasks).splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(given) + 1
    for pair, row in zip(given, rows[1:], strict=True):
        cells = row.removesuffix(r" \\").strip().split(" & ")
        assert len(cells) == 7
        assert cells[:2] == [pair.metric, escape(words(pair)[0])]
