"""What a row is called in tables and sentences, so that no two rows of a board share a name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ldbench.board.leaderboard import Row
from ldbench.records.names import one_line

TRUTH_MARK = "†"
SCORED_MARK = "(scored)"


def label(row: Row, rows: Sequence[Row]) -> str:
    """A name for the row: the model, and where `rows` hold its namesakes what sets it apart from them."""
    own = _traits(row)
    namesakes = [one for one in rows if _name(one) == _name(row)]
    others = [_traits(one) for one in namesakes]
    apart = [f"{key}={own[key]}" for key in sorted(own) if any(one.get(key) != own[key] for one in others)]
    name = f"{row.model.name} {SCORED_MARK}" if row.model.scored else row.model.name
    name = f"{name} ({', '.join(apart)})" if apart else name
    return one_line(f"{name} {TRUTH_MARK}" if row.model.sees_truth else name)


def _name(row: Row) -> tuple[str, bool, str]:
    return row.model.name, row.model.scored, row.origin


def _traits(row: Row) -> dict[str, str]:
    model = row.model
    parameters = {key: json.dumps(value).strip('"') for key, value in model.parameters.items()}
    fixed = {"version": model.version, "distribution": model.distribution, "source": row.source}
    return {**{key: value or "" for key, value in fixed.items()}, **parameters}
