"""Which rows are better than which, and by how much: every pair of a task's rows that compete, metric by metric.

A row is called better only where a test says so (`ldbench.board.paired_tests`).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from ldbench.board.chosen import choice_notes
from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import BoardRow, Leaderboard, by_task
from ldbench.board.paired_tests import Comparison
from ldbench.board.ranks import NO_UNITS, comparisons
from ldbench.board.row_labels import labels
from ldbench.errors import unknown_name
from ldbench.records.files import json_text
from ldbench.records.identity import Found, row_key
from ldbench.records.units import Units
from ldbench.report.digits import with_interval
from ldbench.report.guarantee import AS_FITTED, GUARANTEE, RULE, allowance_sentence
from ldbench.report.tables.content import FURTHER
from ldbench.report.tables.headline import headline
from ldbench.report.tables.notes import unranked_notes
from ldbench.report.tables.text_table import TextTable, to_terminal

_WIDTH = 100
NO_BOARDS: Mapping[str, Leaderboard] = {}
_READING = (
    "a > b: a is better than b. a ~ b: no test says which is better. Then the value of a less that of b, with its 95 % "
    "interval, and p."
)
_REFERENCES = "Reference rows are tested against each row that competes, not against each other, and stay unranked."
_LONE = (
    " One of a single seed gets the allowance, too, also where a seed changes nothing: run it with the other rows' "
    "seeds, or ask --as-fitted."
)


def pairs(
    found: Sequence[Found], board: Leaderboard, units: Mapping[str, Units] = NO_UNITS, as_fitted: bool = False,
    with_references: bool = False,
) -> dict[str, list[Comparison]]:
    """By metric, in the board's order, every pair of the rows that compete, under the rows' labels.

    `found` are the results that the board was folded from, with their paths; `units` holds, by path, what
    `ldbench.records.units` reads beside one; all else is as `ldbench.board.ranks.comparisons` takes it.
    """
    of_task = by_task(each for each in found if each[1].task.id == board.task.id)[board.task.id]
    return _labelled(board, comparisons(of_task, units, as_fitted, with_references))


def compared(
    results: BoardSet, as_fitted: bool = False, with_references: bool = False
) -> dict[str, dict[str, list[Comparison]]]:
    """The `pairs` of every task: those that it is ranked by or, `as_fitted` or `with_references`, others."""
    if as_fitted or with_references:
        return {
            task: pairs(results.found, board, results.units, as_fitted, with_references)
            for task, board in results.boards.items()
        }
    return {task: _labelled(board, results.compared[task]) for task, board in results.boards.items()}


def _labelled(board: Leaderboard, by_key: Mapping[str, Sequence[Comparison]]) -> dict[str, list[Comparison]]:
    names = labels(board.rows).names
    order = {key: index for index, key in enumerate(map(row_key, board.rows))}
    return {
        metric.metric: [_named(pair, names, order) for pair in by_key.get(metric.metric, ())]
        for metric in board.metrics
    }


def sentences(compared: Mapping[str, Sequence[Comparison]]) -> list[str]:
    """One a pair and metric where a test says better: who is better, by how much, and how sure that is."""
    return [_sentence(each) for of_metric in compared.values() for each in of_metric if each.better is not None]


def chosen(
    tasks: Mapping[str, Mapping[str, list[Comparison]]], metrics: Sequence[str]
) -> dict[str, dict[str, list[Comparison]]]:
    """By task, the pairs of these metrics, of all where none is named; a task without any of them is left out.

    Raises `UnknownNameError` for a metric that no task has.
    """
    known = {name for compared in tasks.values() for name in compared}
    for name in metrics:
        if name not in known:
            raise unknown_name("metric", name, known, "name one that the results have")
    picked = {
        task: {name: of_metric for name, of_metric in compared.items() if not metrics or name in metrics}
        for task, compared in tasks.items()
    }
    return {task: compared for task, compared in picked.items() if compared or not metrics}


def leading(tasks: Mapping[str, Mapping[str, list[Comparison]]]) -> dict[str, dict[str, list[Comparison]]]:
    """By task, the pairs of the metrics that stand first on its board, one for each question that it answers."""
    return {
        task: {name: compared[name] for name in headline(list(compared))} for task, compared in tasks.items()
    }


def render_json(tasks: Mapping[str, Mapping[str, Sequence[Comparison]]]) -> str:
    """All pairs by task and metric as JSON, keys sorted; an infinite bound is null."""
    record = {
        task: {metric: [_finite(asdict(each)) for each in of_metric] for metric, of_metric in compared.items()}
        for task, compared in tasks.items()
    }
    return json_text(record)


def _finite(record: dict[str, object]) -> dict[str, object]:
    infinite = [key for key, value in record.items() if isinstance(value, float) and math.isinf(value)]
    return record | dict.fromkeys(infinite)


def render_text(
    tasks: Mapping[str, Mapping[str, Sequence[Comparison]]], as_fitted: bool = False,
    boards: Mapping[str, Leaderboard] = NO_BOARDS, further: Sequence[str] = (),
) -> str:
    """Task by task every pair in a line, the surest first, then how to read it and what may be relied on, once.

    `boards` by task say why rows have no rank, and give the allowances for another seed. `further` are metrics left
    out.
    """
    parts = [part for task, compared in tasks.items() for part in (task, *_paragraphs(compared), *_apart(task, boards))]
    metrics = [one for task in tasks if task in boards for one in boards[task].metrics if tasks[task].get(one.metric)]
    listed = allowance_sentence(metrics)
    said = list[str]()
    if any(pair for compared in tasks.values() for pair in compared.values()):
        said = [_READING, *([AS_FITTED] if as_fitted else filter(None, (RULE, GUARANTEE, listed)))]
        said += [f"{FURTHER}, shown by --all-metrics: {', '.join(further)}."] if further else []
    said[1:1] = _of_references(tasks, boards, as_fitted)
    return "\n\n".join([*parts, *(["\n".join(textwrap.fill(line, _WIDTH) for line in said)] if said else [])]) + "\n"


def _of_references(
    tasks: Mapping[str, Mapping[str, Sequence[Comparison]]], boards: Mapping[str, Leaderboard], as_fitted: bool
) -> list[str]:
    """How reference rows take part in the pairs; where a lone row competes beside some, how they would."""
    tested, lone = list[BoardRow](), list[str]()
    for task, compared in tasks.items():
        rows = boards[task].rows if task in boards else ()
        references = {labels(rows).of(row): row for row in rows if row.origin == "measured" and row.model.orients}
        seen = {name for of_metric in compared.values() for pair in of_metric for name in (pair.first, pair.second)}
        tested += [row for name, row in references.items() if name in seen]
        lone += [*references] if not seen and any(row.competes for row in rows) else []
    of_one_seed = _LONE if not as_fitted and any(len(row.seeds) == 1 for row in tested) else ""
    asked = f"--with-references tests a lone row against each reference row: {', '.join(dict.fromkeys(lone))}."
    return [*([_REFERENCES + of_one_seed] if tested else []), *([asked] if lone else [])]


def _apart(task: str, boards: Mapping[str, Leaderboard]) -> list[str]:
    """One paragraph of the rows that take part in no pair because they have no rank or were not chosen, if any."""
    notes = [*unranked_notes(boards[task]), *choice_notes(boards[task])] if task in boards else []
    return ["\n".join(textwrap.fill(note, _WIDTH) for note in notes)] if notes else []


def _paragraphs(compared: Mapping[str, Sequence[Comparison]]) -> list[str]:
    """One a metric that has pairs; one in all where none has."""
    if not any(compared.values()):
        return ["fewer than two rows compete, so there is no pair"]
    parts = []
    for metric, of_metric in compared.items():
        if not of_metric:
            parts.append(f"{metric}: fewer than two rows that compete have it, so there is no pair")
            continue
        differing = sum(pair.better is not None for pair in of_metric)
        rows = [words(pair) for pair in sorted(of_metric, key=lambda pair: (pair.p_adjusted, pair.p))]
        table = textwrap.indent(to_terminal(TextTable((), rows, "llllll")).rstrip(), "  ")
        parts.append(f"{metric}: {differing} of {len(rows)} pairs differ\n{table}")
    return parts


def _named(found: Comparison, names: Mapping[str, str], order: Mapping[str, int]) -> Comparison:
    """The comparison under labels, the row that stands first on the board first."""
    if order[found.first] > order[found.second]:
        found = replace(
            found, first=found.second, second=found.first, difference=-found.difference, ci_low=-found.ci_high,
            ci_high=-found.ci_low,
        )
    better = None if found.better is None else names[found.better]
    return replace(found, first=names[found.first], second=names[found.second], better=better)


def words(found: Comparison) -> tuple[str, str, str, str, str, str]:
    """A pair's line: the better row (or the first), > or ~, the other, the difference, p, and what was run."""
    turned = found.better == found.second
    sign = -1.0 if turned else 1.0
    low, high = sorted((sign * found.ci_low, sign * found.ci_high))
    difference = _with_bounds(sign * found.difference, low, high)
    p = p_text(found.p_adjusted)
    runs = f"{found.seeds} seed{'' if found.seeds == 1 else 's'}{'' if found.paired else ', cases not paired'}"
    first, other = (found.second, found.first) if turned else (found.first, found.second)
    return first, "~" if found.better is None else ">", other, difference, p, runs


def p_text(p: float) -> str:
    """A p-value in words, to two digits."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _with_bounds(difference: float, low: float, high: float) -> str:
    if math.isinf(low) or math.isinf(high):
        return f"{difference:.4g} [no bounds]"
    return " ".join(with_interval(difference, low, high))


def _sentence(found: Comparison) -> str:
    first, _, other, difference, p, runs = words(found)
    return f"{found.metric}: {first} is better than {other}, difference {difference}, adjusted {p} ({runs})"
