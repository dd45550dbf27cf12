"""How far from the baseline's value an unchanged row may lie when it is measured again: what the gate allows a row.

The interval on a leaderboard is that of a mean over seeds. Today's mean misses it by what its own seeds do, too, so the
reach is that of a difference of two means: the seeds' part, and the baseline's own interval for cases and scans, which
both share. Nothing here is a ranking.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ldbench.board.difference_test import MANY, CasesError, SeedsError, half_widths
from ldbench.board.leaderboard import BoardRow, FoldedScore
from ldbench.board.seed_allowance import allowed_variances
from ldbench.board.seeds import tabled_t_quantile
from ldbench.plugins.kinds import is_trained
from ldbench.score.metrics.intervals import LEVEL, Z


@dataclass(frozen=True)
class RowPair:
    """A row of today and that of the baseline; `real` holds by metric how many real images it looks at."""

    now: BoardRow
    then: BoardRow
    real: Mapping[str, int | None]

    @property
    def same_seeds(self) -> bool:
        """Whether both have the same seeds, all known, so that nothing but a change can part them."""
        return {*self.then.seeds} == {*self.now.seeds} and None not in self.then.seeds

    @property
    def spread_is_unknown(self) -> bool:
        """Whether neither shows what a seed does: one seed each, and not the same."""
        return len(self.then.seeds) == len(self.now.seeds) == 1 and not self.same_seeds

    @functools.cached_property
    def level(self) -> float:
        """The chance of a miss on one metric: 5 % for the row, by Bonferroni's correction over the shared metrics."""
        shared = sum(self.now.score(score.metric) is not None for score in self.then.scores)
        return (1 - LEVEL) / max(shared, 1)

    def reach(self, now: FoldedScore, then: FoldedScore, above: bool) -> float:
        """How far above or below the baseline's value an unchanged row may lie, in the metric's unit.

        The same seeds give the same images where nothing changed, so there the interval alone counts. It is never less
        than that interval, nor than what today's seeds can differ where all are among the baseline's.
        """
        end = then.ci_high - then.value if above else then.value - then.ci_low
        if self.same_seeds:
            return end
        between = max(self._of_seeds(now, then), self._of_some(now, then))
        return max(end, math.hypot(between, _of_cases(then, end)))

    def _of_seeds(self, now: FoldedScore, then: FoldedScore) -> float:
        """Half the width for the difference of two means of equal rows: both show what a seed does, and the allowance
        bounds it, as `ldbench.board.paired_tests` has it for two rows of a board."""
        if self.then.ignores_the_seed and not is_trained(then.metric):
            return 0.0
        degrees, squares = 0, 0.0
        for score in (now, then):
            degrees, squares = degrees + score.runs - 1, squares + (score.runs - 1) * (score.spread or 0.0) ** 2
        shown = squares / degrees if degrees else math.inf
        error = _of_cases(then, max(then.ci_high - then.value, then.value - then.ci_low)) / Z
        least, most = allowed_variances(then.metric, then.n, self.real.get(then.metric), error, then.value)
        allowed = math.inf if degrees and shown > most else most
        each = 1 / now.runs + 1 / then.runs
        seeds = SeedsError(max(shown, least) * each, max(degrees, 1), allowed * each)
        return float(half_widths(self.level, CasesError(0.0, MANY), [seeds]))

    def _of_some(self, now: FoldedScore, then: FoldedScore) -> float:
        """The farthest that the mean of some of the baseline's seeds can lie from that of all (Samuelson 1968, JASA
        63:1522, for one of them)."""
        some, every = now.runs, then.runs
        if not set(self.now.seeds) <= set(self.then.seeds) or some > every:
            return 0.0
        return (then.spread or 0.0) * math.sqrt((every - 1) * (every - some) / (every * some))


def _of_cases(score: FoldedScore, end: float) -> float:
    """What of an `end` of a folded interval the runs' own intervals gave (`ldbench.board.seeds.pool`)."""
    if score.spread is None:
        return end
    between = tabled_t_quantile(score.runs - 1) * score.spread / math.sqrt(score.runs)
    return math.sqrt(max(end**2 - between**2, 0.0))
