"""Which row of today is which row of the baseline: the same model, with a new release of its package allowed for.

A row's model is its name, distribution, version, parameters and flags. Where all are equal, it is the same row. Of what
is then left over, one row of today and one of the baseline that differ in nothing but the version are a pair as well:
comparing a release with the one before is what a gate is for. Where several would fit, none is chosen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ldbench.board.leaderboard import BoardRow, FailedRun
from ldbench.records.names import readable_json
from ldbench.records.result import ModelRef

_SAID = 3  # differences that are named
_ABSENT = "(absent)"


@dataclass(frozen=True)
class Pairs:
    """The measured rows of today, those of them that are new, and what the rows of a baseline are today."""

    rows_now: tuple[BoardRow, ...]
    new: tuple[BoardRow, ...]
    _names: dict[str, str]
    _failed: tuple[FailedRun, ...]

    def now(self, then: BoardRow) -> BoardRow | None:
        """The row of today that the baseline's row is."""
        own = self._names[_exact(then.model)]
        return next((row for row in self.rows_now if _exact(row.model) == own), None)

    def failures(self, then: BoardRow) -> list[FailedRun]:
        """The runs of the baseline's row that failed, without those that had failed in the baseline."""
        own = self._names[_exact(then.model)]
        return [one for one in self._failed if _exact(one.model) == own]

    def nearest(self, then: BoardRow) -> BoardRow | None:
        """The new row of the same name that differs from the baseline's in the fewest parameters; it is another."""
        namesakes = [row for row in self.new if row.model.name == then.model.name]
        parameters = then.model.parameters
        return min(namesakes, key=lambda row: len(_differing(parameters, row.model.parameters)), default=None)


def pair(
    rows: Sequence[BoardRow], failed: Sequence[FailedRun],
    rows_then: Sequence[BoardRow], failed_then: Sequence[FailedRun],
) -> Pairs:
    """Pair the rows of one task, complete or failed, with those of its baseline."""
    now = {_exact(model): model for model in (*(row.model for row in rows), *(one.model for one in failed))}
    then = {_exact(row.model): row.model for row in rows_then}
    names = {key: key for key in then}
    old, new = _by_release(then, now), _by_release(now, then)
    for release, keys in old.items():
        if len(keys) == 1 and len(new.get(release, ())) == 1:
            names[keys[0]] = new[release][0]
    taken = set(names.values())
    known = {(names.get(_exact(one.model), _exact(one.model)), one.seed) for one in failed_then}
    return Pairs(
        rows_now=tuple(rows),
        new=tuple(row for row in rows if _exact(row.model) not in taken),
        _names=names,
        _failed=tuple(one for one in failed if (_exact(one.model), one.seed) not in known),
    )


def changes(then: ModelRef, now: ModelRef) -> str:
    """In what two models of one name differ: "noise=0.05 then, 0.5 now", parameters before all else."""
    listed = _differences(then, now)
    more = f" and {len(listed) - _SAID} more" if len(listed) > _SAID else ""
    return "; ".join(listed[:_SAID]) + more


def _differences(then: ModelRef, now: ModelRef) -> list[str]:
    """One text a parameter; where all are equal, one for each other part of the reference."""
    references = [{key: value for key, value in asdict(one).items() if key != "parameters"} for one in (then, now)]
    return _differing(then.parameters, now.parameters) or _differing(*references)


def _differing(then: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    texts = [{key: readable_json(value) for key, value in one.items()} for one in (then, now)]
    pairs = {key: [one.get(key, _ABSENT) for one in texts] for key in sorted({*then, *now})}
    return [f"{key}={old} then, {new} now" for key, (old, new) in pairs.items() if old != new]


def _by_release(models: dict[str, ModelRef], without: dict[str, ModelRef]) -> dict[str, list[str]]:
    """Keys of the models that are not in `without`, by all but the version."""
    groups: dict[str, list[str]] = {}
    for key, model in models.items():
        if key not in without:
            groups.setdefault(_exact(replace(model, version=None)), []).append(key)
    return groups


def _exact(model: ModelRef) -> str:
    return json.dumps(asdict(model), sort_keys=True)
