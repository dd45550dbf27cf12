"""Which run's images readers prefer: shares a pair of runs, a sign test over cases, and one order of all runs.

"Can't tell" is an answer: it has its own share, counts half for either run in the score and in the order, and is left
out of the sign test. That test takes each case's majority of readers as one throw, so that many readers of few cases
don't pass for many cases; over several pairs its p-values are Holm's (1979).

The order is Bradley and Terry's (1952). Every run that met all others has one tie more, shared among its pairs, which
keeps the strength of a run that never lost finite. A whole tie with each of the others would draw the strengths of many
runs towards 0: with eight, as much as the answers of one reader move them. The interval of a strength is Student's
t over readers and cases (`estimates.two_way`), and never narrower than what the likelihood of all answers says: that is
all there is where all prefer one run. Runs that no chain of comparisons connects get no order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from ldbench.board.paired_tests import holm
from ldbench.studies.readers.bradley_terry import bradley_terry, inverse_curvature, profile_interval
from ldbench.studies.readers.estimates import Array, Estimate, share, two_way

SAME = 1e-9
FIRST, SECOND, TIED = 1.0, 0.0, 0.5


@dataclass(frozen=True)
class Preference:
    """Two runs compared. `score` is the first one's share with "can't tell" as half; `cases_first` and `cases_second`
    count the cases whose majority prefers either, `p` is the exact two-sided sign test's, `p_holm` adjusted."""

    first: str
    second: str
    share_first: Estimate
    share_second: Estimate
    share_neither: Estimate
    score: Estimate
    cases_first: int
    cases_second: int
    p: float
    p_holm: float


@dataclass(frozen=True)
class Strength:
    """A run's place in the order: its log strength, the mean over runs being 0."""

    run: str
    rank: int
    strength: Estimate


def preferences(tables: Mapping[tuple[int, int], Array], labels: Sequence[str]) -> list[Preference]:
    """A row a pair with answers; a table is `(R, T)`: 1 for the first run, 0 the second, 0.5 can't tell, or NaN."""
    pairs = [pair for pair, table in sorted(tables.items()) if np.isfinite(table).any()]
    signs = [_signs(tables[pair]) for pair in pairs]
    p_values = [1.0 if sum(sign) == 0 else float(stats.binomtest(sign[0], sum(sign)).pvalue) for sign in signs]
    rows = []
    for pair, sign, p, adjusted in zip(pairs, signs, p_values, holm(p_values), strict=True):
        table = tables[pair]
        one, two, tie, score = map(share, (*(_is(table, value) for value in (FIRST, SECOND, TIED)), table))
        if one is not None and two is not None and tie is not None and score is not None:
            rows.append(
                Preference(labels[pair[0]], labels[pair[1]], one, two, tie, score, sign[0], sign[1], p, adjusted)
            )
    return rows


def order(tables: Mapping[tuple[int, int], Array], labels: Sequence[str]) -> list[Strength]:
    """The runs from the most to the least preferred; empty for fewer than three runs, or where some never met."""
    pairs = [pair for pair, table in sorted(tables.items()) if np.isfinite(table).any()]
    if len(labels) < 3 or not _connected(pairs, len(labels)):
        return []
    used = [tables[pair] for pair in pairs]
    wins_kk = _wins(used, pairs, len(labels))
    value_k = bradley_terry(wins_kk[None])[0]
    parts_krt = _moves(used, pairs, wins_kk, value_k)
    rows = []
    for run, label in enumerate(labels):
        n = sum(int(np.isfinite(table).sum()) for pair, table in zip(pairs, used, strict=True) if run in pair)
        low, high = profile_interval(wins_kk, run)
        error, value = two_way([parts_krt[run]]), float(value_k[run])
        half = 0.0 if error is None else error.half
        estimate = Estimate(value, min(low, value - half), max(high, value + half), n)
        rows.append(Strength(label, 1 + int((value_k > value_k[run] + SAME).sum()), estimate))
    return sorted(rows, key=lambda row: row.rank)


def _wins(tables: Sequence[Array], pairs: Sequence[tuple[int, int]], runs: int) -> Array:
    """Wins between all runs, `(K, K)`, with a share of a tie between any two that were compared."""
    wins_kk = np.zeros((runs, runs))
    for table, (first, second) in zip(tables, pairs, strict=True):
        wins_kk[first, second] = np.nansum(table) + TIED / (runs - 1)
        wins_kk[second, first] = np.nansum(1 - table) + TIED / (runs - 1)
    return wins_kk


def _moves(tables: Sequence[Array], pairs: Sequence[tuple[int, int]], wins_kk: Array, value_k: Array) -> Array:
    """What each answer adds to each strength, `(K, R, T)` with the trials of all pairs in a row: how far it lies from
    what the strengths expect, through the inverse curvature of the likelihood."""
    moves_kk = inverse_curvature(wins_kk, value_k)
    return np.concatenate([
        (moves_kk[:, first] - moves_kk[:, second])[:, None, None]
        * (table - special.expit(value_k[first] - value_k[second]))
        for table, (first, second) in zip(tables, pairs, strict=True)
    ], axis=2)


def _is(table_rt: Array, value: float) -> Array:
    return np.where(np.isnan(table_rt), np.nan, (table_rt == value).astype(np.float64))


def _signs(table_rt: Array) -> tuple[int, int]:
    """Cases whose majority of readers prefers the first run, and the second."""
    seen = table_rt[:, np.isfinite(table_rt).any(axis=0)]
    mean_t = np.nanmean(seen, axis=0)
    return int((mean_t > TIED).sum()), int((mean_t < TIED).sum())


def _connected(pairs: Sequence[tuple[int, int]], runs: int) -> bool:
    reached = {0}
    for _ in range(runs):
        reached |= {run for pair in pairs if reached.intersection(pair) for run in pair}
    return len(reached) == runs
