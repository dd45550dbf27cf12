"""What a row is called in tables and sentences, so that no two rows of a board share a name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ldbench.board.leaderboard import Row
from ldbench.records.names import one_line

TRUTH_MARK = "†"


def label(row: Row, rows: Sequence[Row]) -> str:
    """A name for the row: the model, and where `rows` hold its namesakes what sets it apart from them."""
    own = _traits(row)
    namesakes = [one for one in rows if (one.model.name, one.origin) == (row.model.name, row.origin)]
    others = [_traits(one) for one in namesakes]
    apart = [f"{key}={own[key]}" for key in sorted(own) if any(one.get(key) != own[key] for one in others)]
    name = f"{row.model.name} ({', '.join(apart)})" if apart else row.model.name
    return one_line(f"{name} {TRUTH_MARK}" if row.model.sees_truth else name)


def _traits(row: Row) -> dict[str, str]:
    model = row.model
    parameters = {key: json.dumps(value).strip('"') for key, value in model.parameters.items()}
    fixed = {"version": model.version, "distribution": model.distribution, "source": row.source}
    return {**{key: value or "" for key, value in fixed.items()}, **parameters}
