"""What `leaderboards/pages.py` may put on a page: one function a kind of block, Markdown out.

What is not measured yet is said to be so, and a difference over one seed has no interval.
"""

from __future__ import annotations

import functools
import math
import statistics
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ldbench.board import leaderboard
from ldbench.board.gather import BoardSet, board_set, collect, fold
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.paired_tests import Comparison
from ldbench.errors import UsageError
from ldbench.records.identity import Found, row_key
from ldbench.report.digits import decimals_for, fixed, with_interval
from ldbench.report.tables.content import page
from ldbench.report.tables.headline import ARROWS, headline
from ldbench.report.tables.markdown import aside_text, table_text
from ldbench.report.tables.text_table import TextCell, TextTable, escape, to_markdown
from leaderboards.drift_effect import WITH_DRIFT, Key, Runs, by_seed, change, change_cell
from leaderboards.group_gaps import gap_table
from leaderboards.paper_tables import TABLES, printed
from leaderboards.sampling_cells import Line, drift_changes, metrics_of, read_scores, study_table
from leaderboards.shipped_rows import meant

NOTHING = "*Not measured yet.*"
INLINE = ("value", "p")  # blocks within a sentence
_SMALLEST = 0.001
METHODS: Mapping[str, str] = {
    "sd": "Stable Diffusion, untuned (sampling only)", "basic-ft": "Basic FT",
    "textual-inversion": "Textual Inversion", "dreambooth": "DreamBooth", "custom-diffusion": "Custom Diffusion",
    "lora": "LoRA", "pix2pix-zero": "Pix2Pix-Zero", "sdedit": "SDEdit",
    "instruct-pix2pix": "InstructPix2Pix from Stable Diffusion",
    "instruct-pix2pix-cd": "InstructPix2Pix after Custom Diffusion",
    "instruct-pix2pix-ft": "InstructPix2Pix after Basic FT",
}  # fmt: skip
ANSWERS: Mapping[str, str] = {
    "basic-ft-ld": "the paper's drift", "basic-ft-offset-noise": "offset noise",
    "basic-ft-zero-snr": "zero terminal SNR", "basic-ft-signal-leak": "the drift that the signal leak asks for",
}  # fmt: skip


@dataclass(frozen=True)
class MeasuredBoards:
    """The committed boards by task; the results; the cells of sampling studies by name."""

    boards: Mapping[str, Leaderboard]
    results: Sequence[Found]
    studies: Mapping[str, Sequence[Line]]

    @functools.cached_property
    def runs(self) -> Mapping[Key, Runs]:
        """The scores by task, metric and model, then seed."""
        return by_seed(self.results, self.folded.units)

    @property
    def pairs(self) -> Mapping[str, Mapping[str, Sequence[Comparison]]]:
        """By task and metric, the test of every pair of rows, with their row keys."""
        return self.folded.compared

    @functools.cached_property
    def folded(self) -> BoardSet:
        """The boards of the results, with the tests and the groups behind them."""
        return board_set(list(self.results))


def read_measured(folder: Path) -> MeasuredBoards:
    """What a folder of boards holds, and the results below it; both may be missing."""
    boards = {path.stem: leaderboard.read(path) for path in sorted(folder.glob("*.json"))}
    results = collect([folder / "results"]) if (folder / "results").exists() else []
    studies = {path.name: read_scores(path) for path in sorted(folder.glob("drift/*"))}
    return MeasuredBoards(boards, results, studies)


def board(measured: MeasuredBoards, task: str) -> str:
    """The headline metrics of all rows, and what the board says of these metrics and rows."""
    if task not in measured.boards:
        return NOTHING
    content = page(_headline(measured.boards[task]))
    asides = [aside_text(table, 3, _filled) for table in content.asides]
    notes = [_filled(f"- {escape(note)}", "  ") for note in content.notes if note not in content.guarantee]
    return "\n\n".join([table_text(content.tables[0]), "\n".join(notes), *asides])


def metrics(measured: MeasuredBoards, task: str, *names: str) -> str:
    """The named metrics of all rows in the board's order, ranked on the first of them."""
    if task not in measured.boards:
        return NOTHING
    return table_text(page(_of_metrics(measured.boards[task], names)).tables[0])


def drift(measured: MeasuredBoards, task: str, *names: str) -> str:
    """Every method with drift against the same without, on the named metrics, or on those of the headline."""
    pairs = [(title, method, method + WITH_DRIFT) for method, title in METHODS.items()]
    return _paired(measured, task, pairs, names)


def answers(measured: MeasuredBoards, task: str, *names: str) -> str:
    """Basic FT with the mean of the noise treated in several ways against Basic FT."""
    return _paired(measured, task, [(title, "basic-ft", model) for model, title in ANSWERS.items()], names)


def sampling(measured: MeasuredBoards, study: str, task: str, metric: str) -> str:
    """What each drift changes of a metric of a task in a study of sampling."""
    lines = [line for line in measured.studies.get(study, ()) if line["task"] == task]
    if not lines:
        return NOTHING
    found = drift_changes(lines)
    if metric not in (known := metrics_of(found)):
        words = f"sampling {study} {task} {metric}"
        raise UsageError(f"<!-- {words} -->: expected a metric of the study, {', '.join(known)}")
    return study_table(found, metric)


def paper(measured: MeasuredBoards, number: str) -> str:
    """A table of the paper, by its number, with what was measured here."""
    tables = {table.caption.split()[1].rstrip("."): table for table in TABLES}
    if number not in tables:
        raise UsageError(f"<!-- paper {number} -->: expected the number of a table, {', '.join(tables)}")
    return printed(tables[number], measured.boards)


def demo(measured: MeasuredBoards, task: str, *models: str) -> str:
    """The headline metrics of a run of these models alone with seed 0."""
    found = [one for one in measured.results if (one[1].task.id, one[1].seed) == (task, 0)]
    named = [meant(model, [one[1].model for one in found]) for model in models]
    boards = fold([one for one in found if any(stands_for(one[1].model) for stands_for in named)])
    return table_text(page(_headline(boards[task])).tables[0]) if task in boards else NOTHING


def groups(measured: MeasuredBoards, task: str) -> str:
    """By each headline metric and attribute, the ranked row that serves the groups of cases least alike."""
    table = gap_table(measured.folded, task) if task in measured.boards else None
    return NOTHING if table is None else f"{to_markdown(table[0])}\n\n{table[1]}"


def value(measured: MeasuredBoards, task: str, model: str, metric: str) -> str:
    """One score of a board, for a sentence: without its interval, with the digits that this supports."""
    rows = measured.boards[task].rows if task in measured.boards else ()
    named = meant(model, [row.model for row in rows])
    scores = [score for row in rows if named(row.model) and (score := row.score(metric))]
    if not scores:
        return "(not measured yet)"
    return with_interval(scores[0].value, scores[0].ci_low, scores[0].ci_high)[0]


def p_value(measured: MeasuredBoards, task: str, metric: str, first: str, second: str) -> str:
    """The p-value of the test of two rows on a metric, corrected for all pairs of the board, for a sentence."""
    rows = measured.boards[task].rows if task in measured.boards else ()
    keys = set[str]()
    for model in (first, second):
        named = meant(model, [row.model for row in rows])
        keys |= {row_key(row) for row in rows if named(row.model)}
    pairs = [pair for pair in measured.pairs.get(task, {}).get(metric, ()) if {pair.first, pair.second} == keys]
    if not pairs:
        return "(not measured yet)"
    return f"p < {_SMALLEST}" if pairs[0].p_adjusted < _SMALLEST else f"p = {pairs[0].p_adjusted:.2g}"


BLOCKS: Mapping[str, Callable[..., str]] = {
    "board": board, "metrics": metrics, "drift": drift, "answers": answers, "paper": paper, "demo": demo,
    "value": value, "p": p_value, "sampling": sampling, "groups": groups,
}  # fmt: skip


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _headline(board: Leaderboard) -> Leaderboard:
    return _of_metrics(board, headline([metric.metric for metric in board.metrics]))


def _of_metrics(board: Leaderboard, names: Sequence[str]) -> Leaderboard:
    """The board with these metrics alone, in this order; names that it lacks are left out."""
    metrics = {metric.metric: metric for metric in board.metrics}
    rows = [
        replace(row, scores=tuple(score for name in names if (score := row.score(name)) is not None))
        for row in board.rows
    ]
    return replace(board, metrics=tuple(metrics[name] for name in names if name in metrics), rows=tuple(rows))


def _paired(measured: MeasuredBoards, task: str, pairs: Sequence[tuple[str, str, str]], names: Sequence[str]) -> str:
    """A line a pair (its title, the model without, the model with) that has a seed in common, a column a metric."""
    if task not in measured.boards:
        return NOTHING
    directions = {metric.metric: metric.direction for metric in measured.boards[task].metrics}
    metrics = [name for name in names or headline(list(directions)) if name in directions]
    rows = [row for pair in pairs if metrics and (row := _pair(measured, task, pair, metrics))]
    if not rows:
        return NOTHING
    changed = [f"Δ {name} {ARROWS[directions[name]]}" for name in metrics]
    headings = ["", f"{metrics[0]} without", *changed, "seeds"]
    return to_markdown(TextTable(headings, rows, "l" + "r" * (len(headings) - 2) + "l"))


def _pair(measured: MeasuredBoards, task: str, pair: tuple[str, str, str], metrics: Sequence[str]) -> list[TextCell]:
    title, without, model = pair
    before, after = ([measured.runs.get((task, name, one), {}) for name in metrics] for one in (without, model))
    changed = [change(late, early) for late, early in zip(after, before, strict=True)]
    if changed[0] is None:
        return []
    seeds = [seed for seed in after[0] if seed in before[0]]
    mean, half = statistics.fmean(before[0][seed].score.value for seed in seeds), changed[0].half
    first = fixed(mean, decimals_for(half if math.isfinite(half) else abs(changed[0].mean), mean))
    return [title, first, *map(change_cell, changed), ", ".join(map(str, seeds))]
