"""A leaderboard as CSV in long form: one line a row and metric, every number in full.

All that the leaderboard holds of a score stands in its line. Failed runs, which have no scores, are in the JSON form.
Names and sources come from whoever sent a result: text that a spreadsheet would run as a formula has an apostrophe
before it, and control characters, which a terminal would obey, are spaces.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from ldbench.api import ParameterValue
from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.board.row_labels import name_in_short
from ldbench.records.identity import real_images
from ldbench.records.names import seen

COLUMNS = (
    "task", "task_version", "card_hash", "model", "distribution", "version", "parameters", "reference",
    "sees_truth", "origin", "source", "seeds", "metric", "direction", "value", "ci_low", "ci_high", "spread",
    "runs", "n", "extractor", "rank", "rank_low", "rank_high", "other_seeds", "n_real", "n_training",
)
# what a formula begins with; = + - @ in full width too
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(leaderboard: Leaderboard) -> str:
    """The scores as CSV with a header; `parameters` are JSON, seeds have spaces between them, None is empty."""
    return csv_text(COLUMNS, (record.values() for record in records(leaderboard)))


def records(leaderboard: Leaderboard) -> list[dict[str, object]]:
    """The lines as dicts under `COLUMNS`, texts as they are and None where there is nothing."""
    task = leaderboard.task
    place = [task.id, task.version, task.card_hash]
    counts = {each.metric: _counts(each.parameters) for each in leaderboard.metrics}
    return [
        dict(zip(
            COLUMNS,
            [
                *place, *_row_fields(row), *_score_fields(score), _spaced(row.other_seeds),
                *(counts[score.metric] if row.origin == "measured" else _counts({})),
            ],
            strict=True,
        ))
        for row in leaderboard.rows
        for score in row.scores
    ]  # fmt: skip


def csv_text(heading: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows under a heading as CSV, None as an empty cell; no text is a formula or holds control characters."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(map(_inert, row) for row in rows)
    return target.getvalue()


def _inert(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula and no terminal obeys; numbers as they are."""
    if not isinstance(cell, str):
        return cell
    return seen(f"'{cell}" if cell.startswith(_FORMULA) else cell)


def _row_fields(row: BoardRow) -> list[object]:
    model = row.model
    parameters = json.dumps(model.parameters, sort_keys=True, ensure_ascii=False)
    flags = [str(model.reference).lower(), str(model.sees_truth).lower()]
    told = [row.origin, row.source, _spaced(row.seeds)]
    return [name_in_short(row), model.distribution, model.version, parameters, *flags, *told]


def _counts(parameters: Mapping[str, ParameterValue]) -> list[object]:
    """How many real images, and how many that a generator learnt from, a metric was computed beside."""
    return [real_images(parameters), parameters.get("n_training")]


def _spaced(seeds: Sequence[int | None]) -> str:
    return " ".join(str(seed) for seed in seeds if seed is not None)


def _score_fields(score: FoldedScore) -> list[object]:
    interval = [score.value, score.ci_low, score.ci_high, score.spread]
    place = [score.rank, score.rank_low, score.rank_high]
    return [score.metric, score.direction, *interval, score.runs, score.n, score.extractor, *place]
