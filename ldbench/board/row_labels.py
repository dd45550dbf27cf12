"""What a row is called in tables and sentences, so that no two rows of a board share a name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations

from ldbench.board.leaderboard import Row
from ldbench.records.names import one_line

TRUTH_MARK = "†"
SCORED_MARK = "(scored)"
Traits = dict[str, str]
_MOST = 10  # keys of which all combinations are tried


def label(row: Row, rows: Sequence[Row]) -> str:
    """A name for the row: the model, and where `rows` hold its namesakes as few of its settings as tell all of them
    apart, those first that vary most."""
    own, namesakes = _traits(row), [_traits(one) for one in rows if _name(one) == _name(row)]
    apart = [f"{key}={own[key]}" for key in _telling(namesakes) if key in own]
    name = f"{row.model.name} {SCORED_MARK}" if row.model.scored else row.model.name
    name = f"{name} ({', '.join(apart)})" if apart else name
    return one_line(f"{name} {TRUTH_MARK}" if row.model.sees_truth else name)


def untold(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """By the label of each row with namesakes the settings in which these differ and that the label leaves out."""
    found = {}
    for row in rows:
        own, namesakes = _traits(row), [_traits(one) for one in rows if _name(one) == _name(row)]
        told = _telling(namesakes)
        rest = {key: own[key] for key in sorted(own) if key in _differing(namesakes) and key not in told}
        if rest:
            found[label(row, rows)] = rest
    return found


def _telling(namesakes: Sequence[Traits]) -> tuple[str, ...]:
    """The fewest keys that tell apart all that differ, sorted."""
    keys = sorted(_differing(namesakes), key=lambda key: (-_span(namesakes, key), key))
    different = len({tuple(one.get(key) for key in keys) for one in namesakes})
    for size in range(len(keys) if len(keys) <= _MOST else 0):
        for some in combinations(keys, size):
            if len({tuple(one.get(key) for key in some) for one in namesakes}) == different:
                return tuple(sorted(some))
    return tuple(sorted(keys))


def _differing(namesakes: Sequence[Traits]) -> set[str]:
    keys = {key for one in namesakes for key in one}
    return {key for key in keys if len({one.get(key) for one in namesakes}) > 1}


def _span(namesakes: Sequence[Traits], key: str) -> float:
    """How many times the smallest value the largest one is; 0 for what is no number above 0."""
    try:
        values = [float(one[key]) for one in namesakes]
    except (KeyError, ValueError):
        return 0.0
    return max(values) / min(values) if min(values) > 0 else 0.0


def _name(row: Row) -> tuple[str, bool, str]:
    return row.model.name, row.model.scored, row.origin


def _traits(row: Row) -> Traits:
    model = row.model
    parameters = {key: json.dumps(value).strip('"') for key, value in model.parameters.items()}
    fixed = {"version": model.version, "distribution": model.distribution, "source": row.source}
    return {**{key: value or "" for key, value in fixed.items()}, **parameters}
