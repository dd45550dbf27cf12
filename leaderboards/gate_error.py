"""How often the gate closes on an unchanged generator, and how much worse a score must be before it does.

    python -m leaderboards.gate_error leaderboards/results

Takes the ranked rows of the results whose seeds give other images. Some seeds of a row are the baseline, others are
today's run of the same unchanged row, so every "worse" is false. Prints, for numbers of seeds then and now, the share
of pairs on which the row's gate closes. Then, by metric, the median over rows of what is allowed, in per cent of the
baseline's value. The tolerance is the default one. Rows of three seeds give no pairs of more than three.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ldbench.board.entries import entries
from ldbench.board.gather import collect
from ldbench.board.leaderboard import Leaderboard, by_task, fold_task
from ldbench.board.ranks import comparisons
from ldbench.records.identity import Found
from ldbench.report.gate.findings import GateFinding
from ldbench.report.gate.judge import check
from ldbench.report.gate.tolerance import Tolerances

FRESH = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, 2), (3, 2), (2, 3))
AGAIN = ((1, 1), (3, 1), (5, 1), (5, 2))
SHOWN = ("viewed_fid", "fid", "coverage", "judge_accuracy", "auc", "counterfactual_error", "identity_ssim")
Seeds = tuple[int, ...]


class Row:
    """A row's runs, and its board for any choice of them."""

    def __init__(self, runs: Sequence[Found]) -> None:
        self.runs = runs
        self.board = functools.cache(self._board)

    def _board(self, chosen: Seeds) -> Leaderboard:
        found = [self.runs[index] for index in chosen]
        return fold_task(found, comparisons(found))

    def gate(self, then: Seeds, now: Seeds) -> tuple[GateFinding, ...]:
        """What the gate finds between two choices of runs."""
        boards = [{board.task.id: board} for board in map(self.board, (now, then))]
        return check(*boards, Tolerances()).findings

    def pairs(self, then: int, now: int, again: bool) -> Iterator[tuple[Seeds, Seeds]]:
        """All choices of so many runs then and now; today's are among the baseline's, or all others."""
        every = range(len(self.runs))
        for old in itertools.combinations(every, then):
            rest = old if again else [index for index in every if index not in old]
            yield from ((old, new) for new in itertools.combinations(rest, now))


def rows(results: Path) -> list[Row]:
    """The ranked rows of two seeds or more that give other images with another seed."""
    listed = (row for found in by_task(collect([results])).values() for row in entries(found))
    return [Row(row.runs) for row in listed if row.competes and len(row.runs) > 1 and not row.ignores_the_seed]


def closed(chosen: Sequence[Row], then: int, now: int, again: bool) -> tuple[int, int]:
    """On how many pairs of unchanged runs a row's gate closes, and of how many."""
    found = [any(one.fails for one in row.gate(*pair)) for row in chosen for pair in row.pairs(then, now, again)]
    return sum(found), len(found)


def allowed(chosen: Sequence[Row], then: int, now: int, other: bool = False) -> Mapping[str, float]:
    """By metric, the median over rows of what is allowed, as a share of the baseline's value; of one seed each today's
    is the same, or another one."""
    shares: dict[str, list[float]] = {}
    for row in chosen:
        if max(then, now + other) <= len(row.runs):
            for one in row.gate(tuple(range(then)), tuple(range(other, now + other))):
                if one.metric in SHOWN and one.then and one.allowed is not None:
                    shares.setdefault(one.metric, []).append(one.allowed / abs(one.then))
    return {metric: statistics.median(values) for metric, values in shares.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    chosen = rows(parser.parse_args(arguments).results)
    print(f"{len(chosen)} rows; seeds then, now; pairs on which an unchanged row's gate closes")
    for again, numbers in ((False, FRESH), (True, AGAIN)):
        for then, now in numbers:
            bad, pairs = closed(chosen, then, now, again)
            if pairs:
                seeds = "the same seeds" if again else "other seeds"
                print(f"{then}, {now} {seeds:14} {bad:4} of {pairs:4} {bad / pairs:6.1%}", flush=True)
    print("what is allowed, median over rows, in per cent of the baseline's value")
    for then, now, other in ((1, 1, False), (1, 1, True), (3, 1, False), (3, 3, False), (5, 1, False), (5, 5, False)):
        shares = ", ".join(f"{metric} {share:.1%}" for metric, share in allowed(chosen, then, now, other).items())
        print(f"{then}, {now}{' another seed' if other else ''}: {shares}", flush=True)


if __name__ == "__main__":
    main()
