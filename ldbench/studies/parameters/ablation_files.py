"""An ablation as files (JSON, CSV, Markdown, PNG) and as text for the terminal.

JSON and CSV hold all digits; text and Markdown show as many digits as an interval supports.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from ldbench.records.files import write_json, write_text_atomic
from ldbench.report.digits import with_interval
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.text_table import TextTable, escape, to_markdown, to_terminal
from ldbench.studies.parameters.ablation import Ablation, Cell, PooledScore
from ldbench.studies.parameters.plots import draw_ablation


def write_ablation(answer: Ablation) -> list[Path]:
    """Write ablation.json, .csv, .md and, where any run succeeded, .png; the paths."""
    paths = [answer.folder / f"ablation.{suffix}" for suffix in ("json", "csv", "md", "png")]
    write_json(paths[0], _record(answer))
    write_text_atomic(paths[1], _csv(answer))
    write_text_atomic(paths[2], _markdown(answer))
    if not answer.metrics:
        return paths[:3]
    draw_ablation(paths[3], answer)
    return paths


def ablation_table(answer: Ablation) -> str:
    """The table as plain text, failures below it."""
    return to_terminal(_table(answer)) + "".join(f"failed: {failure}\n" for failure in answer.failures)


def _table(answer: Ablation) -> TextTable:
    headings = [*(g.parameter for g in answer.grids), *(f"{name} {ARROWS[way]}" for name, way in answer.metrics)]
    rows = [_row(answer, cell) for cell in answer.cells]
    return TextTable(headings, rows, "l" + "r" * (len(headings) - 1))


def _row(answer: Ablation, cell: Cell) -> list[str]:
    scores = {score.metric: score for score in cell.scores}
    return [*cell.texts, *(_score(scores.get(name), len(cell.results)) for name, _ in answer.metrics)]


def _score(score: PooledScore | None, runs: int) -> str:
    """A cell of the table, of so many runs; over how many of them the mean is, where some lack the metric."""
    if score is None:
        return "not scored" if runs else "failed"
    shown = " ".join(with_interval(score.value, score.low, score.high))
    return shown if score.runs == runs else f"{shown} ({score.runs} of {runs} runs)"


def _record(answer: Ablation) -> dict[str, object]:
    return {
        "kind": "ablation", "task": answer.task, "model": answer.model, "seeds": list(answer.seeds),
        "parameters": [{"name": g.parameter, "values": list(g.values)} for g in answer.grids],
        "cells": [
            {
                "values": dict(zip((g.parameter for g in answer.grids), cell.values, strict=True)),
                "scores": [asdict(score) for score in cell.scores],
                "results": list(cell.results), "failures": list(cell.failures),
            }
            for cell in answer.cells
        ],
    }


def _csv(answer: Ablation) -> str:
    columns = ("metric", "direction", "extractor", "value", "ci_low", "ci_high", "spread", "runs")
    rows = (
        (
            *cell.texts, score.metric, score.direction, score.extractor, score.value, score.low, score.high,
            score.spread, score.runs,
        )
        for cell in answer.cells
        for score in cell.scores
    )  # fmt: skip
    return csv_text([*(g.parameter for g in answer.grids), *columns], rows)


def _markdown(answer: Ablation) -> str:
    title = f"{answer.model} on {answer.task}, seeds {', '.join(map(str, answer.seeds))}"
    lines = [to_markdown(replace(_table(answer), title=title), level=3), "", "Mean over seeds with its 95 % interval."]
    lines += [f"- failed: {escape(failure)}" for failure in answer.failures]
    return "\n".join(lines) + "\n"
