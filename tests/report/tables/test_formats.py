"""Markdown, CSV and JSON, and the choice among formats by name."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest

from ldbench.board import leaderboard as board
from ldbench.board.gather import fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.records.names import seen
from ldbench.records.result import Result
from ldbench.report.tables.formats import RENDERERS, render


def test_markdown_rows(leaderboard: Leaderboard) -> None:
    text = render(leaderboard, "markdown")
    assert "| # | model | fid ↓ | auc ↑ | seeds |\n| :-- | :-- | --: | --: | :-- |\n" in text
    assert "Further metrics\n\n| # | model | kid ↓ |\n| :-- | :-- | --: |\n" in text
    assert "| 1-3 | basic-ft-ld (delta=0.1) | **58.8** \\[53.9, 64.2\\] |" in text
    assert "| 1-3 | basic-ft | **64** \\[46, 81\\] |" in text
    assert "|  | mean-image | 312 \\[296, 329\\] | 0.500 \\[0.418, 0.582\\] |" in text
    assert "|  | mean-image | 0.412 \\[0.398, 0.427\\] |" in text
    assert "| Basic FT \\| LD | 24.3 | 0.871 |" in text
    assert "- Failed: sd-ld, seed 3: returned 12 images, expected 600\n" in text


def test_every_markdown_row_has_its_tables_columns(leaderboard: Leaderboard) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", render(leaderboard, "markdown"), flags=re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1


def test_csv_holds_every_number_in_full(leaderboard: Leaderboard) -> None:
    lines = list(csv.DictReader(io.StringIO(render(leaderboard, "csv"))))
    scores = [(row, score) for row in leaderboard.rows for score in row.scores]
    assert len(lines) == len(scores) == 7 * 3 + 2
    for line, (row, score) in zip(lines, scores, strict=True):
        assert (line["model"], line["metric"], line["origin"]) == (row.model.name, score.metric, row.origin)
        shown = [float(line[key]) for key in ("value", "ci_low", "ci_high")]
        assert shown == [score.value, score.ci_low, score.ci_high]
        assert line["spread"] == ("" if score.spread is None else str(score.spread))
        assert line["rank"] == ("" if score.rank is None else str(score.rank))
        assert (int(line["n"]), int(line["runs"])) == (score.n, score.runs)
    assert lines[0]["parameters"] == '{"delta": 0.1}'
    assert {line["seeds"] for line in lines if line["model"] == "basic-ft"} == {"0 1"}
    assert {line["sees_truth"] for line in lines if line["model"] == "oracle"} == {"true"}


def test_csv_has_the_numbers_of_images_that_measured_rows_were_compared_with(leaderboard: Leaderboard) -> None:
    metrics = tuple(replace(each, parameters={"n_test": 12, "n_training": 40}) for each in leaderboard.metrics)
    lines = list(csv.DictReader(io.StringIO(render(replace(leaderboard, metrics=metrics), "csv"))))
    told = {(line["origin"], line["n_real"], line["n_training"]) for line in lines}
    assert told == {("measured", "12", "40"), ("reported", "", "")}


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1", "a=b", "plain", "a\x1b[2J\n"]
)
def test_no_cell_of_csv_is_a_formula_or_obeyed(leaderboard: Leaderboard, name: str) -> None:
    row = leaderboard.rows[0]
    scores = tuple(replace(score, value=-1.5, extractor=name) for score in row.scores)
    named = replace(row, model=replace(row.model, name=name, distribution=name), source=name, scores=scores)
    lines = list(csv.DictReader(io.StringIO(render(replace(leaderboard, rows=(named,)), "csv"), newline="")))
    expected = seen(name if name.startswith(("a", "plain")) else f"'{name}")
    for line in lines:
        assert [line[key] for key in ("model", "distribution", "source", "extractor")] == [expected] * 4
        assert line["value"] == "-1.5"


def test_json_is_the_leaderboard_file(leaderboard: Leaderboard) -> None:
    assert render(leaderboard, "json") == board.dumps(leaderboard)


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_every_format_renders_and_ends_with_a_newline(leaderboard: Leaderboard, name: str) -> None:
    assert render(leaderboard, name).endswith("\n")


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_every_format_takes_a_row_without_one_of_the_metrics(results: list[tuple[str, Result]], name: str) -> None:
    path, one = results[0]
    short = replace(one, scores=one.scores[1:])
    assert "mean-image" in render(fold([(path, short), *results[1:]])["sandbox-brain-t2i"], name)


@pytest.mark.parametrize(
    ("ranks", "marked"),
    [((1, 2, 3, 4), 1), ((1, 1, 3, 4), 2), ((1, 1, 1, 4), 3), ((1, 1, 1, 1), 0), ((1, 1, 1, 1, 5), 0), ((1,), 0)],
)
def test_rank_1_is_marked_where_not_most_rows_have_it(
    leaderboard: Leaderboard, ranks: tuple[int, ...], marked: int
) -> None:
    first = next(row for row in leaderboard.rows if row.competes)
    rows = tuple(
        replace(
            first, model=replace(first.model, name=f"m{index}"),
            scores=tuple(replace(score, rank=rank, rank_low=rank, rank_high=rank) for score in first.scores),
        )
        for index, rank in enumerate(ranks)
    )
    text = render(replace(leaderboard, rows=rows), "markdown")
    assert len(re.findall(r"\| \*\*", text)) == marked * len(first.scores)
    assert ("- **Bold**" in text) == (marked > 0)
